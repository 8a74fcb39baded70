"""Alternate servers by value: what is seen of them, what is planned with them, and what users are told."""

import json
from dataclasses import replace

import pytest

from ppsconsole.actions.alternate_database import aside_name, connection, same_server_sql
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.copies import Copy, Offered, best_copy, best_offer, copy_of
from ppsconsole.cluster.facts import backup_subject
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.status import draw_status
from ppsconsole.draw.text import UNICODE, line_text
from ppsconsole.drivers.base import CommandResult
from ppsconsole.engine.reading import Reading, asked_now
from ppsconsole.errors import UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.loss import LossTier
from ppsconsole.plan.plan import Plan
from ppsconsole.probes.alternate import parse_copies
from ppsconsole.runbooks.alternate import bundle_of
from ppsconsole.runbooks.barred import Barred
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import plan_of
from ppsconsole.runbooks.history import History
from ppsconsole.runbooks.request import Request
from ppsconsole.tui.selection import most_urgent
from tests.unit.alternate_cases import BUNDLE, COPY, NEWER, NEWER_OFFER, OFFER, beside, declared, lost
from tests.unit.observations import NOW, change, change_host, look
from tests.unit.runbook_cases import Found, fine, killed


def _look(found: Found, inventory: Inventory | None = None) -> Snapshot:
    return look(found, declared=inventory or declared())


def _plan(
    found: Found,
    runbook: str,
    *,
    bundle: str = "",
    fence: str = "",
    offered: tuple[Offered, ...] | None = (OFFER,),
    inventory: Inventory | None = None,
    dead_since: float | None = None,
) -> Plan:
    inventory = inventory or declared()
    background = Background(history=History("db1", dead_since=dead_since), offered=offered)
    request = Request(runbook, node="alt1", bundle=bundle, fence=fence)
    snapshot = _look(found, inventory)
    return plan_of(inventory, snapshot, request, lambda known, step: ACTIONS[step.verb].commands(known, step), background)


def _item(plan: Plan, name: str) -> tuple[str, bool]:
    found = next(each for each in plan.preflight if each.name == name)
    return found.state, found.is_blocked


# --- copies -----------------------------------------------------------------------------------------------------------


def test_a_copy_is_told_by_its_comment() -> None:
    assert copy_of(COPY.database, COPY.comment(), 8000) == COPY
    assert copy_of(COPY.database, COPY.comment().replace("copy {", "copy\n  {"), 8000) == COPY
    assert copy_of("pleasant", "the password database") is None
    assert copy_of("pleasant", None) is None
    assert copy_of("x", 'ppsconsole copy {"bundle": 1') is None
    assert copy_of("x", "ppsconsole copy []") is None


def test_only_a_verified_copy_of_this_cluster_counts() -> None:
    newer = replace(COPY, database="b", bundle=NEWER, taken_at=COPY.taken_at + 60)
    assert best_copy((COPY, newer), "lab") is newer
    assert best_copy((COPY, newer), "lab", BUNDLE) is COPY
    assert best_copy((COPY, replace(newer, is_verified=False)), "lab") is COPY
    assert best_copy((replace(COPY, cluster="other"),), "lab") is None
    assert best_offer((OFFER, NEWER_OFFER), "lab") is NEWER_OFFER
    assert best_offer((OFFER, replace(NEWER_OFFER, trouble="damaged")), "lab") is OFFER


def test_what_psql_says_becomes_facts() -> None:
    databases = [
        {"name": "pleasant", "comment": None, "bytes": 1},
        {"name": COPY.database, "comment": COPY.comment(), "bytes": 8000},
    ]
    text = json.dumps({"identifier": "7", "version": 180006, "databases": databases})
    found = parse_copies(CommandResult(0, f"{text}\n", "", 0.1))
    assert found["copies"] == (COPY,)
    assert (found["sql"], found["version"], found["system_identifier"]) == ("ok", 180006, "7")
    assert found["databases"] == ("pleasant", COPY.database)


