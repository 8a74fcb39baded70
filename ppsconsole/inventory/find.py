"""Which file the inventory is: `-i`, then the environment, then the configuration folder."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ppsconsole.errors import UsageError
from ppsconsole.inventory.places import config_home

VARIABLE = "PPSCONSOLE_INVENTORY"
PREFERRED = "inventory.yaml"
SETTINGS = "console.yaml"
"""The operator's own settings lie in the same folder; they are no inventory."""
MORE = "inventories"
"""A folder beside the preferred one, for those who look after several clusters."""


class NoInventory(UsageError):
    """No place names a file."""


class SeveralInventories(UsageError):
    """The configuration folder holds several, and nobody said which.

    Attributes:
        paths: All of them.
    """

    def __init__(self, what: str, *, remedy: str, paths: tuple[str, ...]) -> None:
        super().__init__(what, remedy=remedy)
        self.paths = paths


def find(option: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the path of the inventory as the user would name it; the first place that says something decides.

    Whether the file can be read is for `load` to say: a wrong `-i` must not fall through to another cluster.

    Args:
        option: What stood after `-i`, None when it was not given.
        environ: The environment, for `PPSCONSOLE_INVENTORY` and `XDG_CONFIG_HOME`.

    Raises:
        NoInventory: No place names a file; lists all places looked at.
        SeveralInventories: The configuration folder holds several; lists them.
        UsageError: `-i` was given an empty path.
    """
    if option is not None:
        if not option.strip():
            raise UsageError("-i was given an empty path", remedy="Name the inventory file after -i.")
        return option
    if environ.get(VARIABLE):
        return environ[VARIABLE]
    found = candidates(environ)
    if len(found) == 1:
        return found[0]
    if found:
        listed = "".join(f"\n  ppsconsole -i {path}" for path in found)
        raise SeveralInventories(
            f"{len(found)} inventories, and nobody said which; {_looked(environ)}",
            remedy=f"Choose one with -i FILE:{listed}",
            paths=found,
        )
    raise NoInventory(
        f"no inventory was found; {_looked(environ)} (no such file)",
        remedy=(
            "`ppsconsole inventory init` writes one by asking and looking, `ppsconsole lab` needs none. Or give -i FILE, "
            f"set ${VARIABLE}, or copy sample-inventory.yaml to {usual_place(environ)} and edit it."
        ),
    )


def candidates(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return every inventory that the configuration folder offers, the preferred one first."""
    folder = config_home(environ)
    own = _yaml_files(folder)
    if PREFERRED in own:
        own = [PREFERRED]  # the others beside it are copies and drafts, unless they lie in the folder for several
    return tuple(
        str(each) for each in (*(folder / name for name in own), *(folder / MORE / name for name in _yaml_files(folder / MORE)))
    )


def places(environ: Mapping[str, str] = os.environ) -> tuple[tuple[str, str], ...]:
    """Return where an inventory is looked for, in this order, each with what is there."""
    folder = config_home(environ)
    return (
        ("-i FILE", "not given"),
        (f"${VARIABLE}", environ.get(VARIABLE) or "not set"),
        (str(folder / PREFERRED), _said(_yaml_files(folder).count(PREFERRED))),
        (str(folder / "*.yaml"), _said(len(_yaml_files(folder)))),
        (str(folder / MORE / "*.yaml"), _said(len(_yaml_files(folder / MORE)))),
    )


def usual_place(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where a new inventory belongs."""
    folder = config_home(environ)
    return folder / PREFERRED


def free_place(cluster: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where a new inventory can go: the usual place, or beside the other ones where that is taken."""
    usual = usual_place(environ)
    name = re.sub("[^a-z0-9]+", "-", cluster.lower()).strip("-") or "cluster"
    return usual.with_name(MORE) / f"{name}.yaml" if os.path.lexists(usual) else usual


def _said(count: int) -> str:
    return "no such file" if count == 0 else "1 file" if count == 1 else f"{count} files"


def _looked(environ: Mapping[str, str]) -> str:
    folder = config_home(environ)
    return f"looked at: -i (not given), ${VARIABLE} (not set), {folder}/*.yaml, {folder / MORE}/*.yaml"


def _yaml_files(folder: Path) -> list[str]:
    try:
        return sorted(
            name for name in os.listdir(folder) if name.endswith(".yaml") and not name.startswith(".") and name != SETTINGS
        )
    except OSError:
        return []
