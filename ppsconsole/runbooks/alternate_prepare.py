"""Alternate-prepare: put the newest bundle into an alternate server, so that it can be activated within minutes."""

from dataclasses import replace

from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate
from ppsconsole.runbooks import items_alternate as items
from ppsconsole.runbooks.alternate import RUNS, quiet_steps, restore_step, shelf_said, source_of, wanted_alternate
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Brief, closed
from ppsconsole.runbooks.items_per_host import not_with_the_database
from ppsconsole.runbooks.situation import driven

NOTHING_MOVES = Loss(LossTier.NONE, words="a copy is made beside what is there; the cluster is only read from")


def plan_alternate_prepare(brief: Brief) -> Plan:
    """Return the plan that brings the alternate server `request.node` to readiness.

    Raises:
        UsageError: No such alternate server, or none was named.
        Barred: Its host is out of reach, it serves users, or there is no bundle to put into it.
    """
    inventory, snapshot, request = brief.inventory, brief.snapshot, brief.request
    driven(inventory)
    alternate, node = wanted_alternate(inventory, snapshot, request)
    if node.value("service") in RUNS:
        what = f"the PPS of {alternate.name} runs: it may be serving users, and is not touched"
        remedy = f"Where nobody needs it, stop and disable it on {alternate.host} first; what was written into it stays there"
        raise Barred("is-active", what, where=alternate.name, remedy=remedy)
    source = source_of(inventory, snapshot, alternate, node, brief.background, request.bundle, may_be_prepared=False)
    shop = brief.shop()
    steps = closed([*quiet_steps(shop, alternate), restore_step(shop, alternate, node, source)])
    question = (
        f"Put {source.said()} into {alternate.name} beside what it has? Its PPS stays stopped and disabled; users notice nothing."
    )
    steps = (replace(steps[0], gate=Gate("confirm", question, "--approve")), *steps[1:])
    return brief.plan(
        node=alternate.name,
        steps=steps,
        preflight=(
            items.database(node, snapshot),
            items.rights(snapshot, (node.name,), is_blocking=True),
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
        tolerances={
            "copies that it holds": str(len(node.value("copies") or ())),
            **shelf_said(inventory, alternate, node, brief.background, source),
        },
    )
