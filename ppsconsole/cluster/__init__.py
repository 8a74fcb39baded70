"""What was observed: facts, verdicts, roles and the snapshot made of them. Pure values and pure functions, no IO."""
