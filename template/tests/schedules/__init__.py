"""The tests of schedules that are edited while the scheduler runs."""
