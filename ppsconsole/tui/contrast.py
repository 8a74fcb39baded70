"""How well colours can be told from what they stand on: the contrast of WCAG 2."""

from ppsconsole.tui.theme_file import Palette

LEAST_TEXT = 4.5
LEAST_LINE = 3.0
"""What WCAG 2 asks for at level AA: 1.4.3 for text, 1.4.11 for drawings."""

TEXTS = ("text", "dim", "title", "ok", "warn", "down", "off", "unknown")
"""Colours of text; each stands on the background and on the panel. Reversed ones have the same contrast."""
LINES = ("edge", "edge-idle", "edge-broken", "accent", "border", "lab")
"""Colours of lines, which stand on the background."""


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours given as `#rrggbb`: from 1, the same, to 21, black and white."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Return the relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def hard_to_see(palette: Palette, least_text: float = LEAST_TEXT, least_line: float = LEAST_LINE) -> list[str]:
    """Return what of a theme is hard to see, in words; nothing of one in the terminal's own colours, which nobody knows here."""
    if palette.is_ansi:
        return []
    pairs = [(text, ground, least_text) for text in TEXTS for ground in ("background", "panel")]
    pairs += [("lab", "background", least_text), ("accent", "panel", least_line)]
    pairs += [(line, "background", least_line) for line in LINES]
    found: list[str] = []
    for one, other, least in pairs:
        has = contrast(palette.colours[one], palette.colours[other])
        if has < least:
            found.append(f"{one} on {other} has a contrast of {has:.1f}, {least:g} is the least")
    return found
