"""`ppsconsole run`: runs a runbook, one verified step at a time."""

import asyncio
from dataclasses import replace

import click

from ppsconsole.cli.face import is_terminal
from ppsconsole.cli.gate import Asker, Flags, gate_flags
from ppsconsole.cli.options import Options
from ppsconsole.cli.plan import RUNBOOK_LIST, print_plan
from ppsconsole.cli.show import columns, print_lines
from ppsconsole.cli.status import glyphs
from ppsconsole.cli.watch import unstopped, watched
from ppsconsole.cli.wish import wish
from ppsconsole.draw.plan import plan_head
from ppsconsole.draw.promise import Promises
from ppsconsole.engine.desk import Desk, refuse_moved
from ppsconsole.engine.gates import answer_of
from ppsconsole.engine.shown import recall, remember
from ppsconsole.errors import Blocked, WorldMoved
from ppsconsole.plan.loss import accepted_window
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.request import Request


@click.command(epilog=RUNBOOK_LIST)
@wish
@gate_flags
@click.option("--json", "is_json", is_flag=True, help="Print JSON, one document a line: each event, then the result.")
@click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII characters only.")
@click.pass_obj
def run(
    options: Options,
    request: Request,
    flags: Flags,
    is_json: bool,
    is_ascii: bool,
) -> int:
    """Run RUNBOOK, on NODE where it takes one.

    On a terminal it shows the plan and asks at every gate. Without one every gate needs its flag, and a missing one ends it
    before anything is touched. Ctrl-C, SIGTERM or a hang-up finish and verify the step at hand and hold the run;
    `runs resume` goes on with it. Ctrl-Z does not stop it.

    Exit 0: success. 1: failed. 3: blocked by preflight or an unanswered gate, or the world moved. 4: rolled back.
    5: held or incomplete. 6: unknown. 7: another run holds the lease. 8: success with issues.
    """
    return run_request(options, request, flags, is_json=is_json, is_ascii=is_ascii)


def run_request(options: Options, request: Request, flags: Flags, *, is_json: bool = False, is_ascii: bool = False) -> int:
    """Plan and run what was asked for, as `run` does, and return the exit code.

    Raises:
        PpsConsoleError: It was refused before anything was touched.
    """
    return asyncio.run(_run(options, request, flags, is_json=is_json, is_ascii=is_ascii))


async def _run(options: Options, request: Request, flags: Flags, *, is_json: bool, is_ascii: bool) -> int:
    inventory = options.load_inventory()
    is_asking = is_terminal() and not is_json
    asker = Asker(flags, is_terminal=is_asking)
    if flags.accept_loss is not None:
        accepted_window(flags.accept_loss)  # what is no window is told before anything is looked at
    request = replace(request, attest=flags.attest or "", reason=flags.reason)
    desk = Desk(inventory)
    try:
        plan = await desk.plan_to_run(request)
        remember(plan)
        refuse_other(flags.approve, plan)
        if is_asking and flags.approve is None:
            print_plan(plan, inventory, is_ascii=is_ascii)
        elif not is_json:
            is_lab = inventory.cluster.environment == "lab"
            head = plan_head(plan, is_lab, columns(), glyphs(is_ascii), Promises.of(inventory.cluster))
            print_lines(head, is_coloured=is_asking)
        refuse_blocked(plan)
        asker.require(plan, plan.steps)
        if is_asking and plan.steps and plan.steps[0].gate is not None:
            reading = await desk.read_again(plan.steps[0], plan)
            await answer_of(plan.steps[0], plan, asker, reading)  # before the lease is taken: who says no has touched nothing
        with unstopped():
            opened = await desk.begin(plan, asker, reason=flags.reason, is_interactive=is_asking)
        return await watched(desk, opened, asker, lambda at_hand: at_hand.go(), is_json=is_json, is_ascii=is_ascii)
    finally:
        await desk.aclose()


def refuse_other(approved: str | None, plan: Plan) -> None:
    """Refuse when another plan was approved than the one that stands here.

    Raises:
        WorldMoved: It was; says what moved since, where the approved plan was shown on this machine.
    """
    if approved is None or approved == plan.hash:
        return
    read = recall(approved)
    if read is not None:
        refuse_moved(read, plan)
    raise WorldMoved(
        f"approved was plan {approved!r}, which was not shown on this machine; the plan is {plan.hash} now; nothing was touched",
        where=plan.cluster,
        remedy=f"Read it with `ppsconsole plan {plan.runbook}`, then approve {plan.hash}",
    )


def refuse_blocked(plan: Plan) -> None:
    """Refuse what preflight does not allow.

    Raises:
        Blocked: By which items, and what to do about each.
    """
    if plan.blockers:
        said = "; ".join(f"{item.name}: {item.words}" for item in plan.blockers)
        remedy = "; ".join(dict.fromkeys(item.remedy for item in plan.blockers if item.remedy))
        raise Blocked(f"preflight does not allow it: {said}; nothing was touched", where=plan.cluster, remedy=remedy)
