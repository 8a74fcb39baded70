"""Have the old primary follow the new one after a clean stop: a slot, settings, a start. It is proved to need no rewind."""

import re
import shlex
from collections.abc import Awaitable, Callable

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import Lasting, patience, settled
from ppsconsole.actions.looks import LOOK_S, remains
from ppsconsole.actions.places import (
    argument,
    data_directory_of,
    host_of,
    instance_of,
    listening,
    on_host,
    program_of,
    service_of,
)
from ppsconsole.actions.service_command import service_command
from ppsconsole.actions.standing import Standing, standing
from ppsconsole.actions.stop_primary import stop_command
from ppsconsole.cluster.database import lsn_number
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import BadAnswer, Blocked, DriverError, RunError
from ppsconsole.inventory.model import Instance, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.outcomes import SECOND_PRIMARY
from ppsconsole.plan.step import Step

_SETTLE_S = 20.0
NO_PASSWORD = re.compile(r"(?:password|secret|scram_client_key|scram_server_key)\s*=|://[^\s/@]*:[^\s/]*@")
"""Finds a secret in a connection string, `sslpassword` and a URI's among them: one with it is never carried about."""

Look = Callable[[str, str], Awaitable[CommandResult]]
"""Runs a command that changes nothing on the host of a name."""

_OWN_KEYS = ("host", "hostaddr", "port", "application_name", "dbname")


