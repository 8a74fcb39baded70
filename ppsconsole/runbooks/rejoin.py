"""Rejoin: an old primary, or a standby that broke, becomes a standby of the present primary: followed, rewound or copied anew."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from ppsconsole.actions.follow import slot_of
from ppsconsole.clock import duration
from ppsconsole.cluster.remnant import Remnant
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Identity, Plan
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Brief, Shop, closed
from ppsconsole.runbooks.case import settings_of
from ppsconsole.runbooks.lost_writes import NOTHING_IS_GIVEN_UP
from ppsconsole.runbooks.preflight_rejoin import preflight_rejoin
from ppsconsole.runbooks.rejoin_way import DOES, SPARE_BYTES, WAYS, Decision, Way, decide, has_lost_writes
from ppsconsole.runbooks.request import known, wanted_instance, without_to
from ppsconsole.runbooks.salvage import keep_step
from ppsconsole.runbooks.situation import WRITABLE_STATES, driven, is_driven, is_reachable, one_history, primaries, standbys

COPIED_PER_S = 40e6
"""Bytes; until a copy was made on this cluster."""

_GROWS_BYTES = SPARE_BYTES // 4
"""By less than this the primary may grow, and what a copy needs at least is the same."""

_DOWN = ("stopped", "failed")
_TAKEN, _FORBIDDEN = " (taken)", "not possible: "


def plan_rejoin(brief: Brief) -> Plan:
    """Return the plan that makes `request.node` a standby of the primary, by the cheapest way that the facts allow.

    Raises:
        UsageError: No such instance, or no such way.
        Barred: There is not exactly one primary, it is the primary, it follows already, it takes writes, its host is out of
            reach, or the facts forbid every way, or the one that was asked for.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    without_to(request)
    driven(inventory)
    name = wanted_instance(inventory, request, "the instance that is to be a standby again")
    wanted = cast(Way, known(request.way, WAYS, "way")) if request.way else None
    one_history(snapshot)
    node, source = _pair(inventory, snapshot, name)
    found = brief.background.remnant or _unread(node, source)
    decision = decide(found, wanted) if brief.background.remnant is not None else _before_reading(wanted)
    if decision.way is None:
        raise _no_way(name, decision, wanted, found)
    shop = brief.shop()
    steps = _steps(shop, snapshot, node, source, found, decision.way, wanted)
    steps = (replace(steps[0], gate=_gate(inventory, steps, node, source, decision)), *steps[1:])
    made = brief.plan(
        node=name,
        steps=steps,
        preflight=preflight_rejoin(inventory, snapshot, node, source, found, decision),
        loss=NOTHING_IS_GIVEN_UP,
        tolerances=_ways_said(decision, found),
    )
    return replace(made, identities=_identities(made.identities, name, decision.way))


def chosen_way(plan: Plan) -> str:
    """Return the way that the operator chose for a plan; empty where the facts did."""
    return next((step.arguments["chosen"] for step in plan.steps if step.arguments.get("chosen") in WAYS), "")


@dataclass(frozen=True, slots=True)
class Weighed:
    """One way of a rejoin, as it was weighed when its plan was made.

    Attributes:
        words: What speaks for it, what it does, or what forbids it.
        is_possible: Whether the facts allow it.
        is_taken: Whether it is the one that was planned.
    """

    way: Way
    words: str
    is_possible: bool = True
    is_taken: bool = False


def weighed_ways(plan: Plan) -> tuple[Weighed, ...]:
    """Return the ways of a rejoin that was planned, in the order of what they cost; none for another runbook."""
    found: list[Weighed] = []
    for way in WAYS if plan.runbook == "rejoin" else ():
        if why := plan.tolerances.get(way + _TAKEN):
            found.append(Weighed(way, f"{DOES[way]}: {why}", is_taken=True))
        elif words := plan.tolerances.get(way):
            is_possible = not words.startswith(_FORBIDDEN)
            found.append(Weighed(way, DOES[way] if is_possible else words.removeprefix(_FORBIDDEN), is_possible))
    return tuple(found)


def can_rejoin(snapshot: Snapshot, node: Node) -> bool:
    """Return whether `node` is one that a rejoin is for: down beside the one primary, and left behind by its promotion."""
    living = primaries(snapshot)
    if is_left_behind(snapshot, node) or lost_slot(snapshot, node):
        return True
    if node.kind != "database" or len(living) != 1 or node.role != "unknown" or node.value("service") not in _DOWN:
        return False
    own, theirs = node.value("control_timeline"), living[0].value("timeline")
    is_older = own is not None and theirs is not None and own < theirs
    return bool(node.value("quarantine")) or is_older or node.value("control_state") in WRITABLE_STATES


def is_left_behind(snapshot: Snapshot, node: Node) -> bool:
    """Return whether `node` is a standby that a promotion left behind: on an older timeline, and it streams from nobody."""
    living, receiver = primaries(snapshot), node.value("receiver")
    if node.role != "standby" or len(living) != 1 or (receiver is not None and receiver.status == "streaming"):
        return False
    own, theirs = node.value("timeline"), living[0].value("timeline")
    return own is not None and theirs is not None and own < theirs


