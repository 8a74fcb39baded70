"""What may stand in one place of the inventory: each kind decodes a YAML scalar, tells its JSON schema, and shows a value.

`decode` returns the value, `ABSENT` for an explicit null, and the kind's blank when it refused what it found. The first
lines of each are the fast path for values without fault; everything that explains a fault comes after it.
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address
from typing import Any, Final
from urllib.parse import urlsplit

from yaml.nodes import Node, ScalarNode

from ppsconsole.inventory.reading import Reading, is_null, quoted
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.masking import mask

ABSENT: Final[Any] = type("Absent", (), {"__repr__": lambda self: "ABSENT"})()
"""Stands for `null` or nothing behind the colon: the same as leaving the key out."""

NAME: Final = "[a-z0-9][a-z0-9._-]{0,62}"
LONGEST_TEXT: Final = 1024

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
"""Control characters, direction marks and characters of no width: a name that looks like another is how mistakes are planted."""

_ORDINARY = re.compile(r"(?!(?:null|Null|NULL)\Z)[A-Za-z0-9_.,/\\-]{1,200}").fullmatch
_IPV4 = r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_HOST = rf"(?:{_IPV4}|(?![\d.]+\Z)(?!null\Z)(?=.{{1,253}}\Z)[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?)"
_ADDRESS = re.compile(_HOST).fullmatch
_PORT = re.compile(r"[1-9]\d{0,4}").fullmatch
_SCHEME = re.compile(r"([A-Za-z]+):").match


class Kind(ABC):
    """What may stand in one place.

    Attributes:
        expected: The kind in words, as in `expected a whole number from 1 to 65535`.
        blank: What stands for a value that was refused or is missing, while the rest is checked.
    """

    expected: str
    blank: Any = None

    @abstractmethod
    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the value at `node`; `blank` after a mistake was noted, `ABSENT` for null."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of this kind."""

    def shown(self, value: Any) -> Any:
        """Return `value` as plain data that decodes to it again, without anything that looks like a secret."""
        return mask(value) if isinstance(value, str) else value


def scalar_text(node: Node, reading: Reading, expected: str) -> Any:
    """Return the text at `node`; `ABSENT` for null, None (refused) for a mapping or a list."""
    if not isinstance(node, ScalarNode):
        reading.refuse_type(node, expected)
        return None
    return ABSENT if is_null(node) else node.value


class Text(Kind):
    """One line of text without control characters and without a secret in it."""

    expected = "text"
    fast: Callable[[str], Any] = staticmethod(_ORDINARY)

    def __init__(self, *, may_be_empty: bool = False) -> None:
        self._may_be_empty = may_be_empty

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the text."""
        if node.__class__ is ScalarNode and self.fast(node.value):
            return node.value
        text = scalar_text(node, reading, self.expected)
        if text is None or text is ABSENT:
            return text
        fault = self._common_fault(text) or self.fault(text)
        if fault is not None:
            reading.refuse(node, *fault)
            return None
        return self.cleaned(text)

    def fault(self, text: str) -> tuple[str, str] | None:
        """Return what is wrong with `text` and what is allowed, None when nothing is."""
        return None

    def cleaned(self, text: str) -> str:
        """Return the value for a text without fault."""
        return text

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        return {"type": "string", "minLength": 0 if self._may_be_empty else 1, "maxLength": LONGEST_TEXT}

    def _common_fault(self, text: str) -> tuple[str, str] | None:
        unseen = _UNSEEN.search(text)
        if unseen is not None:
            what = f"{quoted(text)} holds the control character U+{ord(unseen.group()):04X}"
            return what, "only printable text on one line is allowed; remove it"
        if not text.strip() and not (self._may_be_empty and text == ""):
            return "an empty value", f"expected {self.expected}"
        if len(text) > LONGEST_TEXT:
            return f"a text of {len(text)} characters", f"at most {LONGEST_TEXT} are allowed"
        if mask(text) != text:
            allowed = (
                "take it out; secrets stand in fields of their own, as env:NAME, file:PATH, keyring:SERVICE/USER or command:…"
            )
            return "a secret stands here in clear (not shown)", allowed
        return None


class Choice(Text):
    """One of a few words."""

    def __init__(self, *words: str, refused: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.words = words
        self.expected = "one of " + ", ".join(words)
        self._known = frozenset(words)
        self._refused = dict(refused or {})

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the word."""
        if node.__class__ is ScalarNode and node.value in self._known:
            return node.value
        text = scalar_text(node, reading, self.expected)
        if text is None or text is ABSENT:
            return text
        why = self._refused.get(text)
        what = f"{quoted(text)} is refused: {why}" if why else f"{quoted(text)} is not one of the choices"
        reading.refuse(node, what, reading.choices(text, self.words))
        return None

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        return {"enum": list(self.words)}


