"""What stands on the screen, as plain text."""

from textual.app import App


def screen_lines(app: App) -> list[str]:
    """Return the rows of the top screen as a terminal would show them, without styles and trailing blanks."""
    width, height = app.screen.size
    rows = app.screen._compositor.render_strips()
    assert len(rows) == height
    lines = ["".join(segment.text for segment in strip) for strip in rows]
    assert all(len(line) == width for line in lines), "every row fills the terminal"
    return [line.rstrip() for line in lines]


def screen_text(app: App) -> str:
    """Return the same as one text."""
    return "\n".join(screen_lines(app))
