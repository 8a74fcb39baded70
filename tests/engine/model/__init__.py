"""A model of a cluster: a double at the driver boundary, with a held clock. Everything above the drivers is the real thing.

Engine, runbooks, advice, probes, actions, lease, copies and guard run as they are shipped. What they send is not interpreted as
shell: each text is compared with what the product's own builders make for this inventory (`commands`, `lease_files`), the guard
around it is read line by line (`guarded`), and whatever is neither fails loudly (`UnknownToModel`).
"""
