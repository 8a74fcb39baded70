"""The inventory as it was understood: every default filled in, secrets only as references."""

from typing import Any

import yaml

from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.table import ROOT, VERSION

_SPENT = ("version", "ssh")


def resolved(inventory: Inventory) -> dict[str, Any]:
    """Return the inventory as plain data in the shape of the file: chains in full, `ssh` at every host, durations in seconds."""
    fields = {name: each for name, each in ROOT.fields.items() if name not in _SPENT}
    shown = {name: each.kind.shown(getattr(inventory, name)) for name, each in fields.items()}
    return {"version": VERSION, **shown}


def show(inventory: Inventory) -> str:
    """Return the inventory as YAML text, which loads again to the same values.

    References to secrets are shown as references; whatever else looks like a secret is masked.
    """
    text: str = yaml.dump(resolved(inventory), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Dumper(yaml.SafeDumper):
    """Writes every value out: anchors would not be read again."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True: nothing is shared."""
        return True
