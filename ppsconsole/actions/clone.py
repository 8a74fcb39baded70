"""Make a whole copy of the primary beside the data directory, and swap it in by renaming. Argument `source`: the primary.

A copy that is being made has a name of its own, which ends in `.part`; it gets its final one only when it is whole, was compared
with its manifest where the server makes one (PostgreSQL 13 and newer), and is marked as a standby. Nothing is deleted.
"""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copy_progress import progress_told
from ppsconsole.actions.follow import declared_way, slot_of, way_to
from ppsconsole.actions.kinds import Lasting
from ppsconsole.actions.looks import LOOK_S, REWINDING, each_process
from ppsconsole.actions.places import argument, data_directory_of, host_of, instance_of, on_host, program_of
from ppsconsole.actions.planted import fresh_file, refuse_planted
from ppsconsole.errors import RunError
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

CLONE, BEFORE = ".clone-", ".before-"
"""With the run's id, end the names of a copy and of what was set aside for it."""


class Clone:
    """Copies the primary. Undone by leaving the copy where it is: nobody starts it, and it is listed with what was set aside."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        source = argument(step, "source")
        conninfo = declared_way(inventory, step.node, source) or f"(as {source} followed, with its address)"
        return on_host(host_of(inventory, step.node).name, _clone(inventory, step.node, conninfo, "RUN"))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether there is room for it still."""
        if (await self._look(bench, step)).state == "yes":
            return Finding("yes", "the copy is there already")
        folder = shlex.quote(data_directory_of(instance_of(bench.inventory, step.node)))
        seen = await bench.hosts.look(
            host_of(bench.inventory, step.node).name, f"df -Pk {folder}/.. | tail -n 1", timeout_s=LOOK_S
        )
        words, wanted = seen.stdout.split(), int(step.arguments.get("bytes") or 0)
        free = int(words[3]) * 1024 if len(words) > 3 and words[3].isdigit() else None
        if free is None:
            return Finding("unknown", f"how much is free beside {folder} was not told: {plain(seen.stderr, 160)}")
        has_part = await self._has_part(bench, step)
        if not has_part and free < wanted:
            return Finding("no", f"{free} bytes are free beside {folder}, and {wanted} are needed")
        return Finding("yes", f"{free} bytes are free beside {folder}")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Copy, compare, mark as a standby, and only then give it its name. Goes on by itself when the line drops.

        Raises:
            RunError: It failed, or is not what its manifest says.
        """
        conninfo, host = await way_to(bench, step.node, argument(step, "source")), host_of(bench.inventory, step.node)
        command = _clone(bench.inventory, step.node, conninfo, bench.run)
        clone = clone_folder(bench.inventory, step.node, bench.run)
        async with progress_told(bench, host, f"{clone}.log", f"{step.node}: copying"):
            result = await bench.hosts.act_detached(host.name, "clone", command, timeout_s=step.timeout_s)
        if result.exit_status != 0:
            why = plain(result.stderr, 300) or f"status {result.exit_status}"
            raise RunError(f"{step.node} was not copied: {why}", where=host.name)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether a whole copy is there."""
        return await self._look(bench, step)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Leave it: it is nobody's data directory."""

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return where it is left."""
        clone = clone_folder(bench.inventory, step.node, bench.run)
        return Finding("yes", f"nothing was swapped; a copy, whole or not, is left in {clone}*: ppsconsole quarantine list")

    async def _look(self, bench: Workbench, step: Step) -> Finding:
        clone, host = clone_folder(bench.inventory, step.node, bench.run), host_of(bench.inventory, step.node).name
        seen = await bench.hosts.look(host, f"[ -f {shlex.quote(clone)}/standby.signal ] && echo yes; :", timeout_s=LOOK_S)
        if seen.stdout.strip() == "yes":
            return Finding("yes", f"a whole copy of {argument(step, 'source')} is in {clone}", {"clone": clone})
        return Finding("no", f"there is no whole copy in {clone}")

    async def _has_part(self, bench: Workbench, step: Step) -> bool:
        part = shlex.quote(f"{clone_folder(bench.inventory, step.node, bench.run)}.part")
        host = host_of(bench.inventory, step.node).name
        return (await bench.hosts.look(host, f"[ -e {part} ] && echo yes; :", timeout_s=LOOK_S)).stdout.strip() == "yes"


class SwapIn(Lasting):
    """Renames the data directory aside and the copy to its place, in one command that can be sent again after either.

    It cannot be bound to the data directory by the guard, which is gone for a moment: it looks at the copy's system identifier
    itself, and at the old one's where there is one. Argument `old_system`: what the plan was made for; empty where it had none.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command."""
        return on_host(host_of(inventory, step.node).name, swap_command(inventory, step, "RUN"))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether there is a copy to swap in."""
        seen = await self._places(bench, step)
        if "clone" not in seen:
            return Finding("no", f"there is no whole copy of {argument(step, 'source')} to put in its place")
        if "running" in seen:
            return Finding("no", f"{step.node} still has processes")
        return Finding("yes", "the copy is whole, and nothing runs in the data directory")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Rename both.

        Raises:
            RunError: One could not be renamed, or is not what it has to be.
        """
        host = host_of(bench.inventory, step.node).name
        result = await bench.hosts.act(host, swap_command(bench.inventory, step, bench.run), timeout_s=step.timeout_s)
        if result.exit_status != 0:
            raise RunError(f"the copy was not put in its place: {plain(result.stderr) or result.exit_status}", where=host)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the copy is the data directory now, and where the old one lies."""
        seen = await self._places(bench, step)
        before = f"{data_directory_of(instance_of(bench.inventory, step.node))}{BEFORE}{bench.run}"
        if "clone" in seen or "standby" not in seen:
            return Finding("no", f"the copy of {argument(step, 'source')} is not the data directory of {step.node} yet")
        words = f"the copy is the data directory of {step.node} now"
        if step.arguments.get("is_new"):
            return Finding("yes", words)
        if "before" not in seen:
            return Finding("no", f"{words}, and nothing was found in {before}")
        return Finding("yes", f"{words}; what was there lies in {before}", {"set_aside": before})

    async def _places(self, bench: Workbench, step: Step) -> set[str]:
        data = data_directory_of(instance_of(bench.inventory, step.node))
        clone = clone_folder(bench.inventory, step.node, bench.run)
        command = (
            f"[ -f {shlex.quote(clone)}/standby.signal ] && echo clone; "
            f"[ -f {shlex.quote(data)}/standby.signal ] && echo standby; "
            f"[ -d {shlex.quote(data + BEFORE + bench.run)} ] && echo before; "
            f"( {each_process(data, 'echo running')} ); :"
        )
        seen = await bench.hosts.look(host_of(bench.inventory, step.node).name, command, timeout_s=LOOK_S)
        return set(seen.stdout.split())


def clone_folder(inventory: Inventory, node: str, run: str) -> str:
    """Return where `run` puts its copy of the primary for `node`."""
    return f"{data_directory_of(instance_of(inventory, node))}{CLONE}{run}"


def _clone(inventory: Inventory, node: str, conninfo: str, run: str) -> str:
    instance = instance_of(inventory, node)
    copy, verify = (shlex.quote(program_of(instance, each)) for each in ("pg_basebackup", "pg_verifybackup"))
    own, log = refuse_planted('"$c"'), fresh_file('"$c.log"')
    return (
        f'umask 077; c={shlex.quote(clone_folder(inventory, node, run))}; t=$c.part; {own}; [ ! -e "$c" ] || exit 0; '
        'if [ -e "$t" ] || [ -L "$t" ]; then n=1; while [ -e "$t.$n" ] || [ -L "$t.$n" ]; do n=$((n+1)); done; '
        f'mv -T "$t" "$t.$n" || exit 1; fi; {log} || exit 1; '
        f'LC_ALL=C {copy} -D "$t" -d {shlex.quote(conninfo)} -S {slot_of(node)} -X stream -c fast -w -P 2>"$c.log" '
        '|| { tail -n 3 "$c.log" >&2; exit 65; }; '
        f'if [ -f "$t/backup_manifest" ] && command -v {verify} >/dev/null; then '
        f'LC_ALL=C {verify} -q "$t" >&2 || exit 66; fi; '
        # What is not a standby by its marker would come up as a second primary, whoever starts it.
        ': >"$t/standby.signal" && sync && mv -T "$t" "$c" && sync'
    )


def of_system(instance: Instance, folder: str, identifier: str) -> str:
    """Return the shell text that leaves unless the data in `folder` are those of the system `identifier` (law 7)."""
    control = f"LC_ALL=C {shlex.quote(program_of(instance, 'pg_controldata'))} -D {folder} 2>&1 </dev/null"
    check = f"grep -q '^Database system identifier: *{identifier}$'"
    return f'{control} | {check} || {{ echo {folder}" is not of system {identifier}: nothing was done" >&2; exit 65; }}'


def swap_command(inventory: Inventory, step: Step, run: str) -> str:
    """Return the one command that swaps; sent again it goes on where it was cut off."""
    instance = instance_of(inventory, step.node)
    data, clone = data_directory_of(instance), clone_folder(inventory, step.node, run)
    old = step.arguments.get("old_system", "")
    is_ours = of_system(instance, '"$c"', argument(step, "system"))
    is_old = of_system(instance, '"$d"', old) if old else ":"
    running = each_process(data, 'echo "$p"')
    return (
        f"d={shlex.quote(data)}; c={shlex.quote(clone)}; b=$d{BEFORE}{run}; "
        f'if [ -d "$c" ]; then [ -f "$c/standby.signal" ] || exit 65; {is_ours}; '
        f'if [ -d "$d" ]; then [ ! -e "$b" ] || {{ echo "$b is there already" >&2; exit 66; }}; {is_old}; '
        f'r=$( {running} ); [ -z "$r" ] || {{ echo "still runs: $r" >&2; exit 67; }}; '
        f'mv -T "$d" "$b" || exit 68; [ ! -e "$d{REWINDING}" ] || mv -T "$d{REWINDING}" "$b{REWINDING}"; fi; '
        'mv -T "$c" "$d" || exit 69; fi; sync; [ -f "$d/standby.signal" ]'
    )
