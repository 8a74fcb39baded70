"""Fresh facts for a plan: one look at everything, and what else has to be known before something is moved."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ppsconsole.actions.bundle_store import BundleStore, StoredBundle
from ppsconsole.actions.dead_wal import Behind, read_dead_wal
from ppsconsole.actions.remnant import Source, read_remnant
from ppsconsole.actions.way_there import ASK_S, try_way
from ppsconsole.clock import Clock
from ppsconsole.cluster.copies import Offered
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.cluster.remnant import Remnant
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.cluster.way_there import WayThere
from ppsconsole.drivers.base import Shell
from ppsconsole.drivers.secrets import resolve
from ppsconsole.errors import Blocked, DriverError, SecretError, UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.plan.plan import Plan
from ppsconsole.probes.monitor import Monitor
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.failover import pair_of
from ppsconsole.runbooks.other_standbys import others_of
from ppsconsole.runbooks.request import Request
from ppsconsole.runbooks.situation import LATE, primaries
from ppsconsole.runbooks.switchover import pair_of as switched_pair

if TYPE_CHECKING:
    from ppsconsole.probes.tools import Tools


async def look(inventory: Inventory, clock: Clock) -> Snapshot:
    """Look at everything once and return what was seen; what does not answer in time stays unknown. Nobody is logged in."""
    return (await Monitor(inventory, clock, has_logins=False).once(deadline_s(inventory))).snapshot


async def look_with(tools: "Tools", inventory: Inventory, clock: Clock, deadline_s: float) -> Snapshot:
    """Look at everything once over lines that are open already; what does not answer within `deadline_s` stays unknown."""
    from ppsconsole.probes.tools import make_probes

    monitor = Monitor(inventory, clock, lambda _: make_probes(inventory, tools, clock))
    return (await monitor.once(deadline_s)).snapshot


LOOKS = 3
LOOKS_S = 12.0
"""How often, and for how long, a plan looks again at what did not answer in time: a machine that is busy is not a dead one."""


async def looks(inventory: Inventory, clock: Clock) -> AsyncGenerator[tuple[Snapshot, bool], None]:
    """Look at everything, and again for as long as the caller goes on: `LOOKS` times, none begun that `LOOKS_S` would cut off.

    The lines that the first look opened stay open for the next, which so is quicker. The second look is had at any rate, and
    whole: a first one that used up all the time did so because something did not answer, and must not decide by itself.

    Yields:
        What was seen, and whether it is the last look.
    """
    from ppsconsole.probes.tools import Tools

    tools, ends = Tools(inventory, clock, lambda _: None), clock.monotonic() + LOOKS_S
    try:
        for number in range(1, LOOKS + 1):
            left_s = ends - clock.monotonic()
            snapshot = await look_with(tools, inventory, clock, deadline_s(inventory) if number <= 2 else left_s)
            is_last = number == LOOKS or (number >= 2 and ends - clock.monotonic() < inventory.polling.timeout_s)
            yield snapshot, is_last
            if is_last:
                return
    finally:
        await tools.aclose()


def is_worth_another_look(
    inventory: Inventory, snapshot: Snapshot, made: Plan | Barred, *, is_for_alternates: bool = False
) -> bool:
    """Return whether something did not answer in time that might answer at the next look, and a plan rests on it.

    A failover whose plan can be run does not wait for what is wholly silent, as a host that is dead is: users are out meanwhile.

    Args:
        inventory: What was declared.
        snapshot: What was seen.
        made: What came of it: the plan, or why there is none.
        is_for_alternates: What is planned rests on the hosts of alternate servers, too.
    """
    if isinstance(made, Barred) and made.rule == "bundles-unseen":
        return True
    is_urgent = isinstance(made, Plan) and made.runbook == "failover" and not made.blockers
    for node in snapshot.nodes:
        names = [name for name, kinds in _LOOKS_AT.items() if node.kind in kinds]
        is_reached = bool(names) or node.kind == "balancer" or (is_for_alternates and node.kind == "alternate")
        if not is_reached or (node.kind == "database" and inventory.database.kind != "postgres"):
            continue
        if inventory.host_of(node.name) is not None:
            names.append("host.ssh")
        # Processes that are stopped answer no more, and their own host says so.
        late = [name for name in names if node.value(name) in LATE and node.value("service") != "frozen"]
        if late and not (is_urgent and all(node.value(name) not in ("ok", "refused") for name in names)):
            return True
    return False


_LOOKS_AT = {"sql": ("database",), "tcp": ("web",)}


def deadline_s(inventory: Inventory) -> float:
    """Return how long one look at everything may take: connecting through a bastion, then the question itself."""
    longest = max([host.ssh.connect_timeout_s * (1 + len(host.via)) for host in inventory.hosts.values()], default=0.0)
    return longest + inventory.polling.timeout_s + 1.0


async def dead_wal(inventory: Inventory, snapshot: Snapshot, shell: Shell, clock: Clock, to: str = "") -> DeadWal | None:
    """Read on the dead primary's disk what the standby lacks; None where there is no dead primary whose disk could be read.

    Args:
        inventory: What was declared.
        snapshot: The world now; it has to show the primary's processes gone, on a host that answers.
        shell: Runs the commands that read.
        clock: Stamps the reading.
        to: The standby that would be promoted; empty for the most advanced one.
    """
    if inventory.database.replication == "snapshot":
        return None  # its log says nothing of a copy that is a system of its own
    try:
        gone, ours = pair_of(inventory, snapshot, to)
    except (Blocked, UsageError):
        return None
    behind = _behind(ours)
    if behind is None or not _is_readable(inventory, gone):
        return None
    return await read_dead_wal(inventory, shell, clock, gone.name, behind)


async def remnant(inventory: Inventory, snapshot: Snapshot, tools: "Tools", clock: Clock, node: str) -> Remnant | None:
    """Read what is left of `node` beside the one living primary; None where there is nothing to read, or nobody to compare with.

    Args:
        inventory: What was declared.
        snapshot: The world now.
        tools: Logs in to both hosts, and asks the primary.
        clock: Stamps the reading.
        node: The instance that is to follow.
    """
    instance, living = inventory.database.instances.get(node), primaries(snapshot)
    if instance is None or instance.data_directory is None or len(living) != 1 or living[0].name == node:
        return None
    source = living[0]
    values = [source.value(name) for name in ("timeline", "system_identifier", "version")]
    if any(value is None for value in values):
        return None
    asked = Source(source.name, int(values[0]), str(values[1]), int(values[2]) // 10000)
    return await read_remnant(inventory, tools.ssh, tools.postgres, clock, node, asked)


async def sizes(inventory: Inventory, snapshot: Snapshot, tools: "Tools", timeout_s: float) -> dict[str, int]:
    """Ask how large the PPS database is, in bytes, where it could be restored from: of each primary with a server beside it.

    With very many files that is no quick question; what does not answer within `timeout_s` seconds is left out.
    """
    own = [node for node in snapshot.of_kind("database") if node.role != "standby"]
    found: dict[str, int] = {}
    if inventory.database.kind != "postgres" or len(own) < 2:
        return found
    for node in primaries(snapshot):
        with suppress(DriverError):
            instance = inventory.database.instances[node.name]
            found[node.name] = int((await tools.postgres.execute(instance, _SIZE_SQL, timeout_s=timeout_s))[0][0])
    return found


_SIZE_SQL = "SELECT pg_database_size(current_database())"


_URGENT_S = 3.0
"""How long a way is tried while users are out: it keeps no failover back, so nobody waits for it."""


async def ways(inventory: Inventory, snapshot: Snapshot, shell: Shell, request: Request) -> dict[str, WayThere] | None:
    """Try whether all that a switchover or failover will have follow the new primary get in there; None where nobody is moved.

    They are tried at the same time, each on its own host; nothing is changed by it.
    """
    if inventory.database.kind != "postgres" or inventory.database.replication != "streaming":
        return None
    try:
        pair = {"switchover": switched_pair, "failover": pair_of}[request.runbook](inventory, snapshot, request.to)
    except (KeyError, Blocked, UsageError):
        return None
    old, new = (node.name for node in pair)
    others = others_of(inventory, snapshot, old, new)
    who = [old, *(each.name for each in others if not each.is_left and not each.upstream)]
    seen = {name: node.value("host.ssh") for name in who if (node := snapshot.node(name)) is not None}
    there = [name for name in who if seen.get(name) == "ok"]
    limit_s = _URGENT_S if request.runbook == "failover" else ASK_S
    found = await asyncio.gather(*(try_way(inventory, shell, each, new, limit_s) for each in there))
    hidden = [WayThere(name, new, None, "its host cannot be logged in to") for name in who if name not in there]
    return {each.node: each for each in (*found, *hidden)}


async def offered(inventory: Inventory, tools: "Tools", node: str) -> tuple[Offered, ...] | None:
    """Look into the archive of the alternate server `node`; None where there is no such server.

    Where nobody can look, that is told as the trouble of a bundle without a name.
    """
    alternate = inventory.alternates.get(node)
    if alternate is None:
        return None
    store = BundleStore(inventory.backups[alternate.archive], inventory, tools.ssh)
    try:
        found = [each for each in await store.bundles() if not each.name.prefix]
    except DriverError as error:
        return (Offered("", "", 0.0, trouble=f"{error.what}. {error.remedy}".rstrip(". ")),)
    return tuple(_offer(each) for each in found)


def _offer(stored: StoredBundle) -> Offered:
    name, manifest = stored.name.said(), stored.manifest
    if manifest is None:
        return Offered(name, "", stored.name.at, trouble=stored.trouble)
    return Offered(name, manifest.cluster, manifest.made_at, manifest.pps_version, stored.size, stored.trouble)


def _is_readable(inventory: Inventory, gone: Node) -> bool:
    has_place = inventory.database.instances[gone.name].data_directory is not None
    return has_place and gone.value("host.ssh") == "ok" and gone.value("service") in ("failed", "stopped")


def _behind(ours: Node) -> Behind | None:
    values = [ours.value(name) for name in ("lsn", "replay_lsn", "timeline", "system_identifier")]
    if any(value is None for value in values):
        return None
    return Behind(ours.name, str(values[0]), str(values[1]), int(values[2]), str(values[3]))


async def tried_secrets(inventory: Inventory) -> dict[str, str]:
    """Try every secret reference of the inventory, as only a look that is taken while the cluster is down can tell.

    Returns:
        By reference the empty string, or why it does not resolve; nothing of any value.
    """
    found: dict[str, str] = {}
    for reference in references(inventory):
        if str(reference) in found:
            continue
        try:
            await resolve(reference)
            found[str(reference)] = ""
        except SecretError as error:
            found[str(reference)] = error.what
    return found


def references(declared: Any) -> Iterator[SecretRef]:
    """Yield every secret reference in an inventory, or in a part of one."""
    if isinstance(declared, SecretRef):
        yield declared
    elif dataclasses.is_dataclass(declared) and not isinstance(declared, type):
        for each in dataclasses.fields(declared):
            yield from references(getattr(declared, each.name))
    elif isinstance(declared, dict):
        for value in declared.values():
            yield from references(value)
    elif isinstance(declared, (tuple, list)):
        for value in declared:
            yield from references(value)