def lost_slot(snapshot: Snapshot, node: Node) -> str:
    """Return the slot of `node` on the one primary that has lost its log, while `node` is a standby without a stream; else ""."""
    living, receiver = primaries(snapshot), node.value("receiver")
    if node.role != "standby" or len(living) != 1 or (receiver is not None and receiver.status == "streaming"):
        return ""
    name = settings_of(node).get("primary_slot_name") or slot_of(node.name)
    return name if any(each.name == name and each.wal_status == "lost" for each in living[0].value("slots") or ()) else ""


def _pair(inventory: Inventory, snapshot: Snapshot, name: str) -> tuple[Node, Node]:
    node, living = snapshot.node(name), primaries(snapshot)
    if not living or node is None:
        what = "no instance answers as the primary: there is nobody to follow"
        raise Barred("no-primary", what, where="database", remedy="Fail over, or bring the primary back, first")
    source = living[0]
    if name == source.name:
        raise Barred("is-primary", f"{name} is the primary", where=name, remedy="Name the one that is to follow it")
    if inventory.database.instances[name].data_directory is None:
        raise Barred("no-data-directory", f"no data_directory is declared for {name}", where=name, remedy="Declare it")
    if not is_driven(inventory, name):
        what = f"no service that the console drives is declared for {name}"
        raise Barred("no-driver", what, where=name, remedy="Declare its service")
    if not is_reachable(snapshot, name):
        what = f"the host of {name} cannot be logged in to ({node.value('host.ssh') or 'not seen'})"
        raise Barred("host-unreachable", what, where=name, remedy="Repair the way to it: everything is done on that host")
    if node.role == "standby" and _follows(node, source):
        remedy = f"To make it the primary: ppsconsole run switchover --to {name}"
        raise Barred("nothing-to-rejoin", f"{name} streams from {source.name} already", where=name, remedy=remedy)
    if node.role == "unknown" and node.value("service") not in _DOWN:
        what = f"{name} gives no answer, and its service is {node.value('service') or 'not seen'}: it may still take writes"
        raise Barred("not-down", what, where=name, remedy=f"Stop it first: ppsconsole run fence {name}")
    return node, source


def _follows(node: Node, source: Node) -> bool:
    receiver = node.value("receiver")
    is_streaming = receiver is not None and receiver.status == "streaming"
    return is_streaming and node.value("timeline") == source.value("timeline")


def _unread(node: Node, source: Node) -> Remnant:
    """Return what is known where nobody read the disk, as for advice: enough to say that there is a way."""
    return Remnant(
        node.name,
        source.name,
        0.0,
        system_identifier=str(node.value("control_system_identifier") or ""),
        source_system=str(source.value("system_identifier") or ""),
    )


def _before_reading(wanted: Way | None) -> Decision:
    why = "what is left on its disk is read when this is planned, and decides the way"
    return Decision(wanted or "re-clone", why, {}, wanted is not None)


def _no_way(name: str, decision: Decision, wanted: Way | None, found: Remnant) -> Barred:
    if found.trouble:
        return Barred(
            "disk-unread", f"what is left of {name} could not be read: {found.trouble}", where=name, remedy="Plan again"
        )
    if wanted is not None and wanted in decision.lacks:
        open_ways = [way for way in WAYS if way not in decision.lacks]
        remedy = f"The facts allow: {', '.join(open_ways)}" if open_ways else "The facts allow no other way either"
        return Barred("rejoin-way", f"{name} cannot be rejoined by {wanted}: {decision.lacks[wanted]}", where=name, remedy=remedy)
    remedy = "Make one of them possible: most often that is room on the disk, for a re-clone"
    return Barred("no-way-to-rejoin", f"there is no way: {decision.why}", where=name, remedy=remedy)


def _steps(
    shop: Shop, snapshot: Snapshot, node: Node, source: Node, found: Remnant, way: Way, wanted: Way | None
) -> tuple[Step, ...]:
    name, to = node.name, {"source": source.name}
    steps = _quieted(shop, node)
    if has_lost_writes(found):
        # A rewind destroys the evidence; a copy leaves it in what is set aside.
        steps.append(replace(keep_step(shop, name, source.name), is_optional=way == "re-clone"))
    has_kept = way != "follow" and (found.has_data or found.has_directory)
    if has_kept:
        title = f"Keep the configuration files of {name}, which are put back later"
        steps.append(shop.step("keep-configuration", name, title, id="keep-configuration"))
    if way == "rewind":
        title = f"See that the control file of {source.name} is on its timeline"
        steps.append(shop.step("checkpoint-source", source.name, title, id="checkpoint-source"))
    title = f"Make the slot of {name} on {source.name}, by the way that it will follow"
    steps.append(shop.step("make-slot", name, title, id="make-slot", arguments=to))
    steps += _rewound(shop, name, source.name, found) if way == "rewind" else []
    steps += _copied(shop, name, source.name, found) if way == "re-clone" else []
    system = {"system": found.source_system, **({"has_kept": "yes"} if has_kept else {})}
    start = shop.step(
        "start-standby", name, f"Start {name} as a standby of {source.name}", id="start-standby", arguments={**to, **system}
    )
    steps.append(replace(start, is_point_of_no_return=way == "follow"))
    if found.slots and way != "re-clone":
        steps.append(_slots(shop, name, source.name, found.slots))
    steps += _others(shop, snapshot, node, source)
    if wanted is not None:
        first = steps[0]
        steps[0] = replace(first, arguments={**first.arguments, "chosen": wanted})
    return closed(steps)


