"""From bytes to a YAML node tree in which every node knows its line and column.

Scalars are left as text: what a value means is decided by the field that it stands in, so `no` can name a site. PyYAML's
libyaml parser is used where it is there, the pure Python one otherwise; both build the same tree.
"""

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.nodes import Node
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner
from yaml.tokens import AliasToken, AnchorToken, ScalarToken, TagToken

from ppsconsole.errors import InventoryError, Mistake
from ppsconsole.inventory.reading import SECRETIVE
from ppsconsole.masking import plain

DEEPEST = 100
"""Levels of nesting; an inventory has six."""

MOST_VALUES = 400_000
"""Values in one file; an inventory of 1,000 hosts has a tenth of it. Millions take minutes and gigabytes to compose."""

_MOST_SHARING = 1000
"""Anchors, aliases and tags that are listed."""

_UNSEEN_DEPTH = 500
"""Nesting that the C composer survives on a thread's small stack: it recurses without a check and would end the process."""

_LEADING = re.compile(rf"^[ \t?:-]{{{_UNSEEN_DEPTH},}}", re.MULTILINE)
_SIMPLE_FLOW = re.compile(r"""[\[{][^\[\]{}"'#\n\r]*[\]}]""")
_SHARING = re.compile(r"(?:^|[\s\[{,:\ufeff?-])[&*!]", re.MULTILINE)
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Untyped:
    """Leaves every node without a type and looks at no path: half of the time that composing takes goes there."""

    def descend_resolver(self, current_node: Node | None, current_index: Any) -> None:
        """Do nothing."""

    def ascend_resolver(self) -> None:
        """Do nothing."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> None:
        """Return no tag."""


class PurePython(Reader, Scanner, Parser, Composer, _Untyped):
    """Composes without libyaml."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


if yaml.__with_libyaml__:

    class Libyaml(_Untyped, yaml.CBaseLoader):
        """Composes with libyaml."""

    Composing: Callable[[str], Any] = Libyaml
else:
    Composing = PurePython


def compose(data: bytes, path: str, composing: Callable[[str], Any] = Composing) -> Node:
    """Return the root node of the one YAML document in `data`.

    Aliases, anchors and tags are refused: an alias would make the line of a mistake ambiguous and a small file huge.

    Raises:
        InventoryError: Not UTF-8, not YAML, empty, several documents, nested too deeply, or with aliases or tags.
    """
    text = _decoded(data, path)
    if (
        sum(text.count(sign) for sign in (",", "\n", "\r", ": ")) > MOST_VALUES
    ):  # each value but the first comes behind one of these
        what = f"the file holds more than {MOST_VALUES} values"
        raise _single(path, 1, 1, what, "an inventory of 1,000 hosts holds a tenth of that: is this the right file?")
    try:
        if _may_be_deep(text):
            _refuse_deep(text, path, composing)
        if any(sign in text for sign in "&*!") and _SHARING.search(text):
            _refuse_sharing(text, path, composing)
        root: Node | None = composing(text).get_single_node()
    except ReaderError:
        raise _at_offset(text, path) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_mistake(error, text, path) from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError, IndexError) as error:
        # The pure Python scanner lets a few of Python's own errors through, e.g. for `"\\UFFFFFFFF"`.
        what = f"this is not YAML ({type(error).__name__})"
        raise _single(path, 1, 1, what, "look for broken quotes, escapes and brackets") from None
    if root is None:
        raise _single(path, 1, 1, "the file is empty", "start with `version: 1`; sample-inventory.yaml shows the rest")
    return root


def _single(path: str, line: int, column: int, what: str, allowed: str) -> InventoryError:
    return InventoryError((Mistake(path, line, column, what, allowed),))


def _decoded(data: bytes, path: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = _line_and_column(before)
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise _single(path, line, column, what, "save the file in UTF-8") from None


def _line_and_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _at_offset(text: str, path: str) -> InventoryError:
    """Name the character that the reader did not take; its own offset counts bytes in one parser, characters in the other."""
    found = _NOT_YAML.search(text)
    line, column = _line_and_column(text[: found.start()]) if found else (1, 1)
    what = f"control character U+{ord(found.group()):04X}" if found else "a character that YAML does not allow"
    return _single(path, line, column, what, "remove it: only printable text, tab and line ends are allowed")


def _syntax_mistake(error: yaml.MarkedYAMLError, text: str, path: str) -> InventoryError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    what = "not valid YAML: " + plain(" ".join(each for each in (error.context, error.problem) if each))
    lines = text.splitlines()
    # At the end of the file the mark stands one line below the last.
    line = min(line, max(1, len(lines)))
    if lines and "\t" in lines[line - 1]:
        return _single(path, line, column, what, "indent with spaces: a tab stands on this line")
    if error.problem == "but found another document":
        return _single(path, line, column, what, "one file holds one inventory: remove `---`")
    return _single(path, line, column, what, "look at the indentation, the colons and the quotes here and on the line above")


def _may_be_deep(text: str) -> bool:
    """Say whether nesting could pass what the composer survives; never wrong when it says no."""
    if _LEADING.search(text):
        return True
    if text.count("[") + text.count("{") <= _UNSEEN_DEPTH:
        return False
    rest = _SIMPLE_FLOW.sub("", text)
    return rest.count("[") + rest.count("{") > _UNSEEN_DEPTH


def _refuse_deep(text: str, path: str, composing: Callable[[str], Any]) -> None:
    parser, depth = composing(text), 0
    while (event := parser.get_event()) is not None:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            mark = event.start_mark
            what = f"nested more than {DEEPEST} levels deep"
            raise _single(path, mark.line + 1, mark.column + 1, what, "an inventory has at most six levels")


def _refuse_sharing(text: str, path: str, composing: Callable[[str], Any]) -> None:
    parser, word = composing(text), ""
    mistakes: list[Mistake] = []
    while len(mistakes) < _MOST_SHARING and (token := parser.get_token()) is not None:
        line, column = token.start_mark.line + 1, token.start_mark.column + 1
        if isinstance(token, ScalarToken):
            word = token.value
        # A password that begins with one of these signs stands here in clear: it is not repeated.
        is_secretive = SECRETIVE.search(word) is not None
        if isinstance(token, AnchorToken | AliasToken):
            sign = "&" if isinstance(token, AnchorToken) else "*"
            found = f"a value that begins with {sign} (not shown)" if is_secretive else f"'{sign}{plain(token.value, 60)}'"
            allowed = "write the value out (in quotes if it is text); what all hosts share goes under `ssh`"
            mistakes.append(Mistake(path, line, column, f"{found}: anchors and aliases are not used here", allowed))
        elif isinstance(token, TagToken):
            tag = f"'{plain(''.join(part or '' for part in token.value), 60)}'"
            what = f"{'a value that begins with ! (not shown)' if is_secretive else tag}: tags are not used here"
            mistakes.append(Mistake(path, line, column, what, "remove the tag; put text that starts with ! in quotes"))
    if mistakes:
        raise InventoryError(tuple(mistakes))
