"""A restore by value: which states it is for, the order of its steps, what blocks it, and what makes a database like another."""

from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.actions.copy_facts import SourceFacts
from ppsconsole.actions.copying import copy_name, literal, login, progress
from ppsconsole.actions.database_like import create_statement, property_statements
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.actions.table_sums import psql_command
from ppsconsole.advice.choices import choices
from ppsconsole.cluster.database_sums import DatabaseSums, TableSum
from ppsconsole.draw.run_view import RunView
from ppsconsole.draw.safety import safety
from ppsconsole.engine.estimate import learned
from ppsconsole.engine.journal import open_journal
from ppsconsole.errors import Blocked, UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.loss import LossTier
from ppsconsole.plan.proof import FenceProof, Rung
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import NOTHING_KNOWN, Background
from ppsconsole.runbooks.catalog import plan_of
from ppsconsole.runbooks.copy_costs import CAUTIOUS, rate_of
from ppsconsole.runbooks.costs import Estimates, Rate
from ppsconsole.runbooks.request import Request
from tests.unit.observations import NOW, change, change_host, silence
from tests.unit.runbook_cases import Found, declared, fine, ids, plan, seen, state, swapped, three, with_third


def with_dumps(plain: Inventory | None = None) -> Inventory:
    """Return the inventory with the logins for dumps declared."""
    plain = plain or declared()
    names = list(plain.database.instances)
    instances = {
        name: replace(each, dumps={other: f"host={other} user=postgres passfile=/pass" for other in names})
        for name, each in plain.database.instances.items()
    }
    return replace(plain, database=replace(plain.database, instances=instances))


def failed_over(state_of_old: str = "in production") -> Found:
    """Return: db1 was killed, db2 is the primary and serves; db1 is down, disabled and in quarantine."""
    found = swapped()
    silence(found, "db1", "refused")
    change(found, "db1", service="failed", service_enabled="disabled", service_pid=None, quarantine="run a764983f")
    change(found, "db1", control_state=state_of_old, control_timeline=1)
    change(found, "db2", replicas=())
    return found


def two_servers() -> Found:
    """Return: both take writes, and the users work on db2."""
    found = swapped()
    change(found, "db1", in_recovery=False, receiver=None, timeline=1, control_state="in production", is_writable=True)
    change(found, "db2", replicas=())
    return found


BEFORE = ["check-copy", "keep-lost-writes", "recover"]
QUIET = ["drain-lb1", "stop-pps1", "disable-pps1", "stop-pps2", "disable-pps2", "fence-writers", "close-database"]
COPY = ["dump-database", "restore-database", "compare-databases", "fence", "swap-database"]
AFTER = [
    "switch-database-pps1",
    "enable-pps1",
    "start-pps1",
    "check-connections-pps1",
    "move-members-lb1",
    "verify-service-lb1",
    "switch-database-pps2",
    "enable-db1",
    "quarantine",
    "remove-dump",
]


def test_a_crashed_old_primary_is_recovered_before_users_are_out_and_started_when_nobody_writes() -> None:
    made = plan(failed_over(), "restore", to="db1", inventory=with_dumps())
    assert ids(made) == [*BEFORE, *QUIET, "start-apart", *COPY, *AFTER]
    assert (made.node, made.to, made.blockers) == ("db2", "db1", ())
    assert [step.id for step in made.steps if "fence" in step.needs] == ["start-apart", "swap-database"]
    assert made.loss.tier is LossTier.NONE
    outage = sum(step.estimate_s for step in made.steps if step.id in [*QUIET, "start-apart", *COPY, *AFTER[:5]])
    assert made.downtime_s == pytest.approx(outage)
    gate = made.steps[0].gate
    assert gate is not None
    assert gate.kind == "name"
    assert "users are kept out for about 1m" in gate.question
    assert "a guess: how large the database of db2 is was not seen" in gate.question
    assert "Both old databases are kept" in gate.question
    assert state(made, "outage") == ("not checked", False)


