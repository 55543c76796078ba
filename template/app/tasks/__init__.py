"""Background tasks. Every module in this package is found by itself: add a file, and it is there."""
