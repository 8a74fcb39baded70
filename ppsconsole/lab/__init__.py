"""A real cluster on this machine: real PostgreSQL, nginx and SSH; the PPS web nodes are stand-ins."""
