"""What things cost: `make bench`, or `python -m tests.bench NAME...` for some of it. It measures and judges nothing."""
