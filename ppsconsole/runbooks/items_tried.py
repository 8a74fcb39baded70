"""Preflight: is this PostgreSQL one that the console was tried on? One rule for all runbooks that move the primary.

Of a newer major nobody knows what changed in its views, its messages and its programs. What is planned in peace waits for a
console that was tried on it, unless somebody insists by name. What brings users back does not wait: the unknown is told.
"""

from ppsconsole.cluster.database import NEWEST_MAJOR
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.preflight import Item
from ppsconsole.runbooks.case import Case, failing, ok, unseen

NAME = "tried-version"
INSISTED = (NAME,)
"""The items that `--insist` overrides. None of them is about two writers or lost data: those are never overridden."""

_IN_PEACE = "switchover"


def tried_version(case: Case) -> Item:
    """Return whether neither server is newer than what the console was tried on."""
    versions = {node.name: node.value("version") for node in (case.old, case.new)}
    newer = [f"{name} runs PostgreSQL {_said(each)}" for name, each in versions.items() if each and _is_newer(each)]
    if newer:
        return _untried(case, ", ".join(newer))
    if versions[case.new.name] is None:
        return unseen(NAME, f"the version of {case.new.name} is not known")
    known = ", ".join(f"{name} {_said(each)}" for name, each in versions.items() if each)
    return ok(NAME, f"none is newer than PostgreSQL {NEWEST_MAJOR}, up to which the console was tried: {known}")


def _untried(case: Case, newer: str) -> Item:
    nobody = (
        f"{newer}: nobody has tried this console on anything newer than {NEWEST_MAJOR}, so nobody knows that it is right there"
    )
    runbook = case.request.runbook
    if runbook != _IN_PEACE:
        remedy = f"Look at each step's result by hand: a {runbook} is not kept back, nobody can wait for a newer console then"
        return failing(NAME, nobody, f"{remedy}. Upgrade the console afterwards")
    if case.request.insist == NAME:
        remedy = "Read each command of the plan, and look at each step's result by hand; back out at any doubt"
        return failing(NAME, f"{nobody}; it is gone through with all the same, as somebody insisted", remedy)
    told = f"ppsconsole plan {runbook} --to {case.new.name} --insist {NAME}"
    remedy = f"Upgrade the console. Where that cannot be, try it on a copy of the cluster first, then insist: {told}"
    return failing(NAME, nobody, remedy, is_blocking=True)


def insisted(plan: Plan) -> str:
    """Return what was insisted on when `plan` was made; empty where nothing was."""
    is_it = plan.runbook == _IN_PEACE and any(
        item.name == NAME and item.state == "failing" and not item.is_blocking for item in plan.preflight
    )
    return NAME if is_it else ""


def _is_newer(version: int) -> bool:
    return version // 10000 > NEWEST_MAJOR


def _said(version: int) -> str:
    return f"{version // 10000}.{version % 10000}"
