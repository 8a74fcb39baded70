"""The commands: everything that the console shows, as plain lines."""
