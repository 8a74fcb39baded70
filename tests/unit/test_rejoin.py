"""Follow, rewind or re-clone: every branch of the decision, by value; the plans that come of it; the shell that swaps."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.actions.clone import swap_command
from ppsconsole.actions.copy_progress import copied, progress_said
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.actions.remnant import fork_of, parse_remnant, tried_command
from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.database import Receiver
from ppsconsole.cluster.remnant import Remnant
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Step
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import plan_of
from ppsconsole.runbooks.rejoin import chosen_way
from ppsconsole.runbooks.rejoin_way import decide
from ppsconsole.runbooks.request import Request
from tests.unit.observations import change, change_host, silence
from tests.unit.runbook_cases import Found, declared, seen, swapped, three, with_third

GB = 1 << 30
CRASHED = Remnant(
    "db1",
    "db2",
    1.0,
    has_data=True,
    has_directory=True,
    control_state="in production",
    system_identifier="7300000000000000001",
    source_system="7300000000000000001",
    major=18,
    source_major=18,
    programs_major=18,
    timeline=1,
    source_timeline=2,
    checkpoint_lsn="0/3000028",
    fork_lsn="0/3000060",
    beyond_fork="yes",
    has_wal_at_fork=True,
    has_checksums=True,
    has_full_pages=True,
    is_owner=True,
    source_tablespaces=(),
    slots=("db2",),
    free_bytes=9 * GB,
    source_bytes=GB,
    way_there="",
)
CLEAN = replace(CRASHED, control_state="shut down", beyond_fork="no")
STANDBY = replace(CRASHED, control_state="shut down in recovery", beyond_fork="no", timeline=2, fork_lsn="")


@pytest.mark.parametrize(
    ("found", "way", "why"),
    [
        (CLEAN, "follow", 'it is "shut down", and its log ends where db2 left it, at 0/3000060'),
        (STANDBY, "follow", "it is a standby on timeline 2 still"),
        (replace(STANDBY, timeline=1, fork_lsn="0/3000060"), "follow", "its log ends where db2 left it"),
        (replace(STANDBY, control_state="in archive recovery"), "follow", "a standby on timeline 2 still"),
        (CRASHED, "rewind", "it has data checksums, and its log back to the fork"),
        (replace(CRASHED, has_checksums=False, has_hints=True), "rewind", "it has wal_log_hints"),
        (replace(CLEAN, beyond_fork="yes"), "rewind", "its log goes on behind 0/3000060"),
        (replace(CLEAN, beyond_fork="unknown"), "rewind", "could not be read"),
        (replace(CLEAN, checkpoint_lsn="0/3000060"), "rewind", "its log goes on behind"),
        (replace(STANDBY, timeline=1, fork_lsn="0/3000060", beyond_fork="yes"), "rewind", "its log goes on behind 0/3000060"),
        (replace(CRASHED, dry_run="ok"), "rewind", "not stopped cleanly"),
        (replace(CRASHED, system_identifier="7"), "re-clone", "of another system (7, db2 is 7300000000000000001)"),
        (replace(CRASHED, has_data=False), "re-clone", "no data directory with a control file"),
        (replace(CRASHED, half_rewound="1a2b3c4d"), "re-clone", "begun by run 1a2b3c4d and never ended"),
        (replace(CRASHED, timeline=3), "re-clone", "it is on timeline 3, db2 only on 2"),
        (replace(CRASHED, fork_lsn=""), "re-clone", "never was on timeline 1"),
        (replace(CLEAN, timeline=2, fork_lsn=""), "re-clone", "it ended as a primary on timeline 2, on which db2 writes"),
        (replace(CRASHED, has_checksums=False), "re-clone", "no data checksums and ran without wal_log_hints"),
        (replace(CRASHED, has_full_pages=False), "re-clone", "without full_page_writes"),
        (replace(CRASHED, has_wal_at_fork=False), "re-clone", "does not reach back to 0/3000060"),
        (replace(CRASHED, missing=("pg_rewind",)), "re-clone", "no pg_rewind on its host"),
        (replace(CRASHED, dry_run="could not find previous WAL record"), "re-clone", "fails: could not find previous WAL record"),
        (
            replace(STANDBY, control_state="in archive recovery", timeline=1, fork_lsn="0/3000060", beyond_fork="yes"),
            "re-clone",
            "a standby that was not stopped cleanly",
        ),
    ],
)
def test_the_cheapest_way_that_the_facts_allow_is_taken(found: Remnant, way: str, why: str) -> None:
    decision = decide(found)
    assert decision.way == way
    assert why in decision.why


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source_tablespaces": ("fast",)}, "there are tablespaces (fast)"),
        ({"own_tablespaces": ("number 16400",)}, "there are tablespaces (number 16400)"),
        ({"is_apart": True}, "a mount point or a link"),
        ({"free_bytes": GB}, "are free beside its data directory"),
        ({"missing": ("pg_basebackup",)}, "no pg_basebackup"),
        ({"trouble": "no answer"}, "was not read: no answer"),
    ],
)
def test_where_no_way_is_left_none_is_taken_and_each_says_why(changes: dict[str, Any], words: str) -> None:
    decision = decide(replace(CRASHED, has_data=False, **changes))
    assert (decision.way, set(decision.lacks)) == (None, {"follow", "rewind", "re-clone"})
    assert words in decision.lacks["re-clone"]


@pytest.mark.parametrize(("own", "theirs"), [(("fast",), ()), ((), ("fast",)), (("fast",), ("fast", "slow"))])
def test_tablespaces_that_only_one_of_them_has_keep_from_a_rewind(own: tuple[str, ...], theirs: tuple[str, ...]) -> None:
    decision = decide(replace(CRASHED, own_tablespaces=own, source_tablespaces=theirs))
    assert decision.way is None
    assert decision.lacks["rewind"] == "its tablespaces are not those of the primary"
    assert decide(replace(CRASHED, own_tablespaces=("fast",), source_tablespaces=("fast",))).way == "rewind"


def test_an_operator_may_choose_a_costlier_way_and_never_one_that_the_facts_forbid() -> None:
    assert (decide(CRASHED, "re-clone").way, decide(CRASHED, "re-clone").is_chosen) == ("re-clone", True)
    assert decide(CRASHED, "follow").way is None
    assert decide(CLEAN, "rewind").lacks["rewind"] == "there is nothing to take back: it ended where it was left"


# --- plans ------------------------------------------------------------------------------------------------------------


def failed_over() -> Found:
    """Return: db2 is primary on timeline 2 after a failover; db1 is down, disabled, in quarantine."""
    found = swapped()
    silence(found, "db1", "refused")
    change(found, "db1", service="failed", service_pid=None, service_enabled="disabled", control_state="in production")
    change(found, "db1", control_timeline=1, quarantine="run 1a2b of lab: db1 was failed over; rejoin it.")
    change(found, "db2", replicas=())
    return found


def made(
    remnant: Remnant | None, found: Found | None = None, way: str = "", node: str = "db1", inventory: Inventory | None = None
) -> Plan:
    inventory = inventory or declared()
    snapshot = seen(failed_over() if found is None else found, inventory)
    background = Background(remnant=remnant)
    request = Request("rejoin", node=node, way=way)
    return plan_of(inventory, snapshot, request, lambda known, step: ACTIONS[step.verb].commands(known, step), background)


def shape(plan: Plan) -> list[str]:
    marks = {True: "!", False: ""}
    return [f"{step.verb}{marks[step.is_point_of_no_return]}{'?' if step.is_optional else ''}" for step in plan.steps]


def test_each_way_has_its_steps_its_question_and_its_point_of_no_return() -> None:
    follow, rewind, clone = made(CLEAN), made(CRASHED), made(replace(CRASHED, has_checksums=False))
    assert shape(follow) == ["make-slot", "start-standby!", "drop-stale-slots?"]
    kept = ["keep-lost-writes", "keep-configuration"]
    tried = ["checkpoint-source", "make-slot", "recover", "try-rewind", "rewind!", "start-standby", "drop-stale-slots?"]
    assert shape(rewind) == [*kept, *tried]
    assert shape(clone) == ["keep-lost-writes?", "keep-configuration", "make-slot", "clone", "swap-in!", "start-standby"]
    for plan in (follow, rewind, clone):
        assert plan.blockers == ()
        assert (plan.loss.said(), plan.downtime_s) == ("none (proved)", 0.0)
        assert plan.steps[0].gate is not None
        assert plan.steps[0].gate.kind == "confirm"
        assert not any(step.is_markable for step in plan.steps if step.verb in ("rewind", "swap-in"))
        assert Plan.from_json(plan.as_json()) == plan
        assert "standby.signal ]" in plan.step("start-standby").commands[1]
        assert plan.step("start-standby").commands[1].endswith("/bin/service enable && /bin/service start")
    assert clone.step("clone").estimate_s == pytest.approx(GB / 40e6, abs=0.1)
    assert [each.system_identifier for each in clone.identities if each.node == "db1"] == [""]
    assert chosen_way(rewind) == ""


def test_what_is_chosen_is_kept_in_the_plan_and_what_is_forbidden_says_why() -> None:
    chosen = made(CRASHED, way="re-clone")
    assert (chosen_way(chosen), "clone" in shape(chosen)) == ("re-clone", True)
    assert chosen.hash != made(CRASHED).hash
    with pytest.raises(Barred, match="cannot be rejoined by follow: it was not stopped cleanly") as refused:
        made(CRASHED, way="follow")
    assert refused.value.remedy == "The facts allow: rewind, re-clone"
    with pytest.raises(UsageError, match="no way is called 'copy'"):
        made(CRASHED, way="copy")
    with pytest.raises(UsageError, match="failover chooses no way"):
        plan_of(declared(), seen(failed_over()), Request("failover", way="follow"), lambda *_: ())
    with pytest.raises(Barred, match="could not be read: no answer"):
        made(replace(CRASHED, trouble="no answer"))


def test_what_is_enabled_or_runs_is_quieted_first() -> None:
    found = failed_over()
    change(found, "db1", service_enabled="enabled")
    assert shape(made(CLEAN, found))[:2] == ["disable", "make-slot"]
    broken = swapped()
    change(broken, "db1", receiver=Receiver("none"), quarantine="")
    assert shape(made(STANDBY, broken))[:3] == ["disable", "stop", "make-slot"]


@pytest.mark.parametrize(
    ("changes", "item"),
    [
        ({"is_owner": False}, "account"),
        ({"programs_major": 17}, "same-version"),
        ({"major": 17}, "same-version"),
        ({"way_there": "no pg_hba.conf entry"}, "way-to-primary"),
    ],
)
def test_what_would_fail_half_way_blocks_before_it_begins(changes: dict[str, Any], item: str) -> None:
    assert [each.name for each in made(replace(CRASHED, **changes)).blockers] == [item]


def test_a_log_that_cannot_be_listed_is_said_before_and_its_directory_stays() -> None:
    plan = made(replace(CRASHED, has_wal_at_fork=False))
    assert "keep-lost-writes" not in shape(plan)
    [item] = [each for each in plan.preflight if each.name == "lost-writes"]
    assert (item.state, item.is_blocking) == ("failing", False)
    [item] = [each for each in made(replace(CRASHED, half_rewound="1a2b3c4d")).preflight if each.name == "lost-writes"]
    assert "was kept and listed by run 1a2b3c4d" in item.words


def two_primaries() -> Found:
    found = swapped()
    change(found, "db1", in_recovery=False, receiver=None)
    return found


def out_of_reach() -> Found:
    found = failed_over()
    change_host(found, "db1", ssh="unreachable")
    return found


def silent() -> Found:
    found = failed_over()
    silence(found, "db1", "timed-out")
    change(found, "db1", service="running")
    return found


@pytest.mark.parametrize(
    ("found", "node", "rule"),
    [
        (swapped, "db1", "nothing-to-rejoin"),
        (swapped, "db2", "is-primary"),
        (two_primaries, "db1", "split-brain"),
        (out_of_reach, "db1", "host-unreachable"),
        (silent, "db1", "not-down"),
    ],
)
def test_what_must_not_be_rejoined_is_barred(found: Any, node: str, rule: str) -> None:
    with pytest.raises(Barred) as refused:
        made(CRASHED, found(), node=node)
    assert refused.value.rule == rule


def test_a_third_standby_that_went_astray_follows_the_new_primary_too() -> None:
    along, astray = (
        Receiver(word, 2, "0/4000060", "0/4000060", 0.5, "db3", "127.9.2.21", 6001) for word in ("streaming", "none")
    )
    for receiver, timeline, steps in ((along, 2, []), (along, 1, ["repoint?"]), (astray, 2, ["repoint?"])):
        found = with_third(failed_over(), in_recovery=True, replicas=(), slots=(), receiver=receiver, timeline=timeline)
        assert shape(made(CLEAN, found, inventory=three())) == ["make-slot", "start-standby!", "drop-stale-slots?", *steps]


# --- what hosts say ---------------------------------------------------------------------------------------------------


CONTROL = """\
Database system identifier:           7300000000000000001
Database cluster state:               in production
Latest checkpoint location:           0/3000028
Latest checkpoint's TimeLineID:       1
Latest checkpoint's full_page_writes: on
wal_log_hints setting:                off
Data page checksum version:           1
Bytes per WAL segment:                16777216
"""


def test_what_is_left_is_read_from_one_answer() -> None:
    said = (
        "missing=pg_rewind\nprograms=18.6\nfree=1024\ndirectory=yes\nowner=yes\nslot=db2\nslot=$(reboot)\nversion=18\n"
        f"process=postgres\n{CONTROL}"
    )
    found = parse_remnant(CommandResult(0, said, "", 0.1), Remnant("db1", "db2", 1.0))
    assert (found.has_data, found.is_running, found.control_state, found.timeline) == (True, True, "in production", 1)
    assert (found.has_checksums, found.has_hints, found.has_full_pages) == (True, False, True)
    assert (found.major, found.programs_major, found.free_bytes) == (18, 18, 1 << 20)
    assert (found.missing, found.slots, found.is_owner) == (("pg_rewind",), ("db2",), True)
    gone = parse_remnant(CommandResult(0, "programs=\nfree=\nversion=\n", "", 0.1), Remnant("db1", "db2", 1.0))
    assert (gone.has_data, gone.has_directory, gone.free_bytes, gone.major) == (False, False, None, 0)
    with pytest.raises(ValueError, match="not found"):
        parse_remnant(CommandResult(127, "", "sh: not found", 0.1), Remnant("db1", "db2", 1.0))


def test_where_a_history_left_a_timeline() -> None:
    history = "1\t0/3000060\tno recovery target specified\n2\t0/5000000\tno recovery target specified\n"
    assert (fork_of(history, 1), fork_of(history, 2), fork_of(history, 3)) == ("0/3000060", "0/5000000", "")


def test_progress_has_rate_and_time_left_once_something_was_measured() -> None:
    assert copied("  1024/4096 kB (25%), 0/1 tablespace\n  2048/4096 kB (50%), 0/1 tablespace\n") == (2 << 20, 4 << 20)
    assert copied("waiting for checkpoint") is None
    assert progress_said(2 << 20, 4 << 20, 2.0) == "50% of 4.0MB, 1.0MB/s, about 2.0s left"
    assert progress_said(0, 4 << 20, 0.0) == "0% of 4.0MB"


def test_a_rewind_is_really_tried_and_never_begun(tmp_path: Path) -> None:
    program = tmp_path / "pg_rewind"
    program.write_text('#!/bin/sh\necho "$LC_ALL $*"\n')
    program.chmod(0o755)
    instance = replace(declared().database.instances["db1"], data_directory="/data", bin_directory=str(tmp_path))
    done = subprocess.run(["/bin/sh", "-c", tried_command(instance, "host=db2")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "C -D /data --source-server=host=db2 dbname=postgres --dry-run\n"


def swap(tmp_path: Path, run: str = "r1") -> "subprocess.CompletedProcess[str]":
    program = tmp_path / "bin" / "pg_controldata"
    program.parent.mkdir(exist_ok=True)
    program.write_text('#!/bin/sh\necho "Database system identifier:           $(cat "$2/system")"\n')
    program.chmod(0o755)
    inventory = declared()
    instance = replace(inventory.database.instances["db1"], data_directory=f"{tmp_path}/data", bin_directory=str(program.parent))
    database = replace(inventory.database, instances={**inventory.database.instances, "db1": instance})
    step = Step("swap-in", "", "swap-in", "db1", arguments={"source": "db2", "system": "22", "old_system": "11"})
    command = swap_command(replace(inventory, database=database), step, run)
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)


def folder(path: Path, system: str, *, is_standby: bool = False) -> None:
    path.mkdir()
    (path / "system").write_text(f"{system}\n")
    if is_standby:
        (path / "standby.signal").touch()


def test_a_swap_that_was_cut_off_between_both_renames_goes_on_where_it_was(tmp_path: Path) -> None:
    folder(tmp_path / "data.before-r1", "11")
    folder(tmp_path / "data.clone-r1", "22", is_standby=True)
    for _ in range(2):
        done = swap(tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "data" / "system").read_text() == "22\n"
        assert (tmp_path / "data.before-r1" / "system").read_text() == "11\n"
    assert not (tmp_path / "data.clone-r1").exists()


@pytest.mark.parametrize(("data", "clone", "is_standby"), [("99", "22", True), ("11", "99", True), ("11", "22", False)])
def test_a_swap_leaves_alone_what_is_not_what_was_planned_for(tmp_path: Path, data: str, clone: str, is_standby: bool) -> None:
    folder(tmp_path / "data", data)
    folder(tmp_path / "data.clone-r1", clone, is_standby=is_standby)
    assert swap(tmp_path).returncode == 65
    assert (tmp_path / "data" / "system").read_text() == f"{data}\n"
    assert (tmp_path / "data.clone-r1").exists()


def test_a_swap_sets_the_old_one_aside_with_its_marker_and_never_over_another(tmp_path: Path) -> None:
    folder(tmp_path / "data", "11")
    folder(tmp_path / "data.clone-r1", "22", is_standby=True)
    (tmp_path / "data.rewinding").write_text("r0\n")
    (tmp_path / "data.before-r1").mkdir()
    assert (swap(tmp_path).returncode, (tmp_path / "data" / "system").read_text()) == (66, "11\n")
    (tmp_path / "data.before-r1").rmdir()
    assert swap(tmp_path).returncode == 0
    assert ((tmp_path / "data.before-r1.rewinding").read_text(), (tmp_path / "data.rewinding").exists()) == ("r0\n", False)


# --- advice -----------------------------------------------------------------------------------------------------------


def ways(found: Found) -> dict[str, list[str]]:
    inventory = declared()
    told = advise(seen(found, inventory), inventory)
    return {each.headline: [way.command for way in each.ways if not way.is_blocked] for each in told if each.ways}


def test_the_advice_names_the_way_home_and_nothing_else() -> None:
    down = ways(failed_over())
    [commands] = [each for each in down.values() if each]
    assert commands[0] == "ppsconsole run rejoin db1"
    assert not any(word in command for command in commands for word in ("restart", "failover", "switchover"))
    home = ways(swapped())
    assert [commands for commands in home.values() if commands] == [["ppsconsole run switchover --to db1"]]


def test_what_is_in_quarantine_is_never_advised_to_be_started_as_it_is() -> None:
    found = failed_over()
    silence(found, "db2", "timed-out")
    inventory = declared()
    told = [each for each in advise(seen(found, inventory), inventory) if each.headline.startswith("db1")]
    assert [way.command for each in told for way in each.ways if way.runbook == "restart"] == []
    assert "comes back by `rejoin`" in " ".join(each.remedy for each in told)
