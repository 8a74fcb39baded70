"""A salvage that another console may have ended before the promotion, by value: what the hosts say of it then, and no more."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ppsconsole.actions import salvage
from ppsconsole.actions.base import Finding
from ppsconsole.cluster.dead_wal import DeadWal
from ppsconsole.plan.step import Step
from tests.unit.runbook_cases import declared

FORKS = ((1, "0/2000000"), (2, "0/5000060"))
WHOLE = DeadWal("db1", "db2", "0/5000060", 0.0, end_lsn="0/5000060", segment_bytes=16 << 20)


def looked(monkeypatch: pytest.MonkeyPatch, forks: tuple[tuple[int, str], ...], read: DeadWal) -> tuple[Finding, list[Any]]:
    """Return what is found where db2 is a primary already, and which position of which timeline db1's log was held against."""
    asked: list[Any] = []

    async def standing(bench: Any, node: str) -> Any:
        return SimpleNamespace(in_recovery=False, timeline=3, system_identifier="77")

    async def history(bench: Any, node: str, timeline: int) -> tuple[tuple[int, str], ...]:
        assert (node, timeline) == ("db2", 3)
        return forks

    async def dead_wal(inventory: Any, ssh: Any, clock: Any, primary: str, behind: Any, limits: Any) -> DeadWal:
        asked.append((primary, behind.name, behind.have_lsn, behind.replay_lsn, behind.timeline, behind.system_identifier))
        return read

    monkeypatch.setattr(salvage, "standing", standing)
    monkeypatch.setattr(salvage, "forks", history)
    monkeypatch.setattr(salvage, "read_dead_wal", dead_wal)
    tools = SimpleNamespace(ssh=None)
    bench: Any = SimpleNamespace(inventory=declared(), tools=tools, clock=None, fence_of=lambda name: object())
    step = Step(id="salvage", title="", verb="salvage", node="db2", arguments={"primary": "db1"}, timeout_s=30.0)
    return asyncio.run(salvage.Salvage().precheck(bench, step)), asked


def test_a_log_that_was_whole_when_it_was_promoted_can_be_proved_still(monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked = looked(monkeypatch, FORKS, WHOLE)
    assert (found.state, found.words) == ("yes", "db2 had the log of db1 up to its end when it was promoted")
    assert asked == [("db1", "db2", "0/5000060", "0/5000060", 2, "77")], "where it left the timeline of the one before it"
    assert (found.values["end_lsn"], found.values["timeline"], found.values["missing_bytes"]) == ("0/5000060", 2, 0)


@pytest.mark.parametrize(
    ("forks", "read", "said"),
    [
        (
            FORKS,
            replace(WHOLE, end_lsn="0/5000100", commits=2),
            "left that timeline at 0/5000060, and the log of db1 goes on for 160",
        ),
        (FORKS, replace(WHOLE, end_lsn=None, trouble="db1 still has processes"), "is not known: db1 still has processes"),
        (FORKS, replace(WHOLE, end_lsn=None), "is not known: no end found"),
        ((), WHOLE, "its history does not tell where it was promoted"),
    ],
)
def test_what_was_not_whole_or_cannot_be_read_is_no(
    monkeypatch: pytest.MonkeyPatch, forks: tuple[tuple[int, str], ...], read: DeadWal, said: str
) -> None:
    found, _ = looked(monkeypatch, forks, read)
    assert (found.state, found.values) == ("no", {})
    assert found.words.startswith("db2 is a primary already")
    assert said in found.words