def _quieted(shop: Shop, node: Node) -> list[Step]:
    """Return what keeps it down while it is worked on: it might be started as what it was."""
    name, steps = node.name, []
    if node.value("service_enabled") != "disabled":
        steps.append(shop.step("disable", name, f"Keep {name} from starting meanwhile"))
    if node.value("service") not in _DOWN:
        steps.append(shop.step("stop", name, f"Stop {name}, which is a standby that does not follow"))
    return steps


def _rewound(shop: Shop, name: str, source: str, found: Remnant) -> list[Step]:
    to, steps = {"source": source}, []
    if not found.is_clean:
        title = f"Have {name} recover from its crash, while nobody can connect to it"
        steps.append(replace(shop.step("recover", name, title, id="recover"), is_undoable=False))
    steps.append(shop.step("try-rewind", name, "Go through the rewind without changing anything", id="try-rewind", arguments=to))
    title = f"Rewind {name} to where {source} left it, and mark it as a standby"
    rewind = shop.step("rewind", name, title, id="rewind", arguments=to)
    return [*steps, replace(rewind, is_point_of_no_return=True, is_markable=False)]


def _copied(shop: Shop, name: str, source: str, found: Remnant) -> list[Step]:
    whole = found.source_bytes or 0
    # A primary that is used grows: told to the byte, nobody could approve the plan before it is another one.
    size = {"bytes": str(whole - whole % _GROWS_BYTES + SPARE_BYTES)} if whole else {}
    title = f"Copy {source} into a new directory beside that of {name}"
    clone = shop.step("clone", name, title, id="clone", arguments={"source": source, **size})
    if "clone" not in shop.estimates:
        clone = replace(clone, estimate_s=max(clone.estimate_s, round(whole / COPIED_PER_S, 1)))
    told = {"source": source, "system": found.source_system}
    if found.system_identifier:
        told["old_system"] = found.system_identifier
    if not found.has_directory:
        told["is_new"] = "yes"
    title = f"Set the data directory of {name} aside, and put the copy in its place; nothing is deleted"
    swap = shop.step("swap-in", name, title, id="swap-in", arguments=told)
    return [clone, replace(swap, is_point_of_no_return=True, is_markable=False)]


def _others(shop: Shop, snapshot: Snapshot, node: Node, source: Node) -> list[Step]:
    """Return what lets every other standby follow the primary that does not: one that follows through another does."""
    astray = [each for each in standbys(snapshot) if each.name != node.name and not _follows(each, source)]
    return [
        shop.step(
            "repoint",
            each.name,
            f"Let {each.name} follow {source.name} too, without stopping it",
            arguments={"source": source.name},
            is_optional=True,
        )
        for each in astray
        if shop.inventory.database.instances[each.name].data_directory is not None
    ]


def _slots(shop: Shop, name: str, source: str, slots: Sequence[str]) -> Step:
    question = (
        f"{name} kept the replication slots {', '.join(slots)} from when it was the primary. Nobody reads them there, and they "
        f"would keep its log until its disk is full. Drop those that are idle?"
    )
    step = shop.step(
        "drop-stale-slots",
        name,
        f"Drop the slots that {name} keeps for nobody: {', '.join(slots)}",
        id="drop-stale-slots",
        arguments={"source": source, "slots": ",".join(slots)},
        is_optional=True,
        gate=Gate("confirm", question, "--approve"),
    )
    return replace(step, is_undoable=False)


def _gate(inventory: Inventory, steps: Sequence[Step], node: Node, source: Node, decision: Decision) -> Gate:
    assert decision.way is not None
    takes = duration(sum(step.estimate_s for step in steps))
    question = (
        f"Make {node.name} of {inventory.cluster.name} a standby of {source.name} by {decision.way}: {DOES[decision.way]}; "
        f"about {takes}. Users notice nothing. Begin?"
    )
    return Gate("confirm", question, "--approve")


def _identities(found: tuple[Identity, ...], name: str, way: Way) -> tuple[Identity, ...]:
    """Return who is who. What is copied anew may become another system: its steps look at that themselves."""
    if way != "re-clone":
        return found
    return tuple(replace(each, system_identifier="") if each.node == name else each for each in found)


def _ways_said(decision: Decision, found: Remnant) -> dict[str, str]:
    """Return each way with what speaks for or against it."""
    said = {}
    for way in WAYS:
        if way == decision.way:
            said[way + _TAKEN] = decision.why
        elif way in decision.lacks:
            said[way] = _FORBIDDEN + decision.lacks[way]
        else:
            said[way] = f"possible, by --way {way}: {DOES[way]}"
    if found.source_bytes:
        said["size of the primary"] = f"{found.source_bytes} bytes"
    return said
