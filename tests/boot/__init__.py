"""Boot every variant of a generated project on real servers, and drive it from outside."""
