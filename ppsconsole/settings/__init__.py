"""What the person at the console may set: keys, theme, mouse, glyphs. Pure values and one file; both faces read it."""
