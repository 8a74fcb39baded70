"""The one place where secrets are masked, at the edge where text is recorded.

`drivers.secrets` adds every secret that it resolves; whatever writes text for a person or a file passes it through `mask`.
Shapes that carry secrets (`password=...`, a URL with credentials, a bearer token) are masked even when the value
was never resolved here.
"""

import re
from collections.abc import Iterator

MASK = "•••"

_SHAPES = re.compile(
    r"""(?isx)
    (?P<key> (?:password|passwd|passphrase|pwd|secret|token)\b ["']? \s{0,8} [=:] \s{0,8} )
        (?: (?P<quote>["']) (?:(?!(?P=quote))[^\\\n] | \\. | (?P=quote)(?P=quote))+ (?:(?P=quote)|(?=\n)|\Z)
        | ["']? (?:[^\s"',;&}] | [,;&}](?!["'\s}]|\Z|[\w.-]{1,40}(?:[ ][\w.-]{1,40})?["']?\s?[=:]) | ["'](?=\w))+ )
    | (?P<scheme>://[^\s:/@]*:) [^\s/]+ (?=@)
    | (?P<bearer>\b(?:bearer|basic)\s{1,8}) [A-Za-z0-9._~+/=-]{8,}
    | (?P<option>--[a-z0-9-]{0,20}(?<!no-)(?:password|passwd|passphrase|secret|token)[ ]) [^\s-]\S*
    | (?P<age>AGE-SECRET-KEY-) [0-9A-Z]+
    | (?P<pem>-----BEGIN\s[A-Z ]{0,40}PRIVATE\sKEY-----) .*? (?:-----END|\Z)
    """
)
"""No part of it looks further than its own match without an end: what a host prints decides how long this is at work.

A word before the key counts with it (`PGPASSWORD=`, `client_secret:`); a separator belongs to a value unless another key, a
blank or the end comes behind it (`password=a,b;Database=x`).
"""

_HINTS = ("passw", "passphr", "pwd", "secret", "token", "://", "bearer", "basic", "private key")
"""One of these stands in whatever `_SHAPES` finds: looking for them first makes a flood of log lines thirty times cheaper."""


class Masker:
    """Knows the secrets of this process and takes them out of text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Remember `secret`, as it is and as it is written in URLs, JSON, HTML, SQL and connection strings.

        Shorter than four characters would mask half of all text and is left to the shapes.
        """
        if secret in self._secrets:
            return
        found = {each for each in _forms(secret) if len(each) >= 4} - self._secrets
        if not found:
            return
        self._secrets |= found
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


def _forms(secret: str) -> Iterator[str]:
    """Yield `secret` in the ways of writing in which it may come back; each also as `plain` makes it, on one line."""
    import html
    import json
    from urllib.parse import quote, quote_plus

    lines = [line.strip() for line in secret.splitlines()]
    yield from (line for line in lines if len(line) >= 8 and len(lines) > 1)
    backslashed = secret.replace("\\", "\\\\")
    for form in (
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        secret.replace("'", "''"),
        backslashed,
        backslashed.replace("'", "\\'"),
    ):
        yield from (form, _harmless(form))


def _masked_shape(match: re.Match[str]) -> str:
    kept = match[match.lastgroup] if match.lastgroup not in (None, "quote") else match["key"]
    quote = match["quote"] or ""
    return f"{kept}{quote}{MASK}{quote}"


masker = Masker()
"""The process's own masker: secrets are process-wide, so is this."""


def mask(text: str) -> str:
    """Return `text` without secrets; see `Masker.mask`."""
    return masker.mask(text)


_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)

_MOST = 1 << 16
"""Characters that are looked at beyond the limit: a host that prints megabytes must not keep the console busy with them."""


def plain(text: str, limit: int = 400) -> str:
    """Return text from a host as one harmless line: no control characters, no secrets, at most `limit` characters.

    Text from a host is data (DESIGN §4): terminal escapes, direction marks, what is not seen and what cannot be encoded are shown
    as `?`.
    """
    line = mask(_harmless(text[: 4 * limit + _MOST]))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _harmless(text: str) -> str:
    return _CONTROL.sub("?", " ".join(text.split()))
