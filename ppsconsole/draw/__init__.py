"""Topology and gauges as text: pure, shared by the console and the commands."""
