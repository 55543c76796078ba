"""Take away what a generated project stands on, a process or a server at a time, and see that it keeps its promises."""
