"""How colours look: to eyes that lack one kind of cones, on terminals with 256 colours, and how far two are apart."""

import math

from rich._palettes import EIGHT_BIT_PALETTE
from rich.color import Color, ColorSystem

EYES = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""Machado, Oliveira and Fernandes 2009, severity 1.0: matrices for linear sRGB."""

Three = tuple[float, float, float]


def linear(colour: str) -> Three:
    """Return linear sRGB of `#rrggbb`."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _linear(red), _linear(green), _linear(blue)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def seen(colour: str, eyes: str) -> Three:
    """Return linear sRGB as these eyes see it."""
    parts = linear(colour)
    rows = (sum(one * other for one, other in zip(row, parts, strict=True)) for row in EYES[eyes])
    red, green, blue = (min(1.0, max(0.0, value)) for value in rows)
    return red, green, blue


def lab(parts: Three) -> Three:
    """Return CIE L*a*b* (D65) of linear sRGB."""
    red, green, blue = parts
    x, y, z = (
        _root(value)
        for value in (
            (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047,
            0.2126729 * red + 0.7151522 * green + 0.0721750 * blue,
            (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883,
        )
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(value: float) -> float:
    return value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def apart(one: str, other: str, eyes: str) -> float:
    """Return how far two colours are apart (CIE 1976): 2.3 can just be seen side by side."""
    return math.dist(lab(seen(one, eyes)), lab(seen(other, eyes)))


def of_256(colour: str) -> str:
    """Return `#rrggbb` as a terminal of 256 colours shows it."""
    number = Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT).number
    assert number is not None
    assert number >= 16, "the first sixteen are each terminal's own"
    red, green, blue = EIGHT_BIT_PALETTE[number]
    return f"#{red:02x}{green:02x}{blue:02x}"
