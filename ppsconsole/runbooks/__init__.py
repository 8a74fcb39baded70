"""The procedures: pure functions from inventory and snapshot to a plan."""
