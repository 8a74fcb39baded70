"""Making steps: each gets its host, its exact commands and what it costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ppsconsole.cluster.copies import Offered
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.cluster.remnant import Remnant
from ppsconsole.cluster.snapshot import Node, Snapshot
from ppsconsole.cluster.way_there import WayThere
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss
from ppsconsole.plan.plan import Identity, Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Gate, Step
from ppsconsole.runbooks.costs import cost_of
from ppsconsole.runbooks.history import History
from ppsconsole.runbooks.request import Request

Commands = Callable[[Inventory, Step], tuple[str, ...]]
"""Returns exactly what a step will send, one `HOST$ command` a line, secrets masked."""

_MAKES_PROOF = ("stop-primary", "prove-zero-loss", "fence", "salvage", "promote", "promote-snapshot")
_LEAVES_NOTHING = ("end-sessions", "checkpoint", "prove-zero-loss", "check-connections", "verify-service", "verify-alternate")


@dataclass(frozen=True, slots=True)
class Background:
    """What is known beside inventory and snapshot.

    Attributes:
        estimates: Seconds by verb, learned from earlier runs.
        history: What was seen of primary and standbys before now.
        secrets: For each secret reference the empty string, or why it does not resolve; None when nobody tried.
        dead_wal: What was read on the disk of a dead primary; None when nobody tried.
        journal: Why a run could not be journaled, and what to do about it, both empty when it could; None when nobody tried.
        remnant: What was read on the disk of an instance that is to be rejoined; None when nobody tried.
        offered: What is in the archive of the alternate server that is asked for; None when nobody tried.
        sizes: Bytes of the PPS database on disk by instance, of those that were asked.
        ways: By instance, whether it could follow the one that is to be the primary; None when nobody tried.
    """

    estimates: Mapping[str, float] = field(default_factory=dict)
    history: History = field(default_factory=History)
    secrets: Mapping[str, str] | None = None
    dead_wal: DeadWal | None = None
    journal: tuple[str, str] | None = None
    remnant: Remnant | None = None
    offered: tuple[Offered, ...] | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    ways: Mapping[str, WayThere] | None = None


NOTHING_KNOWN = Background()


@dataclass(frozen=True, slots=True)
class Shop:
    """Makes the steps of one plan."""

    inventory: Inventory
    commands: Commands
    estimates: Mapping[str, float]

    def step(
        self,
        verb: str,
        node: str,
        title: str,
        *,
        id: str = "",
        arguments: Mapping[str, str] | None = None,
        for_users: str = "",
        is_optional: bool = False,
        needs: tuple[Literal["fence", "zero-loss"], ...] = (),
        gate: Gate | None = None,
    ) -> Step:
        """Return one step; its id is `VERB-NODE` where none is given."""
        host = self.inventory.host_of(node)
        cost = cost_of(verb, self.estimates)
        made = Step(
            id=id or f"{verb}-{node}",
            title=title,
            verb=verb,
            node=node,
            host=None if host is None else host.name,
            arguments=dict(arguments or {}),
            for_users=for_users,
            estimate_s=cost.estimate_s,
            timeout_s=cost.timeout_s,
            is_point_of_no_return=verb in ("promote", "promote-snapshot"),
            is_undoable=verb not in _LEAVES_NOTHING,
            is_markable=verb not in _MAKES_PROOF,
            is_optional=is_optional,
            needs=needs,
            gate=gate,
        )
        return replace(made, commands=self.commands(self.inventory, made))


def closed(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps in order, with none undoable from the point of no return on."""
    found: list[Step] = []
    is_past = False
    for step in steps:
        is_past = is_past or step.is_point_of_no_return
        found.append(replace(step, is_undoable=False) if is_past else step)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Brief:
    """All that a plan is made of.

    Attributes:
        inventory: What was declared.
        snapshot: The world as it is now; the plan is bound to it.
        request: Which runbook, on what.
        commands: Gives the exact commands of a step.
        background: What is known beside these.
    """

    inventory: Inventory
    snapshot: Snapshot
    request: Request
    commands: Commands
    background: Background = NOTHING_KNOWN

    def shop(self) -> Shop:
        """Return what makes the steps of this plan."""
        return Shop(self.inventory, self.commands, self.background.estimates)

    def plan(
        self,
        *,
        steps: tuple[Step, ...],
        preflight: tuple[Item, ...],
        loss: Loss,
        node: str = "",
        to: str = "",
        tolerances: Mapping[str, str] | None = None,
        downtime_s: float = 0.0,
        users: str = "",
    ) -> Plan:
        """Return the plan of these steps, bound to what was seen: cluster, moment, and who is who among what they touch."""
        history = self.background.history
        return Plan(
            runbook=self.request.runbook,
            cluster=self.snapshot.cluster,
            node=node,
            to=to,
            made_at=self.snapshot.at,
            identities=identities_of(self.inventory, self.snapshot, steps),
            steps=steps,
            preflight=preflight,
            loss=loss,
            tolerances=dict(tolerances or {}),
            downtime_s=downtime_s,
            users=users,
            out_since=history.out_since,
            out_words=history.out_said(),
        )


def identities_of(inventory: Inventory, snapshot: Snapshot, steps: Sequence[Step]) -> tuple[Identity, ...]:
    """Return who is who among the nodes that the steps touch, and all database instances beside them."""
    names = {step.node for step in steps} | set(inventory.database.instances)
    return tuple(_identity(inventory, node) for node in snapshot.nodes if node.name in names)


def _identity(inventory: Inventory, node: Node) -> Identity:
    host = inventory.host_of(node.name)
    instance = inventory.database.instances.get(node.name)
    declared = instance.data_directory if instance is not None else None
    return Identity(
        node=node.name,
        host=host.name if host is not None else "",
        host_key=str(node.value("host.host_key") or ""),
        hostname=str(node.value("host.hostname") or (host.hostname if host is not None else None) or ""),
        system_identifier=str(node.value("system_identifier") or node.value("control_system_identifier") or ""),
        data_directory=str(node.value("data_directory") or declared or "") if instance is not None else "",
        role=node.role,
        timeline=int(node.value("timeline") or node.value("control_timeline") or 0) if instance is not None else 0,
    )