class Follow(Lasting):
    """Makes a cleanly stopped old primary a standby.

    Arguments: `primary`, the new one; `others`, separated by commas, the standbys that the run told to follow that one too: like
    it they read from this one before, and each slot that nobody reads any more is dropped once it is seen to follow.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return slot, settings and start; and the end of the slot by which the new primary followed this one."""
        primary = argument(step, "primary")
        conninfo = declared_way(inventory, step.node, primary) or f"(as {primary} followed, with its address)"
        told = on_host(host_of(inventory, step.node).name, *_commands(inventory, step.node, conninfo))
        let_go = [let_go_command(inventory, step.node, primary, name) for name in (primary, *_others(step))]
        return (*told, *on_host(host_of(inventory, primary).name, *filter(None, let_go)))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it was stopped cleanly, and ended before the new primary's timeline began."""
        primary = argument(step, "primary")
        new = await standing(bench, primary)
        if new.in_recovery:
            return Finding("no", f"{primary} is a standby: there is nobody to follow")
        left = await remains(bench, step.node)
        if left.is_quarantined:
            return Finding("no", f"{step.node} is in quarantine: rejoin it instead")
        if not left.is_gone:
            return await _running(bench, step.node, primary)
        if not left.is_shut_down:
            return Finding(
                "no", f"{step.node} was not stopped cleanly ({plain(str(left.control.get('control_state')))}): rewind it"
            )
        if left.control["control_system_identifier"] != new.system_identifier:
            return Finding("no", f"{step.node} and {primary} are not the same system")
        end, timeline = str(left.control["control_checkpoint"]), int(str(left.control["control_timeline"]))
        began = await switchpoint(bench, primary, timeline, new.timeline)
        values = {"switchpoint": began, "checkpoint_lsn": end, "timeline": new.timeline}
        if timeline != new.timeline and (began is None or lsn_number(began) <= lsn_number(end)):
            words = f"{step.node} ends behind {end} on timeline {timeline}, timeline {new.timeline} of {primary} began at {began}"
            return Finding("no", f"{words}: a rewind is needed", values)
        return Finding("yes", f"{step.node} ends before timeline {new.timeline} of {primary} begins: no rewind is needed", values)

    async def act(self, bench: Workbench, step: Step) -> None:
        """Make the slot, write the settings, start it, and stop it at once should it not be in recovery.

        Raises:
            RunError: It came up as a primary and was stopped; or the slot or the settings could not be made.
            Blocked: The way to the new primary is not known.
        """
        primary = argument(step, "primary")
        conninfo = await way_to(bench, step.node, primary)
        host = host_of(bench.inventory, step.node).name
        commands = _commands(bench.inventory, step.node, conninfo) if (await remains(bench, step.node)).is_gone else ()
        for command in commands:
            result = await bench.hosts.act(host, command, node=step.node, timeout_s=step.timeout_s)
            if result.exit_status != 0:
                said = plain(result.stderr or result.stdout) or f"status {result.exit_status}"
                raise RunError(said, where=host, remedy=f"Mend that; then ppsconsole run rejoin {step.node}")
        await insist_on_recovery(bench, step)
        for name in await _keeps_log_for(bench, step):
            let_go = let_go_command(bench.inventory, step.node, primary, name)
            assert let_go is not None
            result = await bench.hosts.act(host_of(bench.inventory, primary).name, let_go, timeout_s=step.timeout_s)
            if result.exit_status != 0:
                bench.say(f"slot {slot_of(name)} of {step.node} was not dropped: {plain(result.stderr)}")

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it streams from the new primary on its timeline."""
        primary = argument(step, "primary")
        if (await remains(bench, step.node)).is_gone:
            # Its closed port alone would not tell: what was not started is not done, and whoever goes on may start it.
            return Finding("no", f"{step.node} does not run")

        async def look() -> Finding:
            found = await streams(bench, step.node, primary, ", without a rewind")
            if found.state == "yes" and (left := await _keeps_log_for(bench, step)):
                said = " and ".join(f"slot {slot_of(name)}, by which {name} followed it," for name in left)
                return Finding("no", f"{found.words}; {said} is not dropped yet", found.values)
            return found

        return await settled(bench, look, min(_SETTLE_S, patience(step)), every_s=0.05)


def _commands(inventory: Inventory, node: str, conninfo: str) -> tuple[str, ...]:
    service = service_of(inventory, node)
    enable, start = service_command(service, "enable", node), service_command(service, "start", node)
    make_slot, write = slot_command(inventory, node, conninfo), settings_command(inventory, node, conninfo)
    return make_slot, write, f"{insisted(inventory, node)}; {enable} && {start}"


def slot_command(inventory: Inventory, node: str, conninfo: str) -> str:
    """Return the command that makes the slot of `node` where it is to follow, unless it is there.

    By the standby's own login, so that the console needs no right to make slots, and the way there is tried before it is used.
    """
    receiver = shlex.quote(program_of(instance_of(inventory, node), "pg_receivewal"))
    return f"{receiver} --create-slot --if-not-exists -w -S {slot_of(node)} -d {shlex.quote(conninfo)}"


def drop_command(inventory: Inventory, node: str, conninfo: str, slot: str) -> str:
    """Return the command that drops `slot` where `conninfo` leads, with the programs on the host of `node`."""
    receiver = shlex.quote(program_of(instance_of(inventory, node), "pg_receivewal"))
    return f"{receiver} --drop-slot -w -S {shlex.quote(slot)} -d {shlex.quote(conninfo)}"


def settings_command(inventory: Inventory, node: str, conninfo: str) -> str:
    """Return the command that has `node` come up as a standby which follows by `conninfo` and its slot."""
    folder = shlex.quote(data_directory_of(instance_of(inventory, node)))
    lines = (f"primary_conninfo = {_setting(conninfo)}", f"primary_slot_name = {_setting(slot_of(node))}")
    settings = "printf '%s\\n' " + " ".join(shlex.quote(line) for line in lines)
    return (
        f'd={folder}; f=$d/postgresql.auto.conf; cp -p "$f" "$f.before-follow" && cp -p "$f" "$f.new" && '
        "{ grep -Ev '^[[:space:]]*(primary_conninfo|primary_slot_name)[[:space:]]*=' \"$f.before-follow\"; "
        f'{settings}; }} >"$f.new" && mv "$f.new" "$f" && : >"$d/standby.signal" && sync'
    )


def insisted(inventory: Inventory, node: str) -> str:
    """Return the shell text that leaves unless `node` would come up as a standby: it stands right before every start of one."""
    folder = shlex.quote(data_directory_of(instance_of(inventory, node)))
    return f"[ -f {folder}/standby.signal ] || {{ echo 'no standby.signal: it would come up as a primary' >&2; exit 65; }}"


def let_go_command(inventory: Inventory, node: str, primary: str, follower: str = "") -> str | None:
    """Return the command, on the host of `primary`, that drops the slot by which that, or `follower`, followed `node` before.

    Nobody reads it any more, and on a standby it keeps log until the disk is full. None where no way to `node` is declared.
    """
    conninfo = declared_way(inventory, primary, node)
    return None if conninfo is None else drop_command(inventory, primary, conninfo, slot_of(follower or primary))


def slot_of(node: str) -> str:
    """Return the name of the replication slot of the instance `node`: slots have letters, digits and underscores only."""
    return re.sub("[^a-z0-9_]", "_", node.lower())[:63]


def _setting(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def declared_way(inventory: Inventory, node: str, primary: str) -> str | None:
    """Return the connection settings that the inventory declares for `node` to follow `primary`, with an application name."""
    declared = instance_of(inventory, node).upstreams.get(primary)
    if declared is None or re.search(r"\bapplication_name\s*=", declared):
        return declared
    return f"{declared} application_name={node}"


async def way_to(bench: Workbench, node: str, primary: str) -> str:
    """Return the connection settings by which `node` follows `primary`: as declared, or as that one followed; no password in it.

    Raises:
        Blocked: The way is not known, or would hold a password.
        DriverError: The host of `primary` could not be asked.
    """
    found = declared_way(bench.inventory, node, primary)
    if found is None:
        return await derived_way(
            bench.inventory, lambda host, command: bench.hosts.look(host, command, timeout_s=LOOK_S), node, primary
        )
    if NO_PASSWORD.search(found):
        remedy = f"Name a passfile in `upstreams` of {node}"
        raise Blocked(f"the way from {node} to {primary} holds a password, which is not carried about", where=node, remedy=remedy)
    return found


async def derived_way(inventory: Inventory, look: Look, node: str, primary: str) -> str:
    """Return how `primary` followed as a standby, with its own address: login, password file and TLS are mostly the same.

    Raises:
        Blocked: The way is not known, or would hold a password.
        DriverError: The host of `primary` could not be asked.
    """
    instance: Instance = instance_of(inventory, primary)
    command = (
        f"sed -n \"s/^[[:space:]]*primary_conninfo[[:space:]]*=[[:space:]]*'\\(.*\\)'[[:space:]]*$/\\1/p\" "
        f"{shlex.quote(data_directory_of(instance))}/postgresql.auto.conf | tail -n 1"
    )
    result = await look(host_of(inventory, primary).name, command)
    remedy = f"Declare upstreams of {node} in the inventory, with a passfile"
    place = listening(inventory, primary)
    try:
        pairs = dict(word.split("=", 1) for word in shlex.split(result.stdout.strip().replace("''", "'")) if "=" in word)
    except ValueError:
        pairs = {}
    # By its keywords alone: what is no keyword, as a URI, may hold a password anywhere.
    if not pairs or place is None or not all(re.fullmatch("[a-z_]+", name) for name in pairs):
        raise Blocked(f"it is not known how {node} can follow {primary}", where=node, remedy=remedy)
    if any(NO_PASSWORD.search(f"{name}=") for name in pairs):
        raise Blocked(
            f"the primary_conninfo of {primary} holds a password, which is not carried about", where=node, remedy=remedy
        )
    kept = {name: value for name, value in pairs.items() if name not in _OWN_KEYS}
    told = {"host": place[0], "port": str(place[1]), **kept, "application_name": node}
    return " ".join(f"{name}={_value(value)}" for name, value in told.items())


def _value(text: str) -> str:
    """A value of a connection string as libpq reads it."""
    if re.fullmatch(r"[^\s'\\]+", text):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


async def switchpoint(bench: Workbench, primary: str, timeline: int, new_timeline: int) -> str | None:
    """Return where the primary left `timeline` for its own, by its timeline history; None when it never was on it.

    Raises:
        BadAnswer: The history cannot be read.
        DriverError: Its host could not be asked.
    """
    if timeline == new_timeline:
        return None
    return next((at for each, at in await forks(bench, primary, new_timeline) if each == timeline), None)


async def forks(bench: Workbench, primary: str, timeline: int) -> tuple[tuple[int, str], ...]:
    """Return the timelines that came before `timeline` in the primary's history, each with where it was left; the last one last.

    Raises:
        BadAnswer: The history cannot be read.
        DriverError: Its host could not be asked.
    """
    if timeline == 1:  # the first one: no file tells of any before it
        return ()
    path = f"{data_directory_of(instance_of(bench.inventory, primary))}/pg_wal/{timeline:08X}.history"
    result = await bench.hosts.look(host_of(bench.inventory, primary).name, f"cat -- {shlex.quote(path)}", timeout_s=LOOK_S)
    found = []
    for line in result.stdout.splitlines():
        words = line.split("#")[0].split()
        if len(words) >= 2 and words[0].isdigit():
            try:
                lsn_number(words[1])
            except ValueError:
                raise BadAnswer(f"{path} has no position in {plain(line)}", where=primary) from None
            found.append((int(words[0]), words[1]))
    return tuple(found)


def _others(step: Step) -> list[str]:
    return [name for name in step.arguments.get("others", "").split(",") if name]


async def _keeps_log_for(bench: Workbench, step: Step) -> list[str]:
    """Return who followed the step's instance before by a slot that it still has and nobody reads, as far as it can be dropped.

    Of the others only those that this run saw following the new primary: one that does not may come back for its slot.
    """
    primary = argument(step, "primary")
    if declared_way(bench.inventory, primary, step.node) is None:
        return []
    gone = [primary, *(name for name in _others(step) if bench.found_by("repoint", name).get("follows") == primary)]
    status = await bench.tools.postgres.status(instance_of(bench.inventory, step.node))
    idle = {each.name for each in status.slots if not each.is_active}
    return [name for name in gone if slot_of(name) in idle]


async def _running(bench: Workbench, node: str, primary: str) -> Finding:
    try:
        found = await standing(bench, node)
    except DriverError as error:
        return Finding("unknown", f"{node} runs, but does not say as what: {error.what}")
    if not found.in_recovery:
        words = f"{node} runs as a primary beside {primary}: somebody started it. Stop it, `ppsconsole run fence {node}`"
        return Finding("no", f"{words}; then make it a standby, `ppsconsole run rejoin {node}`", {SECOND_PRIMARY: node})
    return Finding("yes", f"{node} runs as a standby already")


async def insist_on_recovery(bench: Workbench, step: Step) -> None:
    """Ask it as soon as it answers whether it is in recovery; a second primary is stopped at once.

    Raises:
        RunError: It came up as a primary, and was stopped; or it does not answer.
    """
    found: Standing | None = None
    limit = bench.clock.monotonic() + step.timeout_s / 2
    while found is None:
        try:
            found = await standing(bench, step.node)
        except DriverError as error:
            if bench.clock.monotonic() >= limit:
                raise RunError(f"it was started and does not answer: {error.what}", where=step.node) from error
            await bench.clock.sleep(0.02)
    if found.in_recovery:
        return
    command = stop_command(instance_of(bench.inventory, step.node), service_of(bench.inventory, step.node), step.node, 20.0)
    await bench.hosts.act(host_of(bench.inventory, step.node).name, command, node=step.node, timeout_s=20.0)
    raise RunError("it came up as a primary and was stopped at once", where=step.node, remedy="See its settings and its log")


async def streams(bench: Workbench, node: str, primary: str, note: str = "") -> Finding:
    """Return whether `node` streams from `primary` on its timeline, as both of them say; with its slots that nobody uses."""
    try:
        own = await bench.tools.postgres.status(instance_of(bench.inventory, node))
        other = await bench.tools.postgres.status(instance_of(bench.inventory, primary))
    except DriverError as error:
        return Finding("unknown", str(error))
    receiver = own.receiver
    rows = [each for each in other.replicas or () if each.application_name == node]
    stale = [slot.name for slot in own.slots if not slot.is_active]
    values = {"timeline": own.timeline, "stale_slots": stale}
    if not own.in_recovery:
        return Finding("no", f"{node} is a primary", values)
    if own.system_identifier != other.system_identifier:
        return Finding("no", f"{node} and {primary} are not the same system", values)
    if receiver is None or receiver.status != "streaming" or not rows or rows[0].state != "streaming":
        state = receiver.status if receiver is not None else "unknown"
        seen = rows[0].state if rows else "nobody"
        return Finding("no", f"{node} is a standby, its receiver says {state}, {primary} says {seen}", values)
    if receiver.received_timeline != other.timeline:
        words = f"{node} streams on timeline {receiver.received_timeline}, {primary} is on {other.timeline}"
        return Finding("no", words, values)
    words = f"{node} streams from {primary} on timeline {other.timeline}{note}"
    if stale:
        words += f"; its own slots {', '.join(stale)} keep WAL until they are used or dropped"
    return Finding("yes", words, values)
