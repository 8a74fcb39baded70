"""A run told afterwards, from its plan and its events and from nothing else: text, Markdown, HTML, JSON."""
