"""What may be done: steps, plans, proofs, outcomes and events. Pure values; JSON in and out, nothing is run here."""