@pytest.mark.parametrize(
    ("status", "said", "word"),
    [
        (2, "connection to server failed: Connection refused", "refused"),
        (2, "FATAL:  the database system is starting up", "starting"),
        (2, "fe_sendauth: no password supplied", "login-refused"),
        (124, "", "timed-out"),
        (127, "psql: not found", "error"),
    ],
)
def test_a_database_that_does_not_answer_says_why(status: int, said: str, word: str) -> None:
    assert parse_copies(CommandResult(status, said, "", 0.1))["sql"] == word


def test_an_answer_that_is_none_is_no_fact() -> None:
    with pytest.raises(ValueError, match="not an answer about copies"):
        parse_copies(CommandResult(0, "welcome", "", 0.1))


def test_names_and_connections_cannot_be_misread() -> None:
    assert len(aside_name("x" * 63, "53a95a8c")) <= 63
    alternate = replace(declared().alternates["alt1"].database, owner="o'dd role")
    login = connection(replace(declared().alternates["alt1"], database=alternate), "it's", as_owner=True)
    assert login == r"host=127.9.3.11 user=postgres dbname='it\'s' options='-c role=o\'dd\\ role'"
    assert "<> $$7$$" in same_server_sql("7")


# --- judged -----------------------------------------------------------------------------------------------------------


def test_a_prepared_one_is_ready_and_says_what_it_would_lose() -> None:
    node = _look(beside(fine(), COPY)).node("alt1")
    assert node is not None
    assert (node.kind, node.role, node.words, node.verdict) == ("alternate", "alternate", "ready", Verdict.OK)
    gauge = next(each for each in _look(beside(fine(), COPY)).gauges if each.name == "copy alt1")
    assert (gauge.value, gauge.text, gauge.verdict) == (3600.0, "1h", Verdict.OK)


def test_it_never_counts_as_a_database_of_the_group() -> None:
    snapshot = _look(beside(fine(), COPY))
    assert [node.name for node in snapshot.of_kind("database")] == ["db1", "db2"]
    assert [each.rule for each in snapshot.judgements if each.rule in ("split_brain", "system_identifier")] == []
    assert all("alt1" not in (edge.source, edge.target) for edge in snapshot.edges)


@pytest.mark.parametrize(
    ("changes", "words", "verdict"),
    [
        ({"copies": ()}, "no copy", Verdict.WARN),
        ({"copies": (replace(COPY, is_verified=False),)}, "no copy", Verdict.WARN),
        ({"copies": (replace(COPY, taken_at=NOW - 100_000),)}, "old copy", Verdict.WARN),
        ({"service_enabled": "enabled"}, "enabled", Verdict.WARN),
        ({"service": "running", "http": 200}, "RUNS BESIDE", Verdict.DOWN),
        ({"sql": "refused", "copies": None, "system_identifier": None}, "no database", Verdict.WARN),
        ({"system_identifier": "7000000000000000001"}, "NOT APART", Verdict.DOWN),
        ({"product_version": "9.3.3"}, "version", Verdict.WARN),
        ({"keys": None, "service": None}, "not seen", Verdict.UNKNOWN),
    ],
)
def test_what_is_wrong_with_it_is_its_word(changes: dict, words: str, verdict: Verdict) -> None:
    found = beside(fine(), COPY)
    change(found, "alt1", **changes)
    node = _look(found).node("alt1")
    assert node is not None
    assert (node.words, node.verdict) == (words, verdict)


def test_an_active_one_is_where_users_get_in() -> None:
    found = lost(replace(COPY, database="pleasant"))
    change(found, "alt1", service="running", service_enabled="enabled", tcp="ok", tls="ok", http=200)
    snapshot = _look(found)
    node = snapshot.node("alt1")
    assert node is not None
    assert (node.words, node.verdict) == ("ACTIVE", Verdict.OK)
    said = next(each.words for each in snapshot.judgements if each.rule == "service")
    assert said == "users get in at the alternate server only: alt1 (https://127.9.3.11:8443)"


