"""Inventories for tests: a small valid one to break in one place, and the sample."""

from pathlib import Path

import pytest

from ppsconsole.errors import InventoryError
from ppsconsole.inventory.load import parse
from ppsconsole.inventory.model import Inventory

SAMPLE = Path(__file__).parents[2] / "sample-inventory.yaml"

SMALL = """\
version: 1
cluster: {name: demo}
sites:
  a: {title: Site A}
  b: {}
ssh: {user: ops}
hosts:
  bas: {site: a, address: 192.0.2.1}
  db1: {site: a, address: 192.0.2.11, via: bas}
  db2: {site: b, address: 192.0.2.12, via: bas}
  web1: {site: a, address: 192.0.2.21, via: bas}
web_nodes:
  web1: {host: web1, url: "https://web1.example.org:10001", service: {kind: systemd, name: pps}}
database:
  kind: postgres
  database: pps
  instances:
    db1: {host: db1, declared: primary}
    db2: {host: db2}
balancers:
  lb1: {kind: nginx, host: bas, members: {"192.0.2.21:10001": web1}}
"""


def changed(*replacements: tuple[str, str], text: str = SMALL) -> str:
    """Return the small inventory with pieces replaced; each has to be there exactly once."""
    for old, new in replacements:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    return text


def parsed(text: str, path: str = "/etc/ppsconsole/inventory.yaml") -> Inventory:
    return parse(text.encode(), path)


def mistakes(text: str | bytes, path: str = "inv.yaml") -> list[str]:
    """Return the lines that a wrong inventory is refused with."""
    with pytest.raises(InventoryError) as caught:
        parse(text.encode() if isinstance(text, str) else text, path)
    return str(caught.value).split("\n")


def mistake(text: str | bytes) -> str:
    """Return the one line that a wrong inventory is refused with."""
    lines = mistakes(text)
    assert len(lines) == 1, "\n".join(lines)
    return lines[0]


def swapped(text: str, out: str, into: str) -> str:
    """Return the sample with the block marked `[out]` taken out and the commented one marked `[into]` put in force."""
    lines, inside = [], ""
    for line in text.splitlines():
        bare = line.strip()
        if bare in (f"# [{out}]", f"# [{into}]"):
            inside = bare[3:-1]
        elif bare in (f"# [end {out}]", f"# [end {into}]"):
            inside = ""
        elif inside == into:
            lines.append(line.replace("# ", "", 1))
        elif inside != out:
            lines.append(line)
    return "\n".join(lines) + "\n"
