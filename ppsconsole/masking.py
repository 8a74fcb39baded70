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
        (?: (?P<quote>'"'"'|'\\''|["']) (?:(?!(?P=quote))[^\\\n] | \\. | (?P=quote)(?P=quote))+ (?:(?P=quote)|(?=\n)|\Z)
        | ["']? (?:[^\s"',;&}] | [,;&}](?!["'\s}]|\Z|[\w.-]{1,40}(?:[ ][\w.-]{1,40})?["']?\s?[=:]) | ["'](?=\w))+ )
    | (?P<scheme>://[^\s:/@]*:) [^\s/]+ (?=@)
    | (?P<bearer>\b(?:bearer|basic)\s{1,8}) [A-Za-z0-9._~+/=-]{8,}
    | (?P<option>--[a-z0-9-]{0,20}(?<!no-)(?:password|passwd|passphrase|secret|token)[ ]) [^\s-]\S*
    | (?P<pgpass>(?<![\w:.*-])[\w.*-]{1,253}:(?:5432|\*):[^\s:]{1,63}:[^\s:]{1,63}:) [^\s:]\S*
    | (?P<age>AGE-SECRET-KEY-) [0-9A-Z]+
    | (?P<pem>-----BEGIN\s[A-Z ]{0,40}PRIVATE\sKEY-----) .*? (?:-----END|\Z)
    """
)
"""No part of it looks further than its own match without an end: what a host prints decides how long this is at work.

A word before the key counts with it (`PGPASSWORD=`, `client_secret:`); a separator belongs to a value unless another key, a
blank or the end comes behind it (`password=a,b;Database=x`). A quote may stand in a shell's quotes, as in a command that is told.
"""

_HINTS = ("passw", "passphr", "pwd", "secret", "token", "://", "bearer", "basic", "private key", ":5432:", ":*:")
"""One of these stands in whatever `_SHAPES` finds: looking for them first makes a flood of log lines thirty times cheaper."""

_BEGUN = re.compile(r"(?is)(?P<kept>://[^\s:/@]*:)[^\s/]*\Z|(?P<bearer>\b(?:bearer|basic)\s{1,8})\S*\Z")
"""What `_SHAPES` finds by its end only, where the text was cut before that."""


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
        return _SHAPES.sub(_masked_shape, text) if _may_have_shapes(text) else text

    def mask_cut(self, text: str) -> str:
        """Return `text`, which goes on behind its end, masked; also what may be the beginning of a secret there."""
        masked = _BEGUN.sub(lambda match: match[match.lastgroup or 0] + MASK, self.mask(text))
        begun = self._begun(masked)
        return masked if begun == len(masked) else masked[:begun] + MASK

    def place_to_cut(self, text: str, most: int) -> int:
        """Return where to cut `text`: behind `most` characters, or before the secret that such a cut would go through.

        Behind `most` there has to be more of the text than a secret is long: what goes on behind its end is not known.
        """
        spans = [match.span() for pattern in (self._pattern, _SHAPES) if pattern is not None for match in pattern.finditer(text)]
        spans.append((self._begun(text), len(text)))
        for start, end in sorted(spans, reverse=True):
            if start < most <= end:  # at its end, too: by what comes there some are known
                most = start
        return most

    def _begun(self, text: str) -> int:
        """Return where at the end of `text` a known secret begins that is not there as a whole; its length where none does."""
        first = len(text)
        for secret in self._secrets:
            at = text.find(secret[0], max(0, len(text) - min(len(secret) - 1, _MOST_BEGUN)))
            while 0 <= at < first:
                if secret.startswith(text[at:]):
                    first = at
                at = text.find(secret[0], at + 1)
        return first


def _may_have_shapes(text: str) -> bool:
    """Return False for most text in which no shape can be."""
    if not text.isascii():  # outside of ASCII some letters count as others (U+017F is an s) for the pattern, but not for `lower`
        return True
    lower = text.lower()
    for hint in _HINTS:  # noqa: SIM110 - it is run for all that a host says, and any() costs twice as much
        if hint in lower:
            return True
    return False


def _forms(secret: str) -> Iterator[str]:
    """Yield `secret` in the ways of writing in which it may come back; each also as `plain` makes it, on one line."""
    import html
    import json
    from base64 import b64encode
    from urllib.parse import quote, quote_plus

    lines = [line.strip() for line in secret.splitlines()]
    yield from (line for line in lines if len(line) >= 8 and len(lines) > 1)
    raw = secret.encode("utf-8", "surrogatepass")  # what is no UTF-8 in the environment comes as halves of characters
    backslashed = secret.replace("\\", "\\\\")
    for form in (
        secret,
        quote(raw, safe=""),
        re.sub("%..", lambda match: match[0].lower(), quote(raw, safe="")),
        quote(raw),
        quote_plus(raw),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        secret.replace("'", "''"),
        secret.replace("'", "'\"'\"'"),  # both as shells are told of a quote in quotes
        secret.replace("'", "'\\''"),
        backslashed,
        backslashed.replace("'", "\\'"),
        repr(secret)[1:-1],
        b64encode(raw).decode(),
    ):
        yield from (form, _harmless(form))


def _masked_shape(match: re.Match[str]) -> str:
    kept = match[match.lastgroup] if match.lastgroup not in (None, "quote") else match["key"]
    quote = match["quote"] or ""
    return f"{kept}{quote}{MASK}{quote}"


masker = Masker()
"""The process's own masker: secrets are process-wide, so is this."""


def mask(text: str) -> str:
    """Return `text` without secrets, see `Masker.mask`; one that colours or invisible characters divide is put together first."""
    masked = masker.mask(text)
    if _CONTROL.search(text):
        bare = masker.mask(_seen(text))
        masked = bare if bare.count(MASK) > masked.count(MASK) else masked
    return masked


_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)

_OBEYED = re.compile(f"[\t\n]|{_CONTROL.pattern}")

_MOST = 1 << 16
"""Characters that are looked at beyond the limit: a host that prints megabytes must not keep the console busy with them."""

_ESCAPE = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?|\x1b[ -/]*[0-~]")
"""What a terminal takes for one command: colours, titles, the clipboard."""

_MOST_BEGUN = 4096
"""So much of a known secret is recognized where a text was cut in it; the lines of longer ones are known one by one."""


def plain(text: str, limit: int = 400) -> str:
    """Return text from a host as one harmless line: no control characters, no secrets, at most `limit` characters.

    Text from a host is data (DESIGN §4): terminal escapes, direction marks, what is not seen and what cannot be encoded are shown
    as `?`.
    """
    seen = text[: 4 * limit + _MOST]
    masked = masker.mask if len(seen) == len(text) else masker.mask_cut
    line = masked(_harmless(seen))
    if _CONTROL.search(seen):  # as `mask` does
        bare = masked(_harmless(_seen(seen)))
        line = bare if bare.count(MASK) > line.count(MASK) else line
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _seen(text: str) -> str:
    """Return what a terminal would show of `text`."""
    return _CONTROL.sub("", _ESCAPE.sub("", text))


def inert(text: str) -> str:
    """Return text of one line in which a terminal finds nothing to obey, as long as before; for faces, just before they show it.

    What hosts say has become `plain` long before that: this holds also for what somebody forgot.
    """
    return _OBEYED.sub("?", text) if not text.isprintable() else text


def escaped(text: str) -> str:
    """Return JSON in which what a terminal obeys, or cannot be written, is told by its number: the same document."""
    import json

    return _CONTROL.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _harmless(text: str) -> str:
    return _CONTROL.sub("?", " ".join(text.split()))
