"""One reading of an inventory: the mistakes found so far, the names declared, and where in the file everything stands."""

import difflib
import os
import re
from collections.abc import Collection, Iterable
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ppsconsole.errors import Mistake
from ppsconsole.inventory.model import SshAccess
from ppsconsole.masking import plain

Steps = tuple[str | int, ...]
"""Keys and indexes from the root to a node, e.g. `("hosts", "db1", "via", 0)`."""

_LISTED = 12
"""How many allowed names are listed in a message."""

_HINTS = 200
"""How many times the nearest name is looked for among up to 1,000, where it costs milliseconds; fewer times among more."""

_MOST = 5000
"""Mistakes after which the rest is not read: a file of another kind would flood a screen for minutes."""


class Enough(Exception):
    """So much is wrong that reading has stopped; what was found by then stands in the reading."""


SECRETIVE = re.compile(r"(?i)pass(?:word|phrase|wd)|pwd|secret|token|(?:encryption|private|api)_?key")
"""What a key is called whose value may be a secret that stands in the file by mistake: it is never repeated."""

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))


class Reading:
    """What is known while one inventory is read.

    Attributes:
        path: The file as the user named it.
        folder: Where relative file names start.
        mistakes: In the order they were found.
        names: Declared names with the node of their key, by section; a section that could not be read is missing.
        references: Every place that names something declared elsewhere, with the section it has to be declared in.
        inherited: Defaults that depend on another part of the file, by field name.
        files: Resolved file names by what stood in the file.
    """

    def __init__(self, path: str, root: Node) -> None:
        self.path = path
        self.folder = os.path.dirname(os.path.abspath(os.path.expanduser(path)))
        self.mistakes: list[Mistake] = []
        self.names: dict[str, dict[str, Node]] = {}
        self.references: list[tuple[ScalarNode, str]] = []
        self.inherited: dict[str, Any] = {"ssh": SshAccess(), "port": 5432, "replication": "streaming"}
        self.files: dict[str, str] = {}
        self._root = root
        self._index: _Index | None = None
        self._hints = 0

    def refuse(self, node: Node, what: str, allowed: str) -> None:
        """Note a mistake at `node`."""
        steps = self._indexed().steps.get(id(node), ())
        self._note(node, f"{path_words(steps)}: {what}" if steps else what, allowed)

    def refuse_at(self, steps: Steps, what: str, allowed: str) -> None:
        """Note a mistake at the value that `steps` lead to; where that is not in the file, at the nearest thing around it."""
        nodes = self._indexed().nodes
        found = steps
        while found and found not in nodes:
            found = found[:-1]
        node = nodes[found]
        if found != steps or isinstance(node, MappingNode):
            # A mapping starts behind its key or on the line below; people look for the key.
            node = self._indexed().keys.get(id(node), node)
        self._note(node, f"{path_words(steps)}: {what}" if steps else what, allowed)

    def refuse_type(self, node: Node, expected: str) -> None:
        """Note that something else than `expected` stands at `node`."""
        self.refuse(node, f"{self.said(node)} is of the wrong type", f"expected {expected}")

    def refuse_second(self, key: Node, mapping: Node) -> None:
        """Note that `key` stands in `mapping` for the second time."""
        first = next(each for each, _ in mapping.value if isinstance(each, ScalarNode) and each.value == key.value)
        what = f"this key stands on line {first.start_mark.line + 1} already"
        self.refuse(key, what, "every key stands once: remove or rename one of the two")

    def refuse_missing(self, node: Node, key: str, about: str) -> None:
        """Note that the mapping at `node` lacks `key`; the mistake stands at the mapping's own key."""
        index = self._indexed()
        steps = index.steps.get(id(node), ())
        # An inline mapping starts behind its key; people look for the key.
        self._note(index.keys.get(id(node), node), f"{path_words((*steps, key))}: missing", f"required: {about.rstrip('.')}")

    def keys_at(self, steps: Steps) -> frozenset[str]:
        """Return the keys with a value, even a refused one, in the mapping at `steps` of the file."""
        node: Node | None = self._root
        for step in steps:
            pairs = node.value if isinstance(node, MappingNode) else ()
            node = next((value for key, value in pairs if isinstance(key, ScalarNode) and key.value == step), None)
        pairs = node.value if isinstance(node, MappingNode) else ()
        return frozenset(key.value for key, value in pairs if isinstance(key, ScalarNode) and not is_null(value))

    def nearest(self, word: str, among: Iterable[str]) -> str:
        """Return `did you mean 'x'? ` or nothing."""
        names = list(among)
        self._hints += 1 + len(names) // 1000
        if self._hints > _HINTS:
            return ""
        close = difflib.get_close_matches(word[:80], names, 1)
        return f"did you mean {quoted(close[0])}? " if close else ""

    def said(self, node: Node) -> str:
        """Return what stands at `node`, short and harmless; not at all where a key says that it is a secret."""
        if isinstance(node, MappingNode):
            return "a mapping"
        if isinstance(node, SequenceNode):
            return "a list"
        if any(isinstance(step, str) and SECRETIVE.search(step) for step in self._indexed().steps.get(id(node), ())):
            return "a value (not shown)"
        return quoted(node.value)

    def choices(self, word: str, among: Collection[str]) -> str:
        """Return the nearest of the names, then the names that are allowed, shortened when there are many."""
        listed = ", ".join(plain(each, 63) for each in list(among)[:_LISTED]) or "none is declared"
        more = f", … ({len(among)} in all)" if len(among) > _LISTED else ""
        return f"{self.nearest(word, among)}allowed: {listed}{more}"

    def in_order(self) -> tuple[Mistake, ...]:
        """Return the mistakes in the order of the file, each once."""
        return tuple(sorted(dict.fromkeys(self.mistakes), key=lambda each: (each.line, each.column)))

    def _note(self, node: Node, what: str, allowed: str) -> None:
        mark = node.start_mark
        is_last = len(self.mistakes) == _MOST
        if is_last:
            what, allowed = (
                f"more than {_MOST} mistakes: the rest is not listed",
                "is this the right file? Mend those above first",
            )
        self.mistakes.append(Mistake(self.path, mark.line + 1, mark.column + 1, what, allowed))
        if is_last:
            raise Enough

    def _indexed(self) -> "_Index":
        """Return where everything stands; made at the first mistake, so that a file without any does not pay for it."""
        if self._index is None:
            self._index = _Index(self._root)
        return self._index


