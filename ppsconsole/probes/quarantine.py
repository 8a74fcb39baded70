"""Is an instance in quarantine? The marker that a failover left beside its data directory, read on its host."""

import shlex

from ppsconsole.cluster.facts import node_subject
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Instance
from ppsconsole.masking import plain
from ppsconsole.probes.host import Part

NAMES = ("quarantine",)
MARKER = ".quarantine"
"""Ends the name of the marker, which lies beside the data directory."""

_LIMIT = 240


def quarantine_part(instance: Instance, every_s: float) -> Part | None:
    """Return the question whether `instance` is in quarantine; None when the inventory does not say where its data are."""
    if instance.data_directory is None:
        return None
    marker = shlex.quote(instance.data_directory + MARKER)
    # A folder that may not be looked into says nothing: only what surely is not there counts as no quarantine.
    folder = shlex.quote(instance.data_directory.rstrip("/").rpartition("/")[0] or "/")
    command = f"if [ -e {marker} ]; then echo yes; head -c {_LIMIT} {marker}; elif [ -x {folder} ]; then echo no; else exit 1; fi"
    return Part(f"quarantine.{instance.name}", node_subject(instance.name), NAMES, command, every_s, _parse)


def _parse(result: CommandResult) -> dict[str, object]:
    """Return the marker's words, the empty text when there is none.

    Raises:
        ValueError: Nobody could look.
    """
    answer, _, words = result.stdout.partition("\n")
    if answer not in ("yes", "no"):
        raise ValueError("not an answer about quarantine")
    return {"quarantine": "" if answer == "no" else plain(words, _LIMIT) or "its marker is empty"}
