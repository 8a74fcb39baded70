"""What a PostgreSQL data directory says on its host: `pg_controldata`, also while the server is down, and who works in it.

"in production" without a server process means that it was killed; "shut down" means that it was stopped cleanly.

The server's processes tie the host to what answers by SQL: a standby has the same system identifier as its primary, and often
the same data directory and port. The first line of `postmaster.pid` is the number of the server's first process, the third when
it was started (PostgreSQL's utils/pidfile.h); what the kernel calls its children are its other processes (proc(5)). One of them,
the checkpointer, is there on primaries and standbys for as long as the server is, and the server tells its number by SQL.
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
NAMES = (*_LABELS.values(), "server_started_at", "server_process")
NO_SERVER = "none"
"""The value of `server_process` where no server runs in the data directory."""

_SERVER = "server="


def control_part(instance: Instance, every_s: float) -> Part | None:
    """Return the question about the data directory of `instance`; None when the inventory does not say where it is."""
    if instance.data_directory is None:
        return None
    program = f"{instance.bin_directory}/pg_controldata" if instance.bin_directory else "pg_controldata"
    # LC_ALL: the labels are translated. The directory may not begin with a dash; -D keeps it an argument.
    # The shell looks for the process by itself: each program would cost more than all of the looking.
    command = (
        f"d={shlex.quote(instance.data_directory)}; p=; t=; "
        '{ { read -r p; read -r _; read -r t; } <"$d/postmaster.pid"; } 2>/dev/null; '
        'if [ -n "$p" ] && [ -d "/proc/$p" ]; then n=; for c in $(cat "/proc/$p/task/$p/children"); do '
        '{ read -r a <"/proc/$c/cmdline"; } 2>/dev/null; case $a in postgres:*checkpointer*) n=$c; break ;; esac; done; '
        f'echo "{_SERVER}$t $n"; elif [ -n "$p" ] || [ ! -e "$d/postmaster.pid" ]; then echo "{_SERVER}0 {NO_SERVER}"; fi; '
        f'LC_ALL=C {shlex.quote(program)} -D "$d"'
    )
    return Part(f"control.{instance.name}", node_subject(instance.name), NAMES, command, every_s, _parse)


def _parse(result: CommandResult) -> dict[str, object]:
    """Return the control facts, when the server was started, and which process it has, both only as far as that was seen.

    Raises:
        ValueError: As `parse_control`.
    """
    found = parse_control(result)
    line = next((line for line in result.stdout.splitlines() if line.startswith(_SERVER)), "")
    started_at, *process = line.removeprefix(_SERVER).split() or [""]
    found["server_started_at"] = float(started_at) if started_at.isdigit() and int(started_at) else None
    found["server_process"] = process[0] if process and (process[0].isdigit() or process[0] == NO_SERVER) else None
    return found


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