@pytest.mark.parametrize(
    ("service", "text", "verdict"),
    [("running", "3 of 2", Verdict.WARN), ("stopped", "2 of 2", Verdict.OK), (None, "unknown", Verdict.UNKNOWN)],
)
def test_one_that_serves_counts_for_the_licence_and_an_inactive_one_does_not(
    service: str | None, text: str, verdict: Verdict
) -> None:
    plain = declared()
    licensed = replace(plain, cluster=replace(plain.cluster, licensed_servers=2))
    found = beside(fine(), COPY)
    change(found, "alt1", service=service, tcp="ok" if service == "running" else "refused" if service else "timed-out")
    snapshot = _look(found, licensed)
    (gauge,) = [each for each in snapshot.gauges if each.name == "licence"]
    assert (gauge.text, gauge.verdict) == (text, verdict)
    said = [each.words for each in snapshot.judgements if each.rule == "servers_running"]
    assert len(said) == (verdict is Verdict.WARN)
    assert all("alt1 is one of them" in words and "Clustering and High-Availability" in words for words in said)


def test_a_plan_says_when_it_runs_more_servers_than_the_licence_covers() -> None:
    plain = declared()
    one = replace(plain, cluster=replace(plain.cluster, licensed_servers=1))
    assert _item(_plan(lost(COPY), "alternate-activate", inventory=plain), "licence") == ("not checked", False)
    # Both sites are silent: whether their web nodes run is not known, and they count.
    assert _item(_plan(lost(COPY), "alternate-activate", inventory=one), "licence") == ("failing", False)


def test_it_stands_below_the_drawing() -> None:
    text = "\n".join(line_text(line) for line in draw_status(_look(beside(fine(), COPY)), (), 100, UNICODE))
    assert "alternates  [● alt1]" in text
    assert "alt1       alternate  site c  alternate  ok       ready" in text


# --- prepare ----------------------------------------------------------------------------------------------------------


def test_prepare_stops_disables_and_restores_the_newest_bundle() -> None:
    plan = _plan(beside(fine()), "alternate-prepare", offered=(OFFER, NEWER_OFFER))
    assert [step.verb for step in plan.steps] == ["stop", "disable", "restore-copy"]
    assert plan.blockers == ()
    assert plan.loss.tier is LossTier.NONE
    assert bundle_of(plan) == NEWER
    assert bundle_of(_plan(beside(fine()), "alternate-prepare", bundle=BUNDLE, offered=(OFFER, NEWER_OFFER))) == BUNDLE
    restore = plan.step("restore-copy")
    assert restore.arguments["system"] == "7999999999999999999"
    assert "options='\"'\"'-c role=pps'\"'\"'" in " ".join(restore.commands)
    assert _item(plan, "same-version") == _item(plan, "same-keys") == ("ok", False)
    licence = next(each for each in plan.preflight if each.name == "licence")
    assert "Clustering and High-Availability" in licence.words
    assert {"own-connection", "own-certificate", "own-settings"} <= {each.name for each in plan.preflight}


@pytest.mark.parametrize(
    ("changes", "item", "state"),
    [
        ({"product_version": "9.3.3"}, "same-version", ("failing", True)),
        ({"product_version": None}, "same-version", ("failing", True)),
        ({"keys": None}, "same-keys", ("not checked", False)),
        ({"sql": "refused"}, "own-database", ("failing", True)),
        ({"system_identifier": "7000000000000000001"}, "own-database", ("failing", True)),
    ],
)
def test_what_keeps_from_preparing(changes: dict, item: str, state: tuple[str, bool]) -> None:
    found = beside(fine())
    change(found, "alt1", **changes)
    assert _item(_plan(found, "alternate-prepare"), item) == state


