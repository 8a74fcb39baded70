"""One small file for each thing observed: an async read and a pure judge; the monitor that schedules them."""
