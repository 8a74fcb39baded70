"""Preflight: can the database be copied, and can nobody write to either side meanwhile?"""

from collections.abc import Iterable

from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen
from ppsconsole.runbooks.copy_costs import CAUTIOUS, parts_said
from ppsconsole.runbooks.situation import is_driven


def in_use(case: Case) -> Item:
    """Return whether the web nodes work on the source: the other copy would be the one to keep."""
    name, source = "source-in-use", case.old.name
    nodes = case.snapshot.of_kind("web")
    elsewhere = [each.name for each in nodes if each.role == "serving" and each.value("points_at") not in (None, source)]
    if elsewhere:
        remedy = f"Find out which copy users work with; the one of {source} would replace what they wrote"
        return failing(name, f"{', '.join(elsewhere)} serves users from another database than {source}", remedy, is_blocking=True)
    using = [each.name for each in nodes if each.role == "serving" and each.value("points_at") == source]
    if not using:
        return unseen(name, f"no web node is seen to serve users from {source}", f"See that {source} has the data to keep")
    return ok(name, f"{', '.join(using)} serves users from {source}", is_blocking=True)


def target(case: Case) -> Item:
    """Return whether the target is a server of its own."""
    name, node = "target", case.new
    if node.role == "primary":
        words = f"{node.name} runs as a server of its own, on timeline {node.value('timeline')}"
        return ok(name, f"{words}; its database is kept under another name", is_blocking=True)
    if node.role == "standby":
        words = (
            f"{node.name} is a standby on timeline {node.value('timeline')}, and is promoted first, once nobody writes any more"
        )
        return ok(name, f"{words}; its database is kept under another name", is_blocking=True)
    words = f"{node.name} is {node.value('service') or 'down'}, and comes up as a server of its own"
    return ok(name, f"{words} ({node.value('control_state')}); its database is kept under another name", is_blocking=True)


def dump_logins(case: Case) -> Item:
    """Return whether it is declared how the programs on the hosts log in to both servers."""
    name, source, new = "dump-logins", case.old.name, case.new.name
    instances = case.inventory.database.instances
    missing = [
        f"dumps.{there} of {here}"
        for here, there in ((new, source), (new, new), (source, source))
        if there not in instances[here].dumps
    ]
    if missing:
        remedy = "Declare it as `host=... user=... passfile=...`; see `dumps` in sample-inventory.yaml"
        return failing(name, f"not declared: {', '.join(missing)}", remedy, is_blocking=True)
    return ok(
        name, f"the programs on the host of {new} can log in to both; the run tries it before it stops anything", is_blocking=True
    )


def outage(case: Case, verbs: Iterable[str] = CAUTIOUS) -> Item:
    """Return what the estimate of the outage rests on: the size of the database, and how fast such a one is copied."""
    name, source = "outage", case.old.name
    if source not in case.background.sizes:
        words = f"how large the database of {source} is was not seen: the outage is a guess, and longer for a large one"
        return unseen(name, words)
    return ok(name, parts_said(source, case.background, verbs))


def web_nodes_quiet(case: Case) -> Item:
    """Return whether every web node can be stopped: one that is out of reach may write to either database (law 1)."""
    name = "web-nodes-quiet"
    if case.side.unreachable:
        remedy = f"Bring its host back first, or take it out of the inventory: ppsconsole node {case.side.unreachable[0]}"
        return failing(
            name, f"{', '.join(case.side.unreachable)} cannot be reached, so it is not quiet", remedy, is_blocking=True
        )
    driven = [each for each in case.inventory.web_nodes if not is_driven(case.inventory, each)]
    if driven:
        remedy = "Declare a service of kind command or systemd for each; other kinds are not driven yet"
        return failing(name, f"the console cannot stop {', '.join(driven)}", remedy, is_blocking=True)
    return ok(name, f"all can be stopped: {', '.join(case.inventory.web_nodes)}", is_blocking=True)


def versions(case: Case) -> Item:
    """Return whether the target's server is not older than the source's: a dump goes to the same release or a newer one."""
    name, old, new = "server-versions", case.old.value("version"), case.new.value("version")
    if old is None or new is None:
        missing = case.old.name if old is None else case.new.name
        return unseen(name, f"the version of {missing} is not known; the run looks before it stops anything")
    words = f"{case.old.name} runs PostgreSQL {old // 10000}.{old % 10000}, {case.new.name} {new // 10000}.{new % 10000}"
    if new // 10000 < old // 10000:
        remedy = f"Install PostgreSQL {old // 10000} for {case.new.name}: a dump does not go to an older release"
        return failing(name, words, remedy, is_blocking=True)
    return ok(name, words, is_blocking=True)


def left_behind(case: Case) -> Item:
    """Return which instances have another history afterwards."""
    name, new = "rejoin-after", case.new.name
    streaming = {each.target for each in case.snapshot.edges if each.kind == "replication" and each.source == new}
    others = [each for each in case.inventory.database.instances if each != new and each not in streaming]
    if not others:
        return ok(name, f"no instance has another history than {new} afterwards")
    words = f"{', '.join(others)} cannot follow {new} afterwards: they have another history"
    return failing(name, words, f"Afterwards make it anew as a standby: rejoin {others[0]} (re-clone)")