def test_a_bundle_of_another_version_is_refused() -> None:
    plan = _plan(beside(fine()), "alternate-prepare", offered=(replace(OFFER, pps_version="8.0.8.0"),))
    assert _item(plan, "same-version") == ("failing", True)


@pytest.mark.parametrize(
    ("offered", "rule", "said"),
    [
        ((), "no-bundle", "there is no bundle of this cluster in its archive vault (alt1)"),
        ((replace(OFFER, trouble="it has no manifest.json"),), "no-bundle", "it has no manifest.json"),
        ((replace(OFFER, cluster="other"),), "no-bundle", "of cluster other"),
        ((Offered("", "", 0.0, trouble="no such folder"),), "archive-unseen", "cannot be looked into: no such folder"),
        (None, "archive-unseen", "nobody has looked into its archive"),
    ],
)
def test_without_a_bundle_nothing_is_prepared(offered: tuple[Offered, ...] | None, rule: str, said: str) -> None:
    with pytest.raises(Barred, match="archive") as caught:
        _plan(beside(fine()), "alternate-prepare", offered=offered)
    assert (caught.value.rule, said in caught.value.what) == (rule, True)


@pytest.mark.parametrize(
    ("hosts", "keys", "is_blocking", "said"),
    [
        (("alt1",), ("/etc/pps.key",), True, "the keys of alt1 (alt1)"),
        (("alt1",), (), False, "the keys of alt1 (alt1)"),
        (("web1", "web2"), ("/etc/pps.key",), False, "the keys of pps1 (web1), pps2 (web2)"),
    ],
)
def test_keys_that_windows_seals_are_told_by_name_before_anything_is_done(
    hosts: tuple[str, ...], keys: tuple[str, ...], is_blocking: bool, said: str
) -> None:
    plain = declared(key_files=keys)
    sealed = replace(plain, hosts={**plain.hosts, **{each: replace(plain.hosts[each], platform="windows") for each in hosts}})
    for found, runbook in ((beside(fine()), "alternate-prepare"), (lost(), "alternate-activate")):
        (item,) = [each for each in _plan(found, runbook, inventory=sealed).preflight if each.name == "same-keys"]
        assert (item.state, item.is_blocked) == ("failing", is_blocking)
        assert item.words.startswith(said)
        assert "DPAPI" in item.words
    assert _item(_plan(lost(COPY), "alternate-activate", inventory=sealed), "same-keys") == ("failing", False), (
        "it is there already"
    )


def test_one_that_serves_is_not_touched() -> None:
    found = beside(fine(), COPY)
    change(found, "alt1", service="running")
    with pytest.raises(Barred, match="it may be serving users"):
        _plan(found, "alternate-prepare")


# --- activate ---------------------------------------------------------------------------------------------------------


def test_activate_takes_the_prepared_copy_at_once() -> None:
    plan = _plan(lost(COPY), "alternate-activate", dead_since=NOW - 60)
    verbs = [step.verb for step in plan.steps]
    assert verbs == ["fence", "fence", "stop", "disable", "take-copy", "enable", "start", "verify-alternate", "tell-users"]
    assert [step.node for step in plan.steps[:2]] == ["db1", "db2"]
    assert {step.arguments["rung"] for step in plan.steps[:2]} == {"attested"}
    start = plan.step("start-alt1")
    assert (start.is_point_of_no_return, start.needs) == (True, ("fence",))
    assert [step.gate.kind for step in plan.steps if step.gate is not None] == ["attest", "attest", "accept-loss"]
    assert plan.loss.window_s == 3540.0
    assert "until 1h" not in plan.loss.said()
    assert not plan.loss.is_accepted_by(60.0)
    assert plan.blockers == ()