class _Index:
    """The way to every node and back."""

    def __init__(self, root: Node) -> None:
        self.steps: dict[int, Steps] = {}
        self.nodes: dict[Steps, Node] = {(): root}
        self.keys: dict[int, Node] = {}
        waiting: list[tuple[Node, Steps]] = [(root, ())]
        while waiting:
            node, steps = waiting.pop()
            self.steps[id(node)] = steps
            if isinstance(node, MappingNode):
                for key, value in node.value:
                    below = (*steps, key.value if isinstance(key, ScalarNode) else "?")
                    self.steps[id(key)] = below
                    self.keys[id(value)] = key
                    # The first of two equal keys is the one that counts.
                    self.nodes.setdefault(below, value)
                    waiting.append((value, below))
            elif isinstance(node, SequenceNode):
                for number, value in enumerate(node.value):
                    self.nodes[*steps, number] = value
                    waiting.append((value, (*steps, number)))


def is_null(node: Node) -> bool:
    """Return whether nothing stands at `node`: `null`, `~` or the empty space behind a colon."""
    return isinstance(node, ScalarNode) and not node.style and node.value in _NULLS


def path_words(steps: Steps) -> str:
    """Return `hosts.db1.via[0]` for the steps that lead there."""
    words = ""
    for step in steps:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            words += ("." if words else "") + plain(step, 60)
    return words


def quoted(text: str) -> str:
    """Return `text` in quotes: short, without control characters and secrets."""
    return f"'{plain(text, 60)}'" if text else "an empty value"
