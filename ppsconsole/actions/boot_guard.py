"""The boot guard: a script on a database's host that lets it start only if no peer it can reach has a newer timeline.

It is one file beside the data directory, written whole and owned by nobody else; what starts the service has to call it
(systemd: `ExecStartPre=`, see systemd.service(5): where it fails, the service is not started).
"""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import Looking
from ppsconsole.actions.looks import LOOK_S, QUARANTINE, REWINDING
from ppsconsole.actions.places import data_directory_of, host_of, instance_of, on_host, program_of, service_of, written
from ppsconsole.drivers.service import status_command
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import mask, plain
from ppsconsole.plan.step import Step

ENDING = ".boot-guard"
"""Ends the name of the guard, which lies beside the data directory."""

_HEAD = "# ppsconsole boot guard"
_ASK_S = 10
_SCRIPT = """\
#!/bin/sh
@HEAD@ of @NODE@: run before the database starts; any status but 0 keeps it from starting.
# Remove it with: ppsconsole run boot-guard-remove @NODE@
data=@DATA@
say() { echo "boot guard of @NODE@: $*" >&2; }
if [ -e "$data@REWINDING@" ]; then
    say "a rewind of it was begun and never ended: what is half rewound must not be started; rejoin it"
    exit 1
fi
# As a standby it takes no writes.
[ -e "$data/standby.signal" ] && exit 0
if [ -e "$data@MARKER@" ]; then
    say "it is in quarantine after a failover and would start as a primary: rejoin it ($(head -c 200 "$data@MARKER@"))"
    exit 1
fi
control=$(LC_ALL=C @CONTROLDATA@ -D "$data") || exit 0 # without one it does not start anyway
own=$(printf '%s\\n' "$control" | sed -n "s/^Latest checkpoint's TimeLineID: *//p")
system=$(printf '%s\\n' "$control" | sed -n 's/^Database system identifier: *//p')
# A server that crashed right after its own promotion has the new timeline in its log before it is in the control file.
for file in "$data"/pg_wal/*.history; do
    name=${file##*/}
    name=${name%.history}
    case $name in *[!0-9A-F]*) continue ;; esac
    [ $((0x$name)) -gt "$own" ] && own=$((0x$name))
done
ask() {
    answer=$(timeout @ASK@ @PSQL@ -XAtqw -F ' ' -c IDENTIFY_SYSTEM "$2 replication=true connect_timeout=3" 2>/dev/null </dev/null)
    name=$1
    set -- $answer
    if [ "$1" != "$system" ]; then
        say "$name does not answer as the same system: nothing is known of it"
    elif [ "$2" -gt "$own" ]; then
        say "$name is on timeline $2, this one is on $own: it was promoted meanwhile, and this one would be a second primary"
        exit 1
    fi
}
@PEERS@
exit 0
"""


def guard_path(inventory: Inventory, node: str) -> str:
    """Return where the guard of an instance lies on its host."""
    return data_directory_of(instance_of(inventory, node)) + ENDING


def guard_script(inventory: Inventory, node: str) -> str:
    """Return the guard of an instance, whole. Peers are asked by the way on which the instance would follow them."""
    instance = instance_of(inventory, node)
    peers = (f"ask {shlex.quote(peer)} {shlex.quote(way)}" for peer, way in instance.upstreams.items())
    values = {
        "HEAD": _HEAD,
        "NODE": node,
        "DATA": shlex.quote(data_directory_of(instance)),
        "MARKER": QUARANTINE,
        "REWINDING": REWINDING,
        "CONTROLDATA": shlex.quote(program_of(instance, "pg_controldata")),
        "PSQL": shlex.quote(program_of(instance, "psql")),
        "ASK": str(_ASK_S),
        "PEERS": "\n".join(peers),
    }
    text = _SCRIPT
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


