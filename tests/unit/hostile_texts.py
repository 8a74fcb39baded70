"""What a host may say to harm whoever reads it, and what must not be left of it on a terminal."""

import re

HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)
"""Characters that no terminal may get from a host."""

MARKUP = "[red]x[/red] [@click=app.quit]y[/] [link=http://evil]z[/link] [bold on blink]w"

TEXTS = {
    "markup": MARKUP,
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07 and \x1b]52;c;cm0gLXJmIC8=\x1b\\",
    "hyperlink": "\x1b]8;;http://evil\x1b\\here\x1b]8;;\x1b\\",
    "title and screen": "\x1b]0;owned\x07\x1b[2J\x1b[1;1H\x1b[?1049l\x9b31m\x1bc\x1b[6n",
    "direction": "\u202eevil\u2066 \u200fx\u061c\u2069",
    "unseen": "a\u200b\ufeff\xad\u2060b\U000e0041\U000e007f",
    "line ends": "a\r\nb\nc\vd\fe\tf\x00g\x85h\u2028i",
    "half characters": "\ud800 and \udcff\udc9b",
    "wide": "漢字" * 20 + "e\u0301" * 9 + "👩\u200d👩\u200d👧" * 3,
    "long": "x" * 200,
}

NASTY = " ".join(text for name, text in TEXTS.items() if name not in ("wide", "long"))
