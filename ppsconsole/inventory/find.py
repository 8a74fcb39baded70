"""Which file the inventory is: `-i`, then the environment, then the configuration folder."""

import os
from collections.abc import Mapping
from pathlib import Path

from ppsconsole.errors import UsageError
from ppsconsole.inventory.places import config_home

VARIABLE = "PPSCONSOLE_INVENTORY"
PREFERRED = "inventory.yaml"


def find(option: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the path of the inventory as the user would name it; the first place that says something decides.

    Whether the file can be read is for `load` to say: a wrong `-i` must not fall through to another cluster.

    Args:
        option: What stood after `-i`, None when it was not given.
        environ: The environment, for `PPSCONSOLE_INVENTORY` and `XDG_CONFIG_HOME`.

    Raises:
        UsageError: No place names a file, or the configuration folder holds several; lists all places looked at.
    """
    if option is not None:
        if not option.strip():
            raise UsageError("-i was given an empty path", remedy="Name the inventory file after -i.")
        return option
    if environ.get(VARIABLE):
        return environ[VARIABLE]
    folder = config_home(environ)
    found = _candidates(folder)
    if PREFERRED in found:
        return str(folder / PREFERRED)
    if len(found) == 1:
        return str(folder / found[0])
    looked = f"looked at: -i (not given), ${VARIABLE} (not set), {folder}/*.yaml"
    if found:
        raise UsageError(
            f"{len(found)} inventories and none is called {PREFERRED}; {looked} ({', '.join(found)})",
            remedy=f"Choose one with -i FILE, or name the usual one {PREFERRED}.",
        )
    raise UsageError(
        f"no inventory was found; {looked} (no such file)",
        remedy=f"Give -i FILE, set ${VARIABLE}, or copy sample-inventory.yaml to {folder / PREFERRED} and edit it.",
    )


def _candidates(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(".yaml") and not name.startswith("."))
    except OSError:
        return []
