"""The terminal side of the console: what is sent, what is read, and how the terminal is given back."""
