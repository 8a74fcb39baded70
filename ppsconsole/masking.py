"""The one place where secrets are masked, at the edge where text is recorded.

`drivers.secrets` adds every secret that it resolves; whatever writes text for a person or a file passes it through `mask`.
Shapes that carry secrets (`password=...`, a URL with credentials, a bearer token) are masked even when the value
was never resolved here.
"""

import re

MASK = "•••"

_SHAPES = re.compile(
    r"""(?ix)
    (?P<key> \b(?:password|passwd|pwd|secret|access_token|token|sslpassword)\b ["']? \s* [=:] \s* )
        (?P<quote>["']?) (?P<value>[^\s"',;&}]+) (?P=quote)
    | (?P<scheme>\b[a-z][a-z0-9+.-]*://[^\s:/@]+:) (?P<inline>[^\s@/]+) (?=@)
    | (?P<bearer>\b(?:bearer|basic)\s+) (?P<credential>[A-Za-z0-9._~+/=-]{8,})
    """
)

_HINTS = ("passw", "pwd", "secret", "token", "://", "bearer", "basic")
"""One of these stands in whatever `_SHAPES` finds: looking for them first makes a flood of log lines thirty times cheaper."""


class Masker:
    """Knows the secrets of this process and takes them out of text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Remember `secret`; shorter than four characters would mask half of all text and is left to the shapes."""
        if len(secret) < 4 or secret in self._secrets:
            return
        self._secrets.add(secret)
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(each) for each in longest_first))

    def mask(self, text: str) -> str:
        """Return `text` with every known secret, and every value in a place where secrets stand, replaced."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        if text.isascii():  # outside of ASCII some letters count as others (U+017F is an s) for the pattern, but not for `lower`
            lower = text.lower()
            for hint in _HINTS:  # a loop, as it is run for all that a host says: half the price of any()
                if hint in lower:
                    break
            else:
                return text
        return _SHAPES.sub(_masked_shape, text)


def _masked_shape(match: re.Match[str]) -> str:
    if match["key"] is not None:
        return f"{match['key']}{match['quote']}{MASK}{match['quote']}"
    if match["scheme"] is not None:
        return f"{match['scheme']}{MASK}"
    return f"{match['bearer']}{MASK}"


masker = Masker()
"""The process's own masker: secrets are process-wide, so is this."""


def mask(text: str) -> str:
    """Return `text` without secrets; see `Masker.mask`."""
    return masker.mask(text)


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str, limit: int = 400) -> str:
    """Return text from a host as one harmless line: no control characters, no secrets, at most `limit` characters.

    Text from a host is data (DESIGN §4): terminal escapes and direction marks are shown as `?`.
    """
    line = _CONTROL.sub("?", " ".join(text.split()))
    line = mask(line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