def test_the_outage_is_announced_by_the_size_of_the_database_and_by_how_fast_it_went_before() -> None:
    def planned(background: Background) -> tuple[float, str, str]:
        made = plan(failed_over(), "restore", to="db1", inventory=with_dumps(), background=background)
        gate = made.steps[0].gate
        assert gate is not None
        words = next(item.words for item in made.preflight if item.name == "outage")
        copying = sum(step.estimate_s for step in made.steps if step.verb in CAUTIOUS)
        assert made.downtime_s > copying
        return copying, gate.question, words

    small, large = (planned(Background(sizes={"db2": gigabytes << 30})) for gigabytes in (1, 40))
    assert large[0] / small[0] == pytest.approx(40, rel=0.05)
    assert large[0] == pytest.approx(3 + (40 << 30) * sum(1 / each for each in CAUTIOUS.values()))
    assert "(for its 40GB, by cautious defaults: no run here has measured it)" in large[1]
    assert large[2].startswith("the database of db2 has 40GB: dumped in about 35m48s (19MB/s, a cautious default), restored in")

    rates = {verb: rate_of([(1 << 30, 10.0)] * 2 + [(1 << 20, 8.0), (0, 3.0)]) for verb in CAUTIOUS}
    seconds = dict.fromkeys(CAUTIOUS, 10.0)
    known = Estimates(seconds, dict.fromkeys(CAUTIOUS, 4), {verb: rate for verb, rate in rates.items() if rate})
    measured = planned(Background(known, sizes={"db2": 40 << 30}))
    assert measured[0] == pytest.approx(3 * 400.0)
    assert "(for its 40GB, as fast as earlier runs here)" in measured[1]
    assert "compared in about 6m40s (102MB/s, measured on 1.0GB in 2 runs)" in measured[2]
    assert planned(Background(known))[0] == pytest.approx(30.0), "of a size that nobody saw: as long as the last time"
    del known.rates["restore-database"]
    assert "in part by cautious defaults" in planned(Background(known, sizes={"db2": 40 << 30}))[1]
    assert rate_of([(0, 1.0)]) is None


def test_how_fast_a_database_is_copied_is_learned_from_runs_that_did_it(tmp_path: Path) -> None:
    made = plan(failed_over(), "restore", to="db1", inventory=with_dumps())
    journal = open_journal(folder=tmp_path)
    try:
        for run, size_bytes, took_s in (("a", 1 << 20, 4.0), ("b", 1 << 30, 16.0), ("c", 1 << 30, 8.0), ("d", 1 << 30, 32.0)):
            journal.start(run, made, NOW, "somebody")
            ended = {"outcome": "done", "verb": "dump-database", "took_s": took_s, "values": {"bytes": size_bytes}}
            begun = RunEvent(run, 1, NOW, "step-started", "dump-database", "")
            journal.append(begun, RunEvent(run, 2, NOW, "step-finished", "dump-database", "", ended))
        found = learned(journal, made.cluster)
        assert found.rates == {"dump-database": Rate((1 << 30) / 16.0, 1 << 30, 3)}
    finally:
        journal.close()


def test_everything_can_be_put_back_until_users_get_in() -> None:
    made = plan(failed_over(), "restore", to="db1", inventory=with_dumps())
    point = ids(made).index("move-members-lb1")
    assert [step.is_point_of_no_return for step in made.steps].index(True) == point
    stay = {"recover", "fence-writers", "check-copy", "compare-databases", "check-connections-pps1"}
    undone = {step.id for step in made.steps[:point] if step.is_undoable}
    assert {step.id for step in made.steps[:point]} - undone <= stay
    assert {"start-apart", "fence", "swap-database", "switch-database-pps1", "close-database"} <= undone
    assert not any(step.is_undoable for step in made.steps[point:])
    unmarkable = {step.id for step in made.steps if not step.is_markable}
    assert {"fence", "fence-writers", "start-apart", "dump-database", "restore-database", "swap-database"} <= unmarkable


def test_a_clean_stop_needs_no_recovery_and_another_history_no_list_of_lost_writes() -> None:
    made = plan(failed_over("shut down"), "restore", to="db1", inventory=with_dumps())
    assert ids(made)[:3] == ["check-copy", "keep-lost-writes", "drain-lb1"]
    found = failed_over("shut down")
    change(found, "db1", control_system_identifier="7999999999999999999")
    assert ids(plan(found, "restore", to="db1", inventory=with_dumps()))[:2] == ["check-copy", "drain-lb1"]


def test_two_servers_the_other_one_is_the_source() -> None:
    made = plan(two_servers(), "restore", to="db1", inventory=with_dumps())
    assert ids(made) == ["check-copy", *QUIET, *COPY, *AFTER]
    assert (made.node, made.blockers) == ("db2", ())
    back = plan(two_servers(), "restore", to="db2", inventory=with_dumps())
    assert (back.node, state(back, "source-in-use")) == ("db1", ("failing", True))


