"""What may take the place of a database, and what a swap and its undoing have to leave behind: by value."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ppsconsole.actions import swap_database
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copying import copy_name
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.actions.restore_database import whole_mark
from ppsconsole.clock import SystemClock
from tests.unit.runbook_cases import plan
from tests.unit.test_restore_plan import failed_over, with_dumps

RUN = "1a2b3c4d"
NAME = with_dumps().database.database
RESTORED, BEFORE = copy_name(NAME, "restore", RUN), copy_name(NAME, "before", RUN)
NOTED: dict[str, dict[str, Any]] = {
    "restore-database": {"oid": 7, "limit": -1, "comment": "", "rows": 3},
    "compare-databases": {"rows": 3, "tables": 1},
    "swap-database": {"has_old": True, "old_oid": 5, "old_limit": -1},
}


def row(oid: int, comment: str | None = None, *, is_open: bool = True) -> dict[str, Any]:
    return {"oid": oid, "limit": -1, "is_open": is_open, "comment": comment}


def looked(monkeypatch: pytest.MonkeyPatch, phase: str, seen: dict[str, dict[str, Any]], **noted: Any) -> Finding:
    """Return what a phase of the swap finds where the server has these databases; `noted` replaces what steps noted."""

    async def databases(*_: Any) -> dict[str, dict[str, Any]]:
        return seen

    async def asked(*_: Any) -> list[Any]:
        return [False]

    monkeypatch.setattr(swap_database, "_databases", databases)
    monkeypatch.setattr(swap_database, "asked", asked)
    inventory = with_dumps()
    made = plan(failed_over(), "restore", to="db1", inventory=inventory)
    bench = Workbench(inventory, made, RUN, SystemClock(), None, None, lambda words: None)  # type: ignore[arg-type]
    [step] = [each for each in made.steps if each.verb == "swap-database"]
    step = replace(step, timeout_s=0.05)
    for each in made.steps:
        if each.verb in NOTED and each.node == "db1":
            bench.values[each.id] = noted.get(each.verb.replace("-", "_"), NOTED[each.verb])
    return asyncio.run(getattr(ACTIONS["swap-database"], phase)(bench, step))


READY = {NAME: row(5), RESTORED: row(7, whole_mark(RUN))}
SWAPPED = {NAME: row(7), BEFORE: row(5)}


def test_what_this_run_restored_and_compared_may_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    found = looked(monkeypatch, "precheck", READY)
    assert (found.state, found.values["has_old"], found.values["old_oid"]) == ("yes", True, 5)
    found = looked(monkeypatch, "precheck", {RESTORED: READY[RESTORED]})
    assert (found.state, found.values["has_old"]) == ("yes", False)
    found = looked(monkeypatch, "precheck", SWAPPED)
    assert (found.state, found.values["is_renamed"]) == ("yes", True)


@pytest.mark.parametrize(
    "seen",
    [
        {NAME: row(5)},
        {NAME: row(5), RESTORED: row(8, whole_mark(RUN))},
        {NAME: row(5), RESTORED: row(7)},
        {NAME: row(5), RESTORED: row(7, whole_mark("5e6f7a8b"))},
    ],
)
def test_another_database_of_its_name_is_not_put_in_use(monkeypatch: pytest.MonkeyPatch, seen: dict[str, Any]) -> None:
    found = looked(monkeypatch, "precheck", seen)
    assert (found.state, found.words) == ("no", "what was compared is not on db1 any more")


@pytest.mark.parametrize("noted", [{"compare_databases": {"x": 1}}, {"restore_database": {"limit": -1}}])
def test_what_was_not_compared_is_not_put_in_use(monkeypatch: pytest.MonkeyPatch, noted: dict[str, Any]) -> None:
    found = looked(monkeypatch, "precheck", READY, **noted)
    assert (found.state, found.words) == ("no", "this run has not compared what it restored")


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (SWAPPED, ""),
        ({BEFORE: row(5)}, "is not what was restored"),
        (SWAPPED | {NAME: row(8)}, "is not what was restored"),
        ({NAME: row(7)}, f"is not there as {BEFORE}"),
        (SWAPPED | {BEFORE: row(6)}, f"is not there as {BEFORE}"),
        (SWAPPED | {NAME: row(7, is_open=False)}, "lets nobody in"),
    ],
)
def test_it_is_done_when_the_old_one_is_kept_and_the_new_one_lets_users_in(
    monkeypatch: pytest.MonkeyPatch, seen: dict[str, Any], words: str
) -> None:
    found = looked(monkeypatch, "verify", seen)
    assert (found.state, words in found.words) == ("no" if words else "yes", True), found.words


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (READY, ""),
        (SWAPPED, "is not what it was"),
        ({RESTORED: row(7)}, "is not what it was"),
        (READY | {NAME: row(5, is_open=False)}, "lets nobody in"),
    ],
)
def test_it_is_undone_when_the_old_one_has_its_name_and_lets_users_in(
    monkeypatch: pytest.MonkeyPatch, seen: dict[str, Any], words: str
) -> None:
    found = looked(monkeypatch, "verify_undone", seen)
    assert (found.state, words in found.words) == ("no" if words else "yes", True), found.words
