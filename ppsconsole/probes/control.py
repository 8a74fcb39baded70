"""What a PostgreSQL data directory says while its server is down: `pg_controldata` on the host.

"in production" without a server process means that it was killed; "shut down" means that it was stopped cleanly.
"""

import shlex

from ppsconsole.cluster.facts import node_subject
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Instance
from ppsconsole.probes.host import Part

_LABELS = {
    "Database cluster state": "control_state",
    "Latest checkpoint location": "control_checkpoint",
    "Latest checkpoint's TimeLineID": "control_timeline",
    "Database system identifier": "control_system_identifier",
}
NAMES = tuple(_LABELS.values())


def control_part(instance: Instance, every_s: float) -> Part | None:
    """Return the question about the data directory of `instance`; None when the inventory does not say where it is."""
    if instance.data_directory is None:
        return None
    program = f"{instance.bin_directory}/pg_controldata" if instance.bin_directory else "pg_controldata"
    # LC_ALL: the labels are translated. The directory may not begin with a dash; -D keeps it an argument.
    command = f"LC_ALL=C {shlex.quote(program)} -D {shlex.quote(instance.data_directory)}"
    return Part(f"control.{instance.name}", node_subject(instance.name), NAMES, command, every_s, parse_control)


def parse_control(result: CommandResult) -> dict[str, object]:
    """Return the control facts by name.

    Raises:
        ValueError: The output lacks one of them: no permission, or not a data directory.
    """
    found: dict[str, object] = {}
    for line in result.stdout.splitlines():
        label, _, value = line.partition(":")
        name = _LABELS.get(label.strip())
        if name is not None:
            found[name] = value.strip()
    if len(found) != len(_LABELS):
        raise ValueError("not the output of pg_controldata")
    found["control_timeline"] = int(str(found["control_timeline"]))
    return found
