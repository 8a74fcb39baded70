"""What commands exit with, by value (DESIGN §4): scripts rely on these numbers."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from click.exceptions import BadParameter

from ppsconsole import errors
from ppsconsole.cli import main, node, status
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.engine.desk import READ_ONLY_VARIABLE, Desk
from ppsconsole.engine.stage import LeaseLost
from ppsconsole.plan.outcomes import EXIT_BLOCKED
from tests.unit.observations import facts, look
from tests.unit.runbook_cases import declared


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.Blocked("x"), 3),
        (errors.WorldMoved("x"), 3),
        (errors.Leased("x"), 7),
        (LeaseLost("x"), 7),
        (errors.JournalError("x"), 1),
        (errors.RunError("x"), 1),
        (errors.SecretError("x"), 1),
        (errors.TimedOut("x"), 1),
        (BadParameter("x"), 2),
    ],
)
def test_each_error_ends_a_command_with_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def raises(**_: object) -> None:
        raise error

    monkeypatch.setattr(main.root, "main", raises)
    assert main.run(["status"]) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_plan_that_preflight_blocks_has_the_code_of_what_is_blocked() -> None:
    assert (errors.Blocked("x").exit_code, EXIT_BLOCKED) == (3, 3)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.OK, 0), (Verdict.OFF, 0), (Verdict.WARN, 5), (Verdict.DOWN, 5), (Verdict.UNKNOWN, 6)],
)
def test_the_status_of_a_cluster_and_of_a_node_is_its_exit_code(verdict: Verdict, code: int) -> None:
    snapshot = look(facts())
    nodes = tuple(replace(each, verdict=verdict if each.name == "db1" else Verdict.OK) for each in snapshot.nodes)
    found = replace(snapshot, nodes=nodes)
    db1 = found.node("db1")
    assert db1 is not None
    assert (status.exit_code(found), node.exit_code(db1)) == (code, code)


def test_what_is_wrong_is_louder_than_what_is_unknown() -> None:
    snapshot = look(facts())
    verdicts = {"db1": Verdict.WARN, "db2": Verdict.UNKNOWN}
    nodes = tuple(replace(each, verdict=verdicts.get(each.name, Verdict.OK)) for each in snapshot.nodes)
    assert status.exit_code(replace(snapshot, nodes=nodes)) == 5


@pytest.mark.parametrize(("value", "expected"), [(None, False), ("", False), ("0", False), ("1", True), ("yes", True)])
def test_a_read_only_environment_reaches_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, expected: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def main() -> bool:
        desk = Desk(declared(), environ={} if value is None else {READ_ONLY_VARIABLE: value})
        try:
            return (await desk._surroundings()).is_read_only
        finally:
            await desk.aclose()

    assert asyncio.run(main()) is expected
