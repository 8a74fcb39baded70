"""The first look at a cluster while it lasts: what is tried, how long, what waits for what. Few lines, however many hosts."""

from collections.abc import Collection, Sequence

from ppsconsole.cluster.picture import FirstLook
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import hanging
from ppsconsole.inventory.model import Inventory

_NAMED = 12
"""How many names a line has before it only counts."""


def first_look_words(looks: Sequence[FirstLook]) -> str:
    """Return one sentence that says how far it is."""
    if not any(each.state != "waiting" for each in looks):
        return "First look: nothing was tried yet."
    answered = sum(each.state == "answered" for each in looks)
    return f"First look: {answered} of {len(looks)} answered."


def first_look_lines(looks: Sequence[FirstLook], inventory: Inventory, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """Return one line for each state, what is still tried first.

    Args:
        looks: How far it is; lines for none of them are left out.
        inventory: Says what is reached through which bastion.
        now: Seconds since 1970 UTC.
        width: Cells.
        glyphs: Characters to draw with.
    """
    open_ones = {each.where for each in looks if each.state in ("waiting", "trying")}
    tried: list[str] = []
    behind: dict[str, list[str]] = {}
    for each in sorted((each for each in looks if each.state == "trying"), key=lambda each: each.since):
        bastion = bastion_of(each.where, inventory, open_ones)
        if bastion:
            behind.setdefault(bastion, []).append(each.where)
        else:
            waited = round(now - each.since)
            tried.append(f"{each.where} ({waited} s)" if waited >= 1 else each.where)
    failed = [f"{each.where} ({each.words})" for each in looks if each.state == "failed"]
    answered = [each.where for each in looks if each.state == "answered"]
    rows: list[tuple[str, Style, list[str], str]] = [("still trying", "unknown", tried, "")]
    rows += [("waiting", "dim", names, f" for {bastion}") for bastion, names in behind.items()]
    rows += [("no answer", "warn", failed, ""), ("answered", "ok", answered, "")]
    lines: list[Line] = []
    for head, style, names, tail in rows:
        if names:
            lines.extend(hanging((Span(f"  {head:<13}", "dim"),), _listed(names) + tail, style, width, glyphs))
    return lines


def bastion_of(where: str, inventory: Inventory, waited_for: Collection[str]) -> str:
    """Return the first bastion on the way to `where` that is itself waited for; empty when none is."""
    host = inventory.hosts.get(where) or inventory.host_of(where)
    return next((way for way in (host.via if host is not None else ()) if way in waited_for), "")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