class Ref(Kind):
    """The name of something that is declared in another section."""

    def __init__(self, section: str) -> None:
        self.section = section
        self.expected = f"a name from {section}"

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the name; whether it is declared is known when all was read."""
        if node.__class__ is ScalarNode and _ORDINARY(node.value):
            reading.references.append((node, self.section))
            return node.value
        text = scalar_text(node, reading, self.expected)
        if text is not None and text is not ABSENT:
            reading.references.append((node, self.section))  # type: ignore[arg-type]
        return text

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        return {"type": "string", "pattern": f"^{NAME}$"}


class Address(Text):
    """A host name or an IP address, without port and scheme."""

    expected = "a host name or an IP address"
    fast = staticmethod(_ADDRESS)

    def fault(self, text: str) -> tuple[str, str] | None:
        """Say what is wrong."""
        if _ADDRESS(text) or _is_ipv6(text):
            return None
        return f"{quoted(text)} is not a host name or an IP address", f"expected {self.expected}, without port and scheme"


class MemberAddress(Text):
    """A member of a balancer as its configuration lists it: `10.0.1.11:10001`."""

    expected = "an address with its port, e.g. 10.0.1.11:10001"
    fast = staticmethod(lambda text: None)

    def fault(self, text: str) -> tuple[str, str] | None:
        """Say what is wrong."""
        host, _, port = text.rpartition(":")
        is_host = bool(_ADDRESS(host)) or (host.startswith("[") and host.endswith("]") and _is_ipv6(host[1:-1]))
        if is_host and _PORT(port) and int(port) <= 65535:
            return None
        return f"{quoted(text)} is not an address with its port", f"expected {self.expected}"


class Url(Text):
    """An HTTP address of a web node or of the front."""

    expected = "an https:// (or http://) address"
    fast = staticmethod(lambda text: None)

    def fault(self, text: str) -> tuple[str, str] | None:
        """Say what is wrong."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            return f"{quoted(text)} is not a URL ({error})", f"expected {self.expected}"
        if parts.scheme not in ("https", "http") or not (_ADDRESS(host) or _is_ipv6(host)) or port == 0 or " " in text:
            what = f"{quoted(text)} is not a URL that a browser can open"
            return what, f"expected {self.expected}, e.g. https://web1.example.org:10001"
        if "@" in parts.netloc:
            return "a user name stands in this URL (not shown)", "take it out: accounts have their own fields"
        return None

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        return {"type": "string", "pattern": "^https?://[^@\\s]+$"}


class LocalFile(Text):
    """A file on the console's machine; a relative name starts at the inventory's folder, `~` at the home folder."""

    expected = "a file name"

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the absolute file name."""
        known = reading.files.get(node.value) if node.__class__ is ScalarNode else None
        if known is not None:
            return known
        text = super().decode(node, reading)
        if not text or text is ABSENT:
            return text
        reading.files[text] = place = absolute(text, reading.folder)
        return place


class Flag(Kind):
    """`true` or `false`."""

    expected = "true or false"

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the truth value."""
        if node.__class__ is ScalarNode and not node.style and node.value in ("true", "false"):
            return node.value == "true"
        text = scalar_text(node, reading, self.expected)
        if text is not None and text is not ABSENT:
            reading.refuse(node, f"{quoted(text)} is neither true nor false", f"expected {self.expected}, without quotes")
            return None
        return text

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        return {"type": "boolean"}


class Secret(Kind):
    """A reference to a secret. What stands there is never repeated in a message: it may be the secret itself."""

    expected = "a reference: env:NAME, file:PATH, keyring:SERVICE/USER or command:PROGRAM …"
    FORMS: Final = {
        "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}"),
        "file": re.compile(r"\S(?:.*\S)?"),
        "keyring": re.compile(r"[^/\s]+(?:/[^/\s]+)+"),
        "command": re.compile(r"\S(?:.*\S)?"),
    }

    def decode(self, node: Node, reading: Reading) -> Any:
        """Return the `SecretRef`; a relative file name starts at the inventory's folder."""
        if not isinstance(node, ScalarNode):
            reading.refuse(node, "the wrong type for a secret (not shown)", f"expected {self.expected}")
            return None
        text = node.value
        if is_null(node):
            return ABSENT
        scheme, colon, rest = text.partition(":")
        pattern = self.FORMS.get(scheme) if colon else None
        # A token among a command's arguments is a secret in clear all the same.
        if pattern is not None and mask(rest) != rest:
            pattern = None
        if pattern is None or not pattern.fullmatch(rest) or _UNSEEN.search(text) or len(text) > LONGEST_TEXT:
            what = "not a valid reference (not shown)" if pattern else "a secret stands here in clear (not shown)"
            near = _SCHEME(text)
            hint = reading.nearest(near.group(1).lower(), self.FORMS) if near and scheme not in self.FORMS else ""
            reading.refuse(node, what, f"{hint}expected {self.expected}")
            return None
        return SecretRef(scheme, absolute(rest, reading.folder) if scheme == "file" else rest)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema."""
        return {"type": "string", "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*|keyring:[^/\s]+(/[^/\s]+)+|command:\S.*)$"}

    def shown(self, value: Any) -> Any:
        """Return the reference, with anything masked that looks like a secret inside a command."""
        return mask(str(value))


def absolute(name: str, folder: str) -> str:
    """Return `name` with `~` expanded, starting at `folder` when it is relative."""
    return os.path.normpath(os.path.join(folder, os.path.expanduser(name)))


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