def test_of_several_sources_one_has_to_be_named() -> None:
    inventory = with_dumps(three())
    found = with_third(two_servers(), in_recovery=False, receiver=None, timeline=1, control_state="in production")
    with pytest.raises(UsageError, match="several instances have data to restore from: db2, db3"):
        plan(found, "restore", to="db1", inventory=inventory)
    assert plan(found, "restore", "db2", to="db1", inventory=inventory).node == "db2"
    with pytest.raises(UsageError, match="cannot be restored from itself"):
        plan(found, "restore", "db1", to="db1", inventory=inventory)


def test_what_is_no_server_of_its_own_is_no_target() -> None:
    found = fine()
    with pytest.raises(Barred, match="db2 is a standby: it has no database of its own") as barred:
        plan(found, "restore", to="db2", inventory=with_dumps())
    assert "switchover --to db2" in barred.value.remedy
    with pytest.raises(Barred, match="nothing to copy from"):
        plan(found, "restore", to="db1", inventory=with_dumps())
    with pytest.raises(UsageError, match="needs --to"):
        plan(found, "restore", inventory=with_dumps())
    with pytest.raises(Barred, match="would not come up as a server of its own: shut down in recovery"):
        plan(failed_over("shut down in recovery"), "restore", to="db1", inventory=with_dumps())
    hung = failed_over()
    change(hung, "db1", service="frozen")
    with pytest.raises(Barred, match="neither answers nor is it down"):
        plan(hung, "restore", to="db1", inventory=with_dumps())
    fresh = failed_over()
    change(fresh, "db1", service="running", sql="bad-answer")
    with pytest.raises(Barred, match="does not get into pleasant there") as barred:
        plan(fresh, "restore", to="db1", inventory=with_dumps())
    assert "CREATE DATABASE pleasant" in barred.value.remedy
    away = failed_over()
    change_host(away, "db1", ssh="unreachable")
    with pytest.raises(Barred, match="cannot be logged in to"):
        plan(away, "restore", to="db1", inventory=with_dumps())


def test_what_could_make_a_second_writer_or_no_copy_blocks() -> None:
    made = plan(failed_over(), "restore", to="db1", inventory=declared())
    assert state(made, "dump-logins") == ("failing", True)
    words = next(item.words for item in made.preflight if item.name == "dump-logins")
    assert words == "not declared: dumps.db2 of db1, dumps.db1 of db1, dumps.db2 of db2"
    lost = failed_over()
    change_host(lost, "web1", ssh="unreachable")
    assert state(plan(lost, "restore", to="db1", inventory=with_dumps()), "web-nodes-quiet") == ("failing", True)
    older = two_servers()
    change(older, "db1", version=140000)
    assert state(plan(older, "restore", to="db1", inventory=with_dumps()), "server-versions") == ("failing", True)
    told = plan(failed_over(), "restore", to="db1", inventory=with_dumps())
    assert state(told, "rejoin-after") == ("failing", False)


def test_the_real_commands_name_no_run_and_no_password() -> None:
    inventory = with_dumps()
    request = Request("restore", to="db1")
    made = plan_of(
        inventory, seen(failed_over(), inventory), request, lambda known, step: ACTIONS[step.verb].commands(known, step)
    )
    sent = {step.id: step.commands for step in made.steps}
    assert all("password" not in line for lines in sent.values() for line in lines)
    dump = sent["dump-database"][0]
    assert dump.startswith("db1$ ")
    assert "/data/db1.restore-RUN" in dump
    assert "pg_dump -Fd" in dump
    assert "host=db2 user=postgres passfile=/pass dbname=pleasant" in dump
    assert "--exit-on-error" in sent["restore-database"][0]
    assert "--clean" not in sent["restore-database"][0]
    swap = sent["swap-database"][0]
    assert swap.index('"pleasant" RENAME TO "pleasant_before_RUN"') < swap.index('"pleasant_restore_RUN" RENAME TO "pleasant"')


def test_a_login_that_is_not_declared_is_told() -> None:
    with pytest.raises(Blocked, match="does not say how a program on its host logs in to db2"):
        login(declared(), "db1", "db2", "pleasant")
    open_ones = with_dumps()
    instance = replace(open_ones.database.instances["db1"], dumps={"db2": "host=db2 password=hunter2"})
    group = replace(open_ones.database, instances={**open_ones.database.instances, "db1": instance})
    with pytest.raises(Blocked, match="holds a password") as refused:
        login(replace(open_ones, database=group), "db1", "db2", "pleasant")
    assert "hunter2" not in str(refused.value)
    assert login(with_dumps(), "db1", "db2", "it's a \\").endswith(r" dbname='it\'s a \\'")


