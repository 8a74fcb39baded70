"""What screens are made of: one widget in each file, its style sheet beside it where it has a style of its own."""
