"""Runs a plan: journal, lease, gates, resume, back out. What is safe is decided here and nowhere else."""