def test_a_newer_bundle_is_restored_first_and_an_older_one_where_it_is_wanted() -> None:
    newer = _plan(lost(COPY), "alternate-activate", offered=(OFFER, NEWER_OFFER))
    assert bundle_of(newer) == NEWER
    assert newer.loss.window_s == 600.0
    assert [step.verb for step in newer.steps].count("restore-copy") == 1
    older = _plan(lost(COPY), "alternate-activate", bundle=BUNDLE, offered=(OFFER, NEWER_OFFER))
    assert bundle_of(older) == BUNDLE
    assert [step.verb for step in older.steps].count("restore-copy") == 0


def test_where_the_hosts_answer_the_databases_are_kept_down() -> None:
    found = beside(killed(), COPY)
    for name in ("db1", "db2"):
        change(found, name, sql="refused", in_recovery=None, service="failed", service_pid=None)
    plan = _plan(found, "alternate-activate")
    fences = [step for step in plan.steps if step.verb == "fence"]
    assert {step.arguments["rung"] for step in fences} == {"kept-down"}
    assert [step.verb for step in plan.steps][:5] == ["drain", "stop", "disable", "stop", "disable"]
    assert plan.steps[0].gate is not None
    assert plan.steps[0].gate.kind == "name"


def test_beside_a_primary_nothing_is_activated() -> None:
    with pytest.raises(Barred, match="db1 takes writes") as caught:
        _plan(beside(fine(), COPY), "alternate-activate")
    assert caught.value.rule == "primary-alive"


def test_a_standby_that_answers_is_the_better_way() -> None:
    assert _item(_plan(beside(killed(), COPY), "alternate-activate"), "no-better-way") == ("failing", False)


def test_an_unknown_version_keeps_nobody_out_and_another_one_does() -> None:
    found = lost(COPY)
    change(found, "alt1", product_version=None)
    assert _item(_plan(found, "alternate-activate"), "same-version") == ("not checked", False)
    change(found, "alt1", product_version="9.3.3")
    assert _item(_plan(found, "alternate-activate"), "same-version") == ("failing", True)


def test_its_host_has_to_be_reached() -> None:
    found = lost(COPY)
    change_host(found, "alt1", ssh="timed-out")
    with pytest.raises(Barred, match=r"the host of alt1 cannot be logged in to \(timed-out\)"):
        _plan(found, "alternate-activate")


def test_other_runbooks_take_no_bundle() -> None:
    inventory = declared()
    with pytest.raises(UsageError, match="switchover takes no --bundle"):
        plan_of(inventory, _look(beside(fine())), Request("switchover", to="db2", bundle="x"), lambda *_: ())


# --- what users are told ------------------------------------------------------------------------------------------------


def _told(plan: Plan) -> list[str]:
    return plan.step("tell-users").arguments["text"].splitlines()


def test_users_are_told_old_and_new_for_each_client() -> None:
    lines = _told(_plan(lost(COPY), "alternate-activate"))
    old, new = "https://127.9.1.10:8443/", "https://127.9.3.11:8443"
    assert lines[0] == f"The password server is reached at {new} until further notice, not at {old}."
    for client in ("web client", "KeePass for Pleasant", "mobile (iOS, Android)", "browser plug-in"):
        assert any(line.startswith(client) and f"{old} becomes {new}" in line for line in lines), client
    assert any("enter it again" in line for line in lines)
    assert any(step["arguments"].get("text") for step in _plan(lost(COPY), "alternate-activate").as_json()["steps"])


def test_where_the_name_moves_there_is_nothing_to_change() -> None:
    plan = _plan(lost(COPY), "alternate-activate", inventory=declared(moves_alias="127.9.1.10"))
    lines = _told(plan)
    assert lines[0] == "Nothing to change: the address stays https://127.9.1.10:8443/."
    assert "becomes" not in " ".join(lines)
    assert "Once 127.9.1.10 leads to 127.9.3.11 (alt1)" in lines[1]


