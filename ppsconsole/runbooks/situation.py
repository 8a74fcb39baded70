"""Who is what at the moment of planning: looked up in the snapshot, never in what was declared, unless nothing else tells."""

from ppsconsole.cluster.copies import Copy
from ppsconsole.cluster.database import lsn_number
from ppsconsole.cluster.snapshot import Node, Snapshot, Vantage
from ppsconsole.inventory.model import Inventory, Service
from ppsconsole.runbooks.barred import Barred

DRIVEN_SERVICES = ("command", "systemd")
WRITABLE_STATES = ("in production", "shut down", "shutting down")
"""Control states of a data directory that was a primary's; a standby's say "in archive recovery" or "shut down in recovery"."""

FULL = "no-connection-left"
"""What a look says of an instance that runs and has given away all its connections."""

ROOMLESS = "disk-full"
"""What a look says of an instance that runs, and begins no session because there is no room on its disk."""

LATE = (None, "timed-out")
"""What a look says that nobody answered in time. That is not an answer: whatever is there may be busy."""


def unanswered(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the instances of which nothing is known because they did not answer in time."""
    return tuple(node.name for node in snapshot.of_kind("database") if node.role == "unknown" and node.value("sql") in LATE)


def primaries(snapshot: Snapshot) -> tuple[Node, ...]:
    """Return the instances that say of themselves that they take writes."""
    return tuple(node for node in snapshot.of_kind("database") if node.role == "primary")


def letting_in(node: Node | None) -> None:
    """Refuse to plan with an instance that runs and lets nobody in: its disk is full, or no connection is left.

    Raises:
        Barred: It is such a one; nobody knows whether it is a primary or a standby.
    """
    if node is not None and node.value("sql") == FULL:
        what = f"{node.name} has no connection left for the console, so nobody knows whether it is a primary or a standby"
        raise Barred("no-connection-left", what, where=node.name, remedy=node.facts["sql"].detail)
    if node is not None and node.value("sql") == ROOMLESS:
        remedy = f"Make room on {node.host}: df -h. It goes on by itself then; plan again"
        raise Barred("disk", f"{node.name} runs, and lets nobody in: its disk is full", where=node.name, remedy=remedy)


def standbys(snapshot: Snapshot) -> tuple[Node, ...]:
    """Return the instances that answer as standbys, the most advanced first: by timeline, then by position."""
    return tuple(sorted((node for node in snapshot.of_kind("database") if node.role == "standby"), key=_position, reverse=True))


def _position(node: Node) -> tuple[int, int]:
    copy = node.value("copy")
    if isinstance(copy, Copy):
        return (0, int(copy.taken_at))
    lsn = node.value("lsn")
    return (node.value("timeline") or 0, -1 if lsn is None else lsn_number(lsn))


def driven(inventory: Inventory) -> None:
    """Refuse what no driver can move yet.

    Raises:
        Barred: The database group or a balancer is of a kind that the console only shows.
    """
    kind = inventory.database.kind
    if kind != "postgres":
        what = f"the console cannot move a database group of kind {kind} yet"
        raise Barred("no-driver", what, where="database", remedy="Move it with its own tools; the console goes on watching")
    for balancer in inventory.balancers.values():
        if balancer.kind != "nginx":
            what = f"the console cannot move a balancer of kind {balancer.kind} yet"
            raise Barred(
                "no-driver",
                what,
                where=balancer.name,
                remedy="Move the users with its own tools, or leave it out of the inventory",
            )


def one_history(snapshot: Snapshot) -> None:
    """Refuse to choose between two primaries, and to guess what one does that the console cannot ask.

    Raises:
        Barred: More than one instance takes writes, or one is of a version that the console does not speak to.
    """
    for node in snapshot.of_kind("database"):
        if node.value("sql") == "too-old":
            remedy = "Upgrade it, or leave it out of the inventory; the console touches nothing beside it"
            raise Barred("too-old", f"{node.name} cannot be asked: {node.facts['sql'].detail}", where=node.name, remedy=remedy)
    found = primaries(snapshot)
    if len(found) > 1:
        said = ", ".join(f"{node.name} (timeline {node.value('timeline')}, at {node.value('lsn')})" for node in found)
        remedy = "Stop the web nodes, so that nothing more is written; compare what each one has; nothing is merged"
        raise Barred("split-brain", f"{said} all take writes", where="cluster", remedy=remedy)


def no_copy_serves(snapshot: Snapshot) -> None:
    """Refuse to bring the cluster back beside an alternate server that serves users (law 1: no second writer).

    Raises:
        Barred: One runs.
    """
    found = [node for node in snapshot.of_kind("alternate") if node.value("service") in ("running", "starting", "frozen")]
    if found:
        name, host = found[0].name, found[0].host
        what = f"{name} serves users from its copy: what they write there, and what is written here, is never merged"
        remedy = (
            f"Decide which data stands: alternate-home {name} brings home what it has, and keeps the other. To come back to "
            f"these, stop and disable the PPS of {name} on {host}: it keeps its copy"
        )
        raise Barred("copy-serves", what, where=name, remedy=remedy)


def lost_primary(inventory: Inventory, snapshot: Snapshot) -> Node:
    """Return the instance that was the primary and does not answer as one now.

    Its standbys know it best; then its control file; then what was declared; then that it is the only one left.

    Raises:
        Barred: Every instance answers as a standby, or it cannot be told which one of several it was.
    """
    silent = {node.name: node for node in snapshot.of_kind("database") if node.role == "unknown"}
    if not silent:
        raise Barred(
            "no-dead-primary",
            "every instance answers, and none of them as a primary: there is no dead primary to fail over from",
            where="database",
            remedy="Find out which one was the primary, and start it as one",
        )
    if len(silent) == 1:
        return next(iter(silent.values()))
    followed = [edge.source for edge in snapshot.edges if edge.kind == "replication" and edge.target not in silent]
    wrote = [name for name, node in silent.items() if node.value("control_state") in WRITABLE_STATES]
    declared = [name for name in silent if inventory.database.instances[name].declared == "primary"]
    for names in (followed, wrote, declared):
        chosen = {name for name in names if name in silent}
        if len(chosen) == 1:
            return silent[chosen.pop()]
    raise Barred(
        "primary-ambiguous",
        f"several instances are silent ({', '.join(silent)}) and it cannot be told which one was the primary",
        where="database",
        remedy="Bring one of them, or the way to it, back",
    )


def is_reachable(snapshot: Snapshot, name: str) -> bool | None:
    """Return whether the console can log in to the host of `name`; None when that is not known."""
    node = snapshot.node(name)
    answer = None if node is None else node.value("host.ssh")
    return None if answer is None else answer == "ok"


def service_of(inventory: Inventory, name: str) -> Service | None:
    """Return the service behind a node, None where none is declared."""
    owner = (
        inventory.web_nodes.get(name)
        or inventory.database.instances.get(name)
        or inventory.balancers.get(name)
        or inventory.alternates.get(name)
    )
    return None if owner is None else owner.service


def is_driven(inventory: Inventory, name: str) -> bool:
    """Return whether the console can start and stop the node."""
    service = service_of(inventory, name)
    return service is not None and service.kind in DRIVEN_SERVICES


def said(vantages: tuple[Vantage, ...]) -> str:
    """Return in words who sees what."""
    return ", ".join(f"{each.observer} sees it {each.sees} ({each.words})" for each in vantages) or "nobody looked"


def is_hung_where_it_stands(node: Node) -> bool:
    """Return whether its own host says that its processes are stopped while the console gets no answer: two observers."""
    return node.value("service") == "frozen" and node.value("sql") not in (None, "ok")


def is_wedged(node: Node) -> bool:
    """Return whether its own host says that it runs while it answers nothing: a postmaster that hangs, or storage that does."""
    return (node.value("service"), node.value("sql")) == ("running", "timed-out")
