"""Alternate-prepare: put the newest bundle into an alternate server, so that it can be activated within minutes."""

from dataclasses import replace

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate
from ppsconsole.runbooks import items_alternate as items
from ppsconsole.runbooks.alternate import RUNS, quiet_steps, restore_step, source_of, wanted_alternate
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background, Commands, Shop, bound, closed
from ppsconsole.runbooks.items_per_host import not_with_the_database
from ppsconsole.runbooks.request import Request
from ppsconsole.runbooks.situation import driven

NOTHING_MOVES = Loss(LossTier.NONE, words="a copy is made beside what is there; the cluster is only read from")


def plan_alternate_prepare(
    inventory: Inventory,
    snapshot: Snapshot,
    request: Request,
    commands: Commands,
    background: Background = NOTHING_KNOWN,
) -> Plan:
    """Return the plan that brings the alternate server `request.node` to readiness.

    Raises:
        UsageError: No such alternate server, or none was named.
        Barred: Its host is out of reach, it serves users, or there is no bundle to put into it.
    """
    driven(inventory)
    alternate, node = wanted_alternate(inventory, snapshot, request)
    if node.value("service") in RUNS:
        what = f"the PPS of {alternate.name} runs: it may be serving users, and is not touched"
        remedy = f"Where nobody needs it, stop and disable it on {alternate.host} first; what was written into it stays there"
        raise Barred("is-active", what, where=alternate.name, remedy=remedy)
    source = source_of(inventory, snapshot, alternate, node, background, request.bundle, may_be_prepared=False)
    shop = Shop(inventory, commands, background.estimates)
    steps = closed([*quiet_steps(shop, alternate), restore_step(shop, alternate, node, source)])
    question = (
        f"Put {source.said()} into {alternate.name} beside what it has? Its PPS stays stopped and disabled; users notice nothing."
    )
    steps = (replace(steps[0], gate=Gate("confirm", question, "--approve")), *steps[1:])
    return bound(
        inventory,
        snapshot,
        runbook="alternate-prepare",
        node=alternate.name,
        steps=steps,
        preflight=(
            items.database(node, snapshot),
            items.version(inventory, snapshot, alternate, node, source, is_urgent=False),
            items.keys(inventory, snapshot, alternate, node),
            items.archive_key(snapshot, alternate, is_needed=True),
            items.disk(inventory, node),
            items.freshness(alternate, source, snapshot.at),
            items.licence(inventory, alternate, is_active=False),
            items.announcement(inventory, alternate),
            *not_with_the_database(inventory, snapshot, alternate, node),
        ),
        loss=NOTHING_MOVES,
        tolerances={"copies that it holds": str(len(node.value("copies") or ()))},
    )
