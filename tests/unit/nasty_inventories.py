"""An inventory in which every text that may reach a shell is one that a shell would love to misread.

Each text is marked, so that whoever receives a part of it instead of all of it can be told.
"""

import dataclasses
import itertools
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ppsconsole.inventory.dependencies import Backup, Scratch
from ppsconsole.inventory.kinds import Text
from ppsconsole.inventory.model import FenceCommand, Inventory, Service
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.inventory.shapes import Keyed, Listing, Named, Record
from ppsconsole.inventory.table import ROOT
from tests.unit import alternate_cases

VARIANTS = (
    "'\"$(canary)`canary`;canary|canary&canary>x<y#*?[a]~!$HOME ${HOME} %s\\n -x \\",
    " -rf -- ' ; canary ; ' ",
    '"; canary; " && canary #',
    "é𝕏 {a,b} $'\\x27;canary;' \\' \\\" *",
)
"""What stands in every text, one variant at a time; an inventory takes them all: they are printable and on one line."""

_DRAWN_FROM = (
    *"'\"$`\\;|&<>(){}[]*?~!#%=^,:@+ -aZ0é𝕏",
    *(
        "$(canary)",
        "`canary`",
        "$'\\n'",
        "${HOME}",
        "'\"'\"'",
        " -- ",
        " -rf ",
        "&&",
        "||",
        ">>x",
        "\\'",
        "%s",
        "%%",
        "$$",
        "*/",
        "~root",
    ),
)


def drawn(seed: object) -> str:
    """Return a text of what shells take to be theirs, in any order; no line break, which no inventory may have."""
    dice = random.Random(f"quoting {seed}")
    return "".join(dice.choice(_DRAWN_FROM) for _ in range(dice.randint(12, 24))).replace("*/", "*")


_MARKED = re.compile(r"Zq(\d+)z")
_PATHS = frozenset(("data_directory", "bin_directory", "program", "key_files", "log", "disks", "config", "include", "path"))
_NOT_SHELL = frozenset(("title", "account", "proof_header", "availability_group", "to", "sender", "hostname", "off_says"))
"""Texts that are no part of a command: shown, sent in HTTP, or compared here."""


class Marker:
    """Makes marked nasty texts, and knows them again.

    Attributes:
        root: Where paths begin.
        texts: What was made, by its number.
    """

    def __init__(self, variant: str, root: Path) -> None:
        self._variant, self.root = variant, root
        self._numbers: Iterator[int] = itertools.count(1)
        self.texts: dict[int, str] = {}

    def text(self, name: str) -> str:
        """Return a new text for a field of this name: a path under the root, a connection string, or bare words."""
        number = next(self._numbers)
        core = f"Zq{number}z{self._variant}z{number}qZ"
        if name in _PATHS:
            core = f"{self.root}/{core}"
        elif name in ("upstreams", "dumps", "maintenance"):
            escaped = core.replace("\\", "\\\\").replace("'", "\\'")
            core = f"host=127.0.0.1 user='{escaped}' passfile={self.root}/none"
        self.texts[number] = core
        return core

    def torn(self, word: str) -> list[str]:
        """Return the marked texts of which `word` holds a part and not the whole, in any way of writing that is read back."""
        return [
            self.texts[number]
            for number in {int(each) for each in _MARKED.findall(word)}
            if not any(form in word for form in _forms(self.texts[number]))
        ]


def _forms(text: str) -> set[str]:
    """The text as it is, and as literals of SQL, libpq's connection strings and POSIX shells hold it."""
    backslashed = text.replace("\\", "\\\\")
    option = backslashed.replace(" ", "\\ ")  # within libpq's `options`, and that within a connection string
    return {
        option.replace("\\", "\\\\").replace("'", "\\'"),
        text,
        text.replace("'", "''"),
        backslashed.replace("'", "\\'"),
        backslashed.replace("'", "''"),
        text.replace('"', '""'),
        text.replace("'", "'\"'\"'"),
        text.replace("%", "%%"),
    }


def nasty(marker: Marker, kind: str = "command") -> Inventory:
    """Return the small cluster with everything declared that commands are made of, in nasty texts.

    Args:
        marker: Makes them.
        kind: Of all services: `command` or `systemd`.
    """
    service = Service("command", program="/s") if kind == "command" else Service("systemd", "s")
    plain = alternate_cases.declared(log=("/log",))
    instances = {}
    for name, each in plain.database.instances.items():
        ways = dict.fromkeys(plain.database.instances, "x")
        instances[name] = dataclasses.replace(
            each,
            bin_directory="/bin",
            upstreams={other: way for other, way in ways.items() if other != name},
            dumps=ways,
            log=("/log",),
            service=service,
            fence=FenceCommand(("off",), ("look",), "off", host="bastion-b"),
        )
    made = _nastified(
        ROOT,
        dataclasses.replace(
            plain,
            database=dataclasses.replace(plain.database, instances=instances),
            web_nodes={name: dataclasses.replace(each, service=service, log=("/log",)) for name, each in plain.web_nodes.items()},
            balancers={
                name: dataclasses.replace(each, service=service, config="/c", include="/i", log=("/l",))
                for name, each in plain.balancers.items()
            },
            alternates={name: dataclasses.replace(each, service=service) for name, each in plain.alternates.items()},
            backups={
                "vault": Backup("vault", "/b", "alt1", SecretRef("file", "/k"), scratch=Scratch("db2", "/s", "/bin")),
            },
        ),
        marker,
    )
    vault = made.backups["vault"]
    # A server's socket lies in this one: a path that is long, or needs quotes, is refused.
    scratch = dataclasses.replace(vault.scratch, path=f"{marker.root}/scratch")
    return dataclasses.replace(made, backups={"vault": dataclasses.replace(vault, scratch=scratch)})


def _nastified(kind: Any, value: Any, marker: Marker, name: str = "") -> Any:
    if value is None:
        return None
    if isinstance(kind, Record):
        fields = {each.name: each.kind for each in kind.fields.values() if hasattr(value, each.name) and each.name != "version"}
        changed = {field: _nastified(below, getattr(value, field), marker, field) for field, below in fields.items()}
        if "cluster" in changed:
            changed["cluster"] = value.cluster
        return dataclasses.replace(value, **changed)
    if isinstance(kind, Named):
        return {each: _nastified(kind.record, record, marker) for each, record in value.items()}
    if isinstance(kind, Keyed):
        if not isinstance(value, Mapping) or type(kind.values) is not Text:
            return value
        return {each: marker.text(name) for each in value}
    if isinstance(kind, Listing):
        return tuple(_nastified(kind.item, each, marker, name) for each in value)
    if type(kind) is Text and name not in _NOT_SHELL:
        return marker.text(name)
    return value