class InstallBootGuard:
    """Writes the guard; one that is there already and is ours is kept aside, one that is not ours is left alone."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the command, and line by line the whole script that goes with it."""
        first, *script = _install(inventory, step.node).splitlines()
        return (*on_host(host_of(inventory, step.node).name, first), *(mask(line) for line in script))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the place is free, or holds a guard of ours."""
        head = await _head(bench, step.node)
        if head and _HEAD not in head:
            path = guard_path(bench.inventory, step.node)
            return Finding("no", f"{path} is there and is none of ours: nothing of it is touched")
        return Finding("yes", "a guard is there and is written again" if head else "no guard is there yet", {"was": bool(head)})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Write it.

        Raises:
            RunError: It could not be written.
        """
        await _sent(bench, step, _install(bench.inventory, step.node))

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the file is what was to be written, and can be run."""
        path = shlex.quote(guard_path(bench.inventory, step.node))
        host = host_of(bench.inventory, step.node).name
        found = await bench.hosts.look(host, f"[ -x {path} ] && cat -- {path}", timeout_s=LOOK_S)
        if found.exit_status != 0 or found.stdout != guard_script(bench.inventory, step.node):
            return Finding("no", f"the guard of {step.node} is not there as it was written")
        return Finding("yes", f"the guard of {step.node} lies at {plain(guard_path(bench.inventory, step.node))}")

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Set it aside where there was none before."""
        if not bench.noted(step, "was"):
            await _sent(bench, step, _remove(bench.inventory, step.node))

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is as it was found."""
        head = await _head(bench, step.node)
        is_back = bool(head) == bool(bench.noted(step, "was"))
        return Finding("yes" if is_back else "no", f"{'a' if head else 'no'} guard is there")


class RemoveBootGuard:
    """Sets the guard aside, where it is ours."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        return on_host(host_of(inventory, step.node).name, _remove(inventory, step.node))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether there is one of ours."""
        head = await _head(bench, step.node)
        if _HEAD not in head:
            return Finding("no", f"{guard_path(bench.inventory, step.node)} is {'none of ours' if head else 'not there'}")
        return Finding("yes", "the guard is ours")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Rename it.

        Raises:
            RunError: It could not be renamed.
        """
        await _sent(bench, step, _remove(bench.inventory, step.node))

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is gone from its place."""
        head = await _head(bench, step.node)
        return Finding("no" if head else "yes", f"the guard of {step.node} is {'still' if head else 'no more'} in its place")

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Put it back."""
        path = shlex.quote(guard_path(bench.inventory, step.node))
        await _sent(bench, step, f"[ -e {path} ] || mv -T {path}.removed {path}")

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is back."""
        head = await _head(bench, step.node)
        return Finding("yes" if _HEAD in head else "no", f"the guard of {step.node} is {'' if head else 'not '}in its place")


class CheckBootGuard(Looking):
    """Looks whether what starts the service calls the guard. For systemd that is its `ExecStartPre`."""

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the guard is called; else what has to be written where."""
        service, path = service_of(bench.inventory, step.node), guard_path(bench.inventory, step.node)
        command = status_command(service) or ":"
        if service.kind == "systemd" and service.name is not None:
            command = f"systemctl show -p ExecStartPre -- {shlex.quote(service.name)}"
        said = (await bench.hosts.look(host_of(bench.inventory, step.node).name, command, timeout_s=LOOK_S)).stdout
        if path in said:
            return Finding("yes", f"the service of {step.node} runs its guard before it starts")
        if service.kind == "systemd":
            how = f"`systemctl edit {service.name}`, and write under [Service]: ExecStartPre={path}"
        else:
            how = f"let its `start` run {path} first and give up where that fails, and its `status` print guard={path}"
        return Finding("no", f"nothing calls the guard of {step.node} yet, so it keeps nothing from starting: {how}")


def _install(inventory: Inventory, node: str) -> str:
    path = shlex.quote(guard_path(inventory, node))
    write = written(path, "<<'END_OF_GUARD'", f"chmod 755 {path}.new")
    return f"{write}\n{guard_script(inventory, node)}END_OF_GUARD"


def _remove(inventory: Inventory, node: str) -> str:
    path = shlex.quote(guard_path(inventory, node))
    return f"grep -q {shlex.quote(_HEAD)} {path} && mv -T {path} {path}.removed"


async def _head(bench: Workbench, node: str) -> str:
    """Return the first lines of what lies in the guard's place, empty when nothing does."""
    path = shlex.quote(guard_path(bench.inventory, node))
    command = f"[ ! -e {path} ] || {{ echo file; head -n 2 -- {path}; }}"
    return (await bench.hosts.look(host_of(bench.inventory, node).name, command, timeout_s=LOOK_S)).stdout


async def _sent(bench: Workbench, step: Step, command: str) -> None:
    host = host_of(bench.inventory, step.node).name
    result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
    if result.exit_status != 0:
        raise RunError(f"the guard could not be changed: {plain(result.stderr)}", where=host)
