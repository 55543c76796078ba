"""Schedules that are edited while the scheduler runs: rows of a store, which every scheduler looks at each second."""