def test_names_and_strings_are_what_postgresql_takes_them_for() -> None:
    assert copy_name("pps", "restore", "a1b2c3d4") == "pps_restore_a1b2c3d4"
    long = copy_name("ü" * 40, "before", "a1b2c3d4")
    assert (len(long.encode()) <= 63, long.endswith("_before_a1b2c3d4")) == (True, True)
    assert literal("it's") == "$$it's$$"
    assert literal("$5 and 'it'\\") == "E'$5 and ''it''\\\\'"
    assert psql_command("/bin/psql", "host=a", "SELECT 1;") == (
        "printf '%s\\n' 'SELECT 1;' | LC_ALL=C /bin/psql -XAtq -w -v ON_ERROR_STOP=1 -d host=a -f -"
    )


def test_a_database_is_made_like_the_other_one_and_opened_for_writers() -> None:
    found = {
        "owner": "pps",
        "encoding": "UTF8",
        "collate": "C",
        "ctype": "de_DE.UTF-8",
        "provider": "i",
        "locale": "de-DE",
        "rules": None,
        "settings": [["", ['search_path="$user", app', "default_transaction_read_only=on", "work_mem=8MB"]], ["pps", ["a.b=x"]]],
        "grants": [["", "CONNECT", False], ["reader", "TEMPORARY", True]],
    }
    assert create_statement("new", found) == (
        'CREATE DATABASE "new" TEMPLATE template0 OWNER "pps" ENCODING $$UTF8$$ LC_COLLATE $$C$$ LC_CTYPE $$de_DE.UTF-8$$ '
        "LOCALE_PROVIDER icu ICU_LOCALE $$de-DE$$ CONNECTION LIMIT 0"
    )
    assert property_statements("new", found) == (
        'ALTER DATABASE "new" SET "search_path" TO E\'$user\', $$app$$;',
        'ALTER DATABASE "new" SET "work_mem" TO $$8MB$$;',
        'ALTER ROLE "pps" IN DATABASE "new" SET "a.b" TO $$x$$;',
        'REVOKE ALL ON DATABASE "new" FROM PUBLIC;',
        'GRANT CONNECT ON DATABASE "new" TO PUBLIC;',
        'GRANT TEMPORARY ON DATABASE "new" TO "reader" WITH GRANT OPTION;',
    )


def test_it_says_how_far_it_is_and_how_much_room_it_takes() -> None:
    assert progress("restored", 34 << 20, 120 << 20, 4.0) == "restored 34MB of about 120MB, 8.5MB/s, about 10s to go"
    assert progress("dumped", 34 << 20, 0, 4.0) == "dumped 34MB, 8.5MB/s"
    assert SourceFacts(180006, 1000, 800, {}).room == 3000


def test_sums_say_how_much_they_are_and_refuse_what_is_none() -> None:
    sums = DatabaseSums({"public.a": TableSum(3, "77")}, large_objects=TableSum(2, "5"))
    assert sums.said() == "1 tables, 3 rows, 2 large objects"
    with pytest.raises(ValueError, match="no sums of a database"):
        DatabaseSums.from_json({"tables": {}})


@pytest.mark.parametrize(("service", "said", "is_alarming"), [("stopped", "no", False), ("running", "yes", True)])
def test_two_servers_that_run_while_no_web_node_does_are_no_two_writers(service: str, said: str, is_alarming: bool) -> None:
    made = plan(failed_over(), "restore", to="db1", inventory=with_dumps())
    proof = FenceProof("db2", Rung.QUIESCED, ("all are stopped",), NOW - 1.0, "run-1")
    view = RunView("run-1", made, True, "somebody", NOW - 9.0, None, (), proofs=(proof,))
    found = two_servers()
    for name in ("pps1", "pps2"):
        change(found, name, service="stopped")
    change(found, "pps2", service=service)
    answer = safety(view, seen(found, with_dumps()))[-1]
    assert (answer.question, answer.said, answer.is_alarming) == ("Are there two writers?", said, is_alarming)


def test_of_two_primaries_each_is_offered_to_be_restored_over_and_a_single_one_is_not() -> None:
    inventory = with_dumps()
    offered = {each.title for each in choices((), seen(two_servers(), inventory), inventory, NOTHING_KNOWN)}
    assert {"restore --to db1", "restore --to db2"} <= offered
    fine_ones = {each.title for each in choices((), seen(fine(), inventory), inventory, NOTHING_KNOWN)}
    assert "restore --to db1" not in fine_ones
