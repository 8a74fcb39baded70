"""Are the key files there that a web node cannot read its data without? Their content never leaves the host."""

import hashlib
import secrets
import shlex

from ppsconsole.cluster.facts import node_subject
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import WebNode
from ppsconsole.masking import plain
from ppsconsole.probes.host import Part

NAMES = ("keys",)

_STATES = ("ok", "missing", "empty", "unreadable")

_SALT = secrets.token_hex(16)
"""Goes in front of each key before it is digested; made anew by every console, so that a digest proves no guess of a key."""


def keys_part(web_node: WebNode, every_s: float) -> Part | None:
    """Return the question for the key files of `web_node`; None where none is declared."""
    return files_part(web_node.name, NAMES[0], web_node.key_files, every_s)


def files_part(node: str, fact: str, paths: tuple[str, ...], every_s: float) -> Part | None:
    """Return the question whether files are there on the host of `node`, with a mark to compare them by; None for no files."""
    if not paths:
        return None
    looks = "\n".join(_look(path) for path in paths)

    def parse(result: CommandResult) -> dict[str, object]:
        return {fact: parse_keys(paths, result)["keys"]}

    return Part(f"{fact.replace('_', '-')}.{node}", node_subject(node), (fact,), looks, every_s, parse)


def _look(path: str) -> str:
    file = shlex.quote(path)
    digest = f"{{ printf %s {_SALT}; cat -- {file}; }} | sha256sum | cut -c1-12"
    return (
        f"if [ ! -e {file} ]; then echo missing; elif [ ! -r {file} ]; then echo unreadable; "
        f'elif [ ! -s {file} ]; then echo empty; else echo "ok $({digest})"; fi'
    )


def mark_of(content: bytes) -> str:
    """Return the mark that a key file with this content gets on its host."""
    return hashlib.sha256(_SALT.encode() + content).hexdigest()[:12]


def parse_keys(paths: tuple[str, ...], result: CommandResult) -> dict[str, object]:
    """Return the key files in their order.

    Raises:
        ValueError: Not one answer for each.
    """
    lines = [line.split() for line in result.stdout.splitlines()]
    if len(lines) != len(paths) or any(not line or line[0] not in _STATES for line in lines):
        raise ValueError("not one answer for each key file")
    found = tuple(KeyFile(path, line[0], plain("".join(line[1:2]), 12)) for path, line in zip(paths, lines, strict=True))
    return {"keys": found}
