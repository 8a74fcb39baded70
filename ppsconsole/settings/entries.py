"""Reading what a person's own files are made of: mappings with known keys, single words; mistakes are noted where they stand."""

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yaml.nodes import Node

    from ppsconsole.inventory.reading import Reading


def pairs(node: "Node", reading: "Reading", allowed: Collection[str], of: str) -> "list[tuple[Node, Node]]":
    """Return the entries of a mapping whose keys are allowed, each once; the others are noted.

    Args:
        node: What should be a mapping.
        reading: Takes the mistakes.
        allowed: The keys that may stand there.
        of: What the keys are, for the message.
    """
    from yaml.nodes import MappingNode, ScalarNode

    if not isinstance(node, MappingNode):
        reading.refuse_type(node, f"a mapping with the keys {', '.join(list(allowed)[:4])}")
        return []
    found: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode) or key.value not in allowed:
            word = key.value if isinstance(key, ScalarNode) else ""
            reading.refuse(key, f"{reading.said(key)} is not known among {of}", reading.choices(word, allowed))
        elif key.value in found:
            reading.refuse_second(key, node)
        else:
            found[key.value] = (key, value)
    return list(found.values())


def text(node: "Node", reading: "Reading", expected: str) -> str:
    """Return what stands there as it is written; anything but a single value is noted, and empty."""
    from yaml.nodes import ScalarNode

    if isinstance(node, ScalarNode):
        return str(node.value)
    reading.refuse_type(node, expected)
    return ""


def word(node: "Node", reading: "Reading", allowed: Collection[str]) -> str:
    """Return one of the words that are allowed; another one is noted, and returned."""
    found = text(node, reading, " or ".join(allowed))
    if found and found not in allowed:
        reading.refuse(node, f"{reading.said(node)} is not allowed", reading.choices(found, allowed))
    elif not found:
        reading.refuse(node, "nothing stands behind the colon", reading.choices(found, allowed))
    return found
