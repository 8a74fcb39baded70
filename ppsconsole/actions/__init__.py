"""The verbs: what a step does on the world. Each knows its commands, and verifies by looking, not by its own exit code."""
