"""Schedules of generated projects on real servers: schedulers are killed, rows are broken, and servers go away."""
