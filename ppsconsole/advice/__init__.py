"""What happened, in words, and what to do next. Pure: a snapshot in, sentences out."""
