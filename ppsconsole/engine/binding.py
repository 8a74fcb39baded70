"""What a command is bound to, as shell text: lease, host name, system identifier and data directory, re-read with it (law 7)."""

import shlex

from ppsconsole.drivers.base import CommandResult
from ppsconsole.engine.lease import Lease
from ppsconsole.engine.lease_script import ours
from ppsconsole.engine.stage import Stage
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.plan import Identity, Plan

MOVED = 97
"""The exit status of a command that found something else than was planned for, and did nothing."""

MARK = "@@ppsconsole-moved"
"""The word before what it found, in its error output."""

_SAID_LIMIT = 2000
"""Characters: a lease's holder and reason have to fit in."""


class Binding:
    """Writes the conditions under which a command of one run may act."""

    def __init__(self, inventory: Inventory, plan: Plan, lease: Lease, stage: Stage) -> None:
        """Prepare.

        Args:
            inventory: Says where hosts and programs are.
            plan: Says who is who.
            lease: Held by this run.
            stage: Says which step is at hand.
        """
        self._inventory, self._plan, self._lease, self._stage = inventory, plan, lease, stage

    def conditions(self, host: Host, node: str | None) -> str:
        """Return the shell text that leaves with `MOVED`, having said why, unless everything is as the plan has it."""
        lines = [
            f"d={self._lease.folder}",
            # Who has the lease now stands in its second line; where nobody has it, the epoch tells whether somebody had.
            'moved() { h=; [ "$1" != lease ] || h=$(sed -n 2p "$d/lease" 2>/dev/null || cat "$d/epoch" 2>/dev/null); '
            f'printf \'{MARK} %s %s%s\\n\' "$1" "$2" "${{h:+ $h}}" >&2; exit {MOVED}; }}',
            f'{ours(self._lease.line)} || moved lease "$l"',
        ]
        names = {each.hostname for each in self._plan.identities if each.host == host.name and each.hostname}
        for name in sorted(names):
            lines.append(f'l=$(uname -n); [ "$l" = {shlex.quote(name)} ] || moved hostname "$l, planned was "{shlex.quote(name)}')
        identity = self.identity(node)
        if identity is not None:
            lines += self.instance_conditions(identity)
        return "\n".join(lines) + "\n"

    def begun(self, step: str = "") -> str:
        """Return the shell text that notes on the host that an act of the step is begun: who goes on from a copy learns of it."""
        folder = f'"$d"/runs/{shlex.quote(self._lease.claim.run)}'
        line = step or shlex.quote(self._stage.begun)
        own = '[ ! -L "$d/runs" ] && [ ! -L "$r" ] && [ ! -L "$r/begun" ]'
        # Once for each host: where a command stands ready nothing more is started. The act itself keeps the login's umask.
        there = '[ -f "$r/begun" ] || (umask 077; mkdir -p "$r" && : >>"$r/begun")'
        note = f'r={folder}; {own} && {{ {there}; }} && printf "%s\\n" {line} >>"$r/begun"'
        # A disk that is full does not keep a service down.
        return f"{{ {note}; }} 2>/dev/null || :\n"

    def identity(self, node: str | None) -> Identity | None:
        """Return what the plan knows the instance `node` by, None where it is no part of it."""
        return next((each for each in self._plan.identities if each.node == node), None) if node is not None else None

    def instance_conditions(self, identity: Identity) -> list[str]:
        """Return the lines that look whether the instance is still the one that was planned for; none where nothing is known."""
        instance = self._inventory.database.instances.get(identity.node)
        if instance is None or not identity.data_directory:
            return []
        folder = shlex.quote(identity.data_directory)
        lines = [f"[ -d {folder} ] || moved data-directory {folder}' is not there'"]
        if instance.data_directory and instance.data_directory != identity.data_directory:
            # Commands name the declared one: it may be a link to it, and must not be a copy of it.
            declared = shlex.quote(instance.data_directory)
            words = f"{declared}' is declared, and the server works in '{folder}"
            lines.append(f"if [ {declared} -ef {folder} ]; then :; else moved data-directory {words}; fi")
        if identity.system_identifier:
            program = f"{instance.bin_directory}/pg_controldata" if instance.bin_directory else "pg_controldata"
            wanted = shlex.quote(identity.system_identifier)
            lines += [
                f"l=$(LC_ALL=C {shlex.quote(program)} -D {folder} 2>&1 </dev/null)",
                "case $l in *'Database system identifier:'*) ;; *) moved system-identifier \"cannot be read: $l\" ;; esac",
                "l=${l#*'Database system identifier:'}; l=$(echo ${l%%[!0-9 ]*})",
                f'[ "$l" = {wanted} ] || moved system-identifier "$l, planned was "{wanted}',
            ]
        return lines


def planned_keys(plan: Plan) -> dict[str, frozenset[str]]:
    """Return the fingerprints that each host of a plan was known by as it was made; hosts without one are left out."""
    keys: dict[str, frozenset[str]] = {}
    for each in plan.identities:
        if each.host and each.host_key:
            keys[each.host] = keys.get(each.host, frozenset()) | {each.host_key}
    return keys


def moved_words(result: CommandResult) -> str | None:
    """Return why a guarded command left without having acted, None when it did not."""
    if result.exit_status != MOVED:
        return None
    lines = [line for line in result.stderr.splitlines() if line.startswith(MARK)]
    return plain(lines[-1].removeprefix(MARK).strip(), _SAID_LIMIT) if lines else None