@pytest.mark.parametrize(
    ("address", "alias", "state", "said"),
    [
        ("https://127.9.1.10:8443/", None, "ok", "https://127.9.1.10:8443/ and https://127.9.3.11:8443"),
        ("https://127.9.1.10:8443/", "127.9.1.10", "not checked", "once somebody moves 127.9.1.10 to 127.9.3.11"),
        (None, None, "failing", "users are told '(the address that they used until now)'"),
    ],
)
def test_what_is_left_to_fill_in_for_users_is_said_before(address: str | None, alias: str | None, state: str, said: str) -> None:
    plain = declared(moves_alias=alias)
    inventory = replace(plain, cluster=replace(plain.cluster, address=address))
    for found, runbook in ((beside(fine()), "alternate-prepare"), (lost(COPY), "alternate-activate")):
        (item,) = [each for each in _plan(found, runbook, inventory=inventory).preflight if each.name == "users-text"]
        assert (item.state, item.is_blocking) == (state, False)
        assert said in item.words


def test_a_copy_is_a_value() -> None:
    assert Copy("d", "b", "lab", 10.0).age_s(25.0) == 15.0
    assert Copy("d", "b", "lab", 10.0).age_s(5.0) == 0.0


# --- the way home -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_", [Request("failover", to="db2"), Request("restart", node="db1"), Request("restart", node="pps1")]
)
def test_beside_a_copy_that_serves_the_cluster_is_not_brought_back(request_: Request) -> None:
    found = beside(killed(), COPY)
    change(found, "pps1", service="failed", service_pid=None, tcp="refused", http=None)
    change(found, "alt1", service="running", service_enabled="enabled", tcp="ok", http=200)
    with pytest.raises(Barred, match="alt1 serves users from its copy") as caught:
        plan_of(declared(), _look(found), request_, lambda *_: ())
    assert caught.value.rule == "copy-serves"


def test_the_advice_names_it_where_there_is_no_primary() -> None:
    found = advise(_look(lost(COPY)), declared())
    ways = [way for each in found for way in each.ways if way.runbook == "alternate-activate"]
    assert [(way.command, way.is_blocked, way.loss) for way in ways] == [
        ("ppsconsole run alternate-activate alt1", False, "at most 1h00m (bounded)")
    ]


def test_the_advice_says_what_to_do_about_one_that_is_not_ready() -> None:
    (found,) = [each for each in advise(_look(beside(fine())), declared()) if each.headline.startswith("alt1")]
    assert (found.verdict, found.remedy.partition(";")[0]) == (Verdict.WARN, "ppsconsole run alternate-prepare alt1")
    running = beside(fine(), COPY)
    change(running, "alt1", service="running", tcp="ok", http=200)
    (found,) = [each for each in advise(_look(running), declared()) if each.headline.startswith("alt1")]
    assert (found.verdict, "Decide which data stands" in found.remedy) == (Verdict.DOWN, True)


def test_the_console_goes_to_it_where_nothing_is_worse() -> None:
    assert most_urgent(_look(beside(fine()))) == "alt1"
    assert most_urgent(_look(beside(fine(), COPY))) == "db1"


def test_what_the_archive_is_seen_to_have_is_enough_to_weigh_it_by() -> None:
    found = beside(fine())
    for name, value in (("backup", "ok"), ("backup_file", BUNDLE), ("backup_age_s", 900.0)):
        found[backup_subject("vault"), name] = value
    assert bundle_of(_plan(found, "alternate-prepare", offered=None)) == BUNDLE
    found[backup_subject("vault"), "backup_file"] = "pps-nightly.dump"
    with pytest.raises(Barred, match="nobody has looked into its archive"):
        _plan(found, "alternate-prepare", offered=None)


def test_the_loss_is_asked_for_in_words_of_its_own() -> None:
    plan = _plan(lost(COPY), "alternate-activate")
    step = plan.step("take-copy")
    assert step.gate is not None
    gate, _ = asked_now(step.gate, step, plan, Reading(NOW, plan.loss), None)
    assert gate.question == step.gate.question
    assert gate.question.startswith(f"alt1 serves {BUNDLE}")
