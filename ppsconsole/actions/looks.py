"""Looks at hosts that several actions share: is the service running, does anything listen, what is left of a server."""

import shlex
from dataclasses import dataclass

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.places import data_directory_of, host_of, instance_of, listening, program_of, service_of
from ppsconsole.drivers.base import CommandResult, ServiceStatus
from ppsconsole.drivers.service import parse_status, status_command
from ppsconsole.errors import BadAnswer, Blocked, Unreachable
from ppsconsole.inventory.model import Instance
from ppsconsole.masking import plain
from ppsconsole.probes.control import parse_control
from ppsconsole.probes.quarantine import MARKER

LOOK_S = 8.0


async def service_status(bench: Workbench, node: str) -> ServiceStatus:
    """Return what the service manager on its host says of `node`.

    Raises:
        Blocked: It has no service that can be asked.
        DriverError: Its host could not be asked.
    """
    service = service_of(bench.inventory, node)
    command = status_command(service)
    if command is None:
        raise Blocked(f"services of kind {service.kind} are not supported yet", where=node)
    return parse_status(service, await bench.hosts.look(host_of(bench.inventory, node).name, command, timeout_s=LOOK_S))


async def is_listening(bench: Workbench, node: str) -> bool:
    """Return whether something takes connections on the port of `node`: False only where its host refuses them.

    Raises:
        DriverError: Nothing answered, which is not a refusal; or a bastion failed.
        Blocked: Nobody knows its port.
    """
    place = listening(bench.inventory, node)
    if place is None:
        raise Blocked("its port is not declared", where=node)
    try:
        await bench.tools.ssh.reach(host_of(bench.inventory, node), *place, timeout_s=LOOK_S)
    except Unreachable as error:
        if error.is_refused:
            return False
        raise
    return True


@dataclass(frozen=True, slots=True)
class Remains:
    """What there is of a PostgreSQL server on its host.

    Attributes:
        processes: Its processes, each as `PID title`; the postmaster among them.
        pid: Number in postmaster.pid when a process of that number lives, else None.
        control: By fact name, as `probes.control` gives them; empty where pg_controldata failed.
        is_standby: Whether it would come up as a standby.
        is_quarantined: Whether a run put it in quarantine.
        is_half_rewound: Whether a rewind of it was begun and never ended.
        complaint: Why `control` is empty.
    """

    processes: tuple[str, ...]
    pid: int | None
    control: dict[str, object]
    is_standby: bool
    is_quarantined: bool
    complaint: str = ""
    is_half_rewound: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether no process of it is left."""
        return not self.processes and self.pid is None

    @property
    def is_shut_down(self) -> bool:
        """Whether its data directory was left in good order: a primary's, or a standby's."""
        return str(self.control.get("control_state", "")).startswith("shut down")

    @property
    def has_lost_signal(self) -> bool:
        """Whether it was a standby by its control file, and would come up as a primary all the same."""
        return not self.is_standby and self.control.get("control_state") in STANDBY_STATES

    @property
    def waits_for(self) -> str:
        """Who keeps a server from ending, in words: its walsender or archiver; empty when there is none."""
        waiting = [each for each in self.processes if "walsender" in each or "archiver" in each]
        return ", ".join(waiting)


def remains_command(instance: Instance) -> str:
    """Return the command that tells what is left of the server of `instance`.

    Processes are found by where they work, which is the data directory for every process of a PostgreSQL server, and not by
    the pid file alone: a killed postmaster leaves children behind.
    """
    folder = shlex.quote(data_directory_of(instance))
    # Only what the shell does by itself: this is looked at while nobody can write.
    tell = 'read -r c <"/proc/$p/comm"; read -r t <"/proc/$p/cmdline"; echo "process=$p $c $t"'
    return (
        f"{each_process(data_directory_of(instance), tell)}; "
        '{ read -r p <"$d/postmaster.pid"; } 2>/dev/null && [ -d "/proc/$p" ] && echo "pid=$p"; '
        '[ -e "$d/standby.signal" ] && echo standby=yes; '
        f'[ -e "$d{QUARANTINE}" ] && echo quarantine=yes; '
        f'[ -e "$d{REWINDING}" ] && echo rewinding=yes; '
        f"LC_ALL=C {shlex.quote(program_of(instance, 'pg_controldata'))} -D {folder}"
    )


def each_process(folder: str, body: str) -> str:
    """Return the commands that do `body` for every process that works in `folder`, its number in `p`.

    They end with status 66 when there is no such folder. `-ef` compares directories and not their names, and the shell does it by
    itself: no process is started, which took `find` 27 ms and `ls` 7.
    """
    return (
        f'd={shlex.quote(folder)}; cd / && [ -x "$d" ] && [ "$d" -ef "$d" ] || exit 66; '
        'for p in /proc/[0-9]*; do if [ "$p/cwd" -ef "$d" ]; then p=${p##*/}; '
        f"{{ {body}; }} 2>/dev/null; fi; done"
    )


QUARANTINE = MARKER
"""Ends the name of the marker beside the data directory of an instance in quarantine."""

REWINDING = ".rewinding"
"""Ends the name of the marker beside a data directory that is being rewound; the run that does it stands in it."""

STANDBY_STATES = ("shut down in recovery", "in archive recovery")
"""What a control file says of a data directory that was a standby's."""


def parse_remains(result: CommandResult) -> Remains:
    """Return what the answer to `remains_command` means.

    Raises:
        BadAnswer: There is no data directory, or it may not be looked into.
    """
    if result.exit_status == 66:
        raise BadAnswer(f"its data directory cannot be looked into: {plain(result.stderr)}")
    processes, pid, is_standby, is_quarantined, is_half_rewound = [], None, False, False, False
    for line in result.stdout.splitlines():
        key, _, value = line.partition("=")
        if key == "process":
            number, _, rest = value.partition(" ")
            command, _, title = rest.partition(" ")
            if command.endswith(("postgres", "postmaster")):
                processes.append(plain(f"{number} {title or command}", 120))
        elif key == "pid" and value.isdigit():
            pid = int(value)
        elif line == "standby=yes":
            is_standby = True
        elif line == "quarantine=yes":
            is_quarantined = True
        elif line == "rewinding=yes":
            is_half_rewound = True
    control: dict[str, object] = {}
    complaint = ""
    try:
        control = parse_control(result)
    except ValueError:
        complaint = plain(result.stderr) or "pg_controldata said nothing"
    return Remains(tuple(processes), pid, control, is_standby, is_quarantined, complaint, is_half_rewound)


async def remains(bench: Workbench, name: str) -> Remains:
    """Return what there is of the server of the instance `name` on its host.

    Raises:
        DriverError: The host could not be asked, or has no such data directory.
    """
    instance = instance_of(bench.inventory, name)
    command = remains_command(instance)
    result = await bench.hosts.look(host_of(bench.inventory, name).name, command, timeout_s=LOOK_S)
    try:
        return parse_remains(result)
    except BadAnswer as error:
        raise BadAnswer(error.what, where=name) from error
