"""What the operator declares: the model, and loading it from YAML with every mistake reported at its line."""
