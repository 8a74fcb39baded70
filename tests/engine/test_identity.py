"""Clusters of one name are told apart by keys and system identifiers: the runs of a lab that is gone are not of the next one."""

from dataclasses import replace

import pytest

from ppsconsole.engine.identity import Marks
from ppsconsole.engine.resume import find_run, known_runs
from ppsconsole.errors import UsageError
from ppsconsole.plan.outcomes import RunVerdict
from ppsconsole.plan.plan import Plan
from tests.engine.hosts import Hosts
from tests.engine.test_session import Console, on_hosts, touching_plan


def made_for(key: str, system: str, made_at: float = 1.0) -> Plan:
    plan = touching_plan()
    [identity] = plan.identities
    return replace(plan, made_at=made_at, identities=(replace(identity, host_key=key, system_identifier=system),))


@pytest.mark.parametrize(
    ("key", "system", "is_other"),
    [
        ("K1", "7", False),
        ("K2", "7", False),  # the host was made anew
        ("K1", "8", False),  # the database was
        ("K2", "8", True),
        ("", "8", True),
        ("K2", "", True),
        ("", "", False),  # nothing to compare
        ("", "7", False),
    ],
)
def test_another_cluster_shares_neither_key_nor_system(key: str, system: str, is_other: bool) -> None:
    assert Marks.of([made_for("K1", "7")]).is_other(made_for(key, system)) is is_other


def test_a_proved_key_counts_more_than_a_planned_one() -> None:
    marks = Marks.of([made_for("K1", "")], {"h1": "K2"})
    assert marks.is_other(made_for("K1", ""))
    assert not marks.is_other(made_for("K2", ""))


def test_runs_of_another_cluster_of_this_name_are_kept_apart(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        around, ssh = console.around, console.around.tools.ssh
        gone = made_for("SHA256:gone", "8")
        console.journal.start("0dd1", gone, 1.0, "x")
        console.journal.start("0dd2", gone, 2.0, "x")
        known = await known_runs(around.inventory, console.journal, ssh)
        assert ([run.run for run in known.ours], [run.run for run in known.others]) == ([], ["0dd2", "0dd1"])
        with pytest.raises(UsageError, match="no run is open"):
            await find_run(around.inventory, ssh, console.journal)
        assert (await find_run(around.inventory, ssh, console.journal, "0dd1")).plan == gone
        async with await console.start() as session:
            assert (await session.runner.run()).verdict is RunVerdict.SUCCESS
        for shell in (ssh, None):
            known = await known_runs(around.inventory, console.journal, shell)
            assert ([run.run for run in known.ours], [run.run for run in known.others]) == ([session.run_id], ["0dd2", "0dd1"])
        assert [run.run for run in (await known_runs(around.inventory, console.journal, ssh, limit=1)).others] == ["0dd2"]

    on_hosts(tmp_path, body)
