"""A small cluster in network namespaces: real OpenSSH, real sudo, real PostgreSQL, and wires of its own that can be cut."""
