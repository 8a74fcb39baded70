"""The runbooks by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.alternate_activate import plan_alternate_activate
from ppsconsole.runbooks.alternate_home import plan_alternate_home
from ppsconsole.runbooks.alternate_prepare import plan_alternate_prepare
from ppsconsole.runbooks.backup import plan_backup, plan_backup_prune, plan_backup_verify
from ppsconsole.runbooks.boot_guard import plan_boot_guard, plan_boot_guard_remove
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background, Brief, Commands
from ppsconsole.runbooks.failover import plan_failover
from ppsconsole.runbooks.fence import plan_fence
from ppsconsole.runbooks.items_tried import INSISTED
from ppsconsole.runbooks.lost_writes import plan_lost_writes
from ppsconsole.runbooks.quarantine import plan_quarantine_delete
from ppsconsole.runbooks.rejoin import plan_rejoin
from ppsconsole.runbooks.request import Request, known
from ppsconsole.runbooks.restart import plan_restart
from ppsconsole.runbooks.restore import plan_restore
from ppsconsole.runbooks.switchover import plan_switchover

Wanted = Literal["required", "optional", "none"]
Build = Callable[[Brief], Plan]


@dataclass(frozen=True, slots=True)
class Runbook:
    """One procedure.

    Attributes:
        sentence: What it does, for help and palette.
        node: Whether it takes a positional NODE, which is acted on.
        to: Whether it takes `--to NODE`, which becomes primary.
        success: What its verdict `success` includes.
        build: Makes the plan.
        is_for_databases: Its NODE is a database instance, and nothing else.
        is_for_alternates: Its NODE is an alternate server, and nothing else.
        is_for_places: Its NODE is a place for backups, and nothing else.
        is_upkeep: It moves nothing and brings nobody in: told behind what does.
    """

    name: str
    sentence: str
    node: Wanted
    to: Wanted
    success: str
    build: Build
    is_for_databases: bool = False
    is_for_alternates: bool = False
    is_for_places: bool = False
    is_upkeep: bool = False


RUNBOOKS: Mapping[str, Runbook] = {
    runbook.name: runbook
    for runbook in (
        Runbook(
            "switchover",
            "Move the service to a standby while both sides live: nothing is lost.",
            "none",
            "optional",
            "the service was verified on the new primary and the old one follows it as a standby",
            plan_switchover,
        ),
        Runbook(
            "failover",
            "Promote a standby because the primary is gone: what only the primary had is lost.",
            "none",
            "optional",
            "the service was verified on the new primary; redundancy stays open until the old one is rejoined",
            plan_failover,
        ),
        Runbook(
            "alternate-prepare",
            "Put a bundle into an alternate server, compare all tables, and keep it stopped until it is needed.",
            "required",
            "none",
            "the alternate server holds the bundle, every table was found the same, and its PPS is stopped and disabled",
            plan_alternate_prepare,
            is_for_alternates=True,
            is_upkeep=True,
        ),
        Runbook(
            "alternate-activate",
            "Serve users from an alternate server because the cluster is lost: all since its copy was taken is lost.",
            "required",
            "none",
            "users get in at the alternate server; that they are told of its address, and the way home, stay open",
            plan_alternate_activate,
            is_for_alternates=True,
        ),
        Runbook(
            "alternate-home",
            "Bring what users wrote on an alternate server home to a database, compared table by table; users are out meanwhile.",
            "required",
            "optional",
            "every table was compared, the service was verified at home, both databases are kept, the alternate server is down",
            plan_alternate_home,
            is_for_alternates=True,
        ),
        Runbook(
            "restart",
            "Start a database, web node or balancer where it is: nothing is lost.",
            "required",
            "none",
            "the node runs, and where it serves users the service was verified",
            plan_restart,
        ),
        Runbook(
            "rejoin",
            "Make an old primary, or a standby that broke, a standby again: followed, rewound or copied anew.",
            "required",
            "none",
            "the instance streams from the primary on its timeline, starts at boot, and is in quarantine no more",
            plan_rejoin,
            is_for_databases=True,
        ),
        Runbook(
            "restore",
            "Copy the data back onto a chosen primary, compared table by table; users are out meanwhile.",
            "optional",
            "required",
            "every table was compared, the service was verified on the new primary, and both old databases are kept",
            plan_restore,
            is_for_databases=True,
        ),
        Runbook(
            "lost-writes",
            "Keep what only an old primary has, and list the transactions that were lost: changes nothing else.",
            "required",
            "none",
            "the log behind the fork is kept on the node's host, and what was committed in it is listed in the report",
            plan_lost_writes,
            is_for_databases=True,
            is_upkeep=True,
        ),
        Runbook(
            "fence",
            "Stop an old primary that came back, and keep it down: another instance is the primary now.",
            "required",
            "none",
            "the instance is down, stays down over a reboot, and is in quarantine; or its machine was seen switched off",
            plan_fence,
            is_for_databases=True,
        ),
        Runbook(
            "quarantine-delete",
            "Delete one thing that an earlier run set aside on a database's host: `quarantine delete` names it.",
            "required",
            "none",
            "it is deleted; nothing else was touched",
            plan_quarantine_delete,
            is_for_databases=True,
            is_upkeep=True,
        ),
        Runbook(
            "boot-guard",
            "Install on a database's host what keeps it from starting while a peer has a newer timeline.",
            "required",
            "none",
            "the guard is written, and what starts the service calls it",
            plan_boot_guard,
            is_for_databases=True,
            is_upkeep=True,
        ),
        Runbook(
            "boot-guard-remove",
            "Set the boot guard of a database's host aside.",
            "required",
            "none",
            "the guard is not in its place any more",
            plan_boot_guard_remove,
            is_for_databases=True,
            is_upkeep=True,
        ),
        Runbook(
            "backup",
            "Write database, connection settings and keys as one encrypted bundle, to one place or to all.",
            "optional",
            "none",
            "the bundle is at its place, was read back, and has all that it should have",
            plan_backup,
            is_for_places=True,
            is_upkeep=True,
        ),
        Runbook(
            "backup-verify",
            "Restore the newest bundle in a server of its own, compare all tables, and take the copy away again.",
            "optional",
            "none",
            "every table that was restored has the counts and hashes that it had when it was dumped; nothing of it is left",
            plan_backup_verify,
            is_for_places=True,
            is_upkeep=True,
        ),
        Runbook(
            "backup-prune",
            "Delete bundles that were set aside or never finished: those that the plan names, and no other.",
            "optional",
            "none",
            "what the plan names is deleted",
            plan_backup_prune,
            is_for_places=True,
            is_upkeep=True,
        ),
    )
}


def plan_of(
    inventory: Inventory, snapshot: Snapshot, request: Request, commands: Commands, background: Background = NOTHING_KNOWN
) -> Plan:
    """Return the plan that `request` asks for.

    Args:
        inventory: What was declared.
        snapshot: The world as it is now; the plan is bound to it.
        request: Which runbook, on what.
        commands: Gives the exact commands of a step.
        background: What is known beside these.

    Raises:
        UsageError: The request names what does not exist, or leaves a choice open.
        Barred: Nothing can be planned in this state; the error names the rule and says what to do instead.
    """
    runbook = RUNBOOKS[known(request.runbook, RUNBOOKS, "runbook")]
    if request.bundle and not runbook.is_for_alternates:
        raise UsageError(f"{runbook.name} takes no --bundle, and {request.bundle!r} was given", remedy="Leave it out")
    if request.fence and runbook.name not in ("failover", "fence", "alternate-activate"):
        raise UsageError(f"{runbook.name} chooses no rung, and --fence {request.fence} was given", remedy="Leave it out")
    if request.way and runbook.name != "rejoin":
        raise UsageError(f"{runbook.name} chooses no way, and --way {request.way} was given", remedy="Leave it out")
    if request.insist and (runbook.name != "switchover" or request.insist not in INSISTED):
        what = f"{runbook.name} is not kept back by what can be insisted on, and --insist {request.insist} was given"
        raise UsageError(what, remedy=f"Leave it out; of a switchover it overrides: {', '.join(INSISTED)}")
    return runbook.build(Brief(inventory, snapshot, request, commands, background))
