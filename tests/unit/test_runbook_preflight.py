"""Every preflight item in its three states: as it should be, failing, and not looked at, which is never ok."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.cluster.database import Receiver, Replica, Sessions, Slot
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.cluster.snapshot import Member
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.model import Inventory, Service, Switch
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.items_stream import seconds
from ppsconsole.runbooks.preflight import _FAILOVER, _SWITCHOVER
from tests.unit.observations import change, change_host
from tests.unit.runbook_cases import Found, declared, fine, killed, lagging, plan, setting, state, without

Change = Callable[[Found], Any]
SOMEONE = (Sessions("10.0.0.9", "psql", "admin", "pleasant", 1),)
PATRONI = (Sessions("127.0.0.1", "Patroni heartbeat", "postgres", "postgres", 1),)


def on(node: str, **values: Any) -> Change:
    return lambda found: change(found, node, **values)


def host(name: str, **values: Any) -> Change:
    return lambda found: change_host(found, name, **values)


def set_to(node: str, **values: str) -> Change:
    return lambda found: setting(found, node, **values)


def hide(node: str, *names: str) -> Change:
    return lambda found: without(found, node, *names)


BACKUP_MEMBER = (Member("127.9.1.11:10001", "up", "pps1"), Member("127.9.2.11:10001", "backup", "pps2"))
FOLLOWING_OTHER = Receiver("streaming", 1, "0/3000060", "0/3000060", 0.5, "db2", "127.9.2.99", 5432)

REPLICA = Replica("db2", "127.9.2.21", "streaming", "async", "0/3000060", "0/3000060", "0/3000060", 0, 0, None, None)
OTHER = {"application_name": "reports", "client_addr": "10.0.0.7"}
ELSEWHERE = replace(REPLICA, **OTHER)
FOLLOWING = Receiver("streaming", 1, "0/3000060", "0/3000060", 0.5, "db2", "127.9.1.21", 6001)
LOGICAL = Slot("feed", "logical", True, "reserved", 0)
BOTH_UP = (Member("127.9.1.11:10001", "up", "pps1"), Member("127.9.2.11:10001", "up", "pps2"))


REWIND = ("wal_log_hints", "data_checksums")
SYSTEM = ("system_identifier", "control_system_identifier")


def both(*changes: Change) -> Change:
    def change_all(found: Found) -> None:
        for each in changes:
            each(found)

    return change_all


def slot(wal_status: str) -> Slot:
    return Slot("db2", "physical", True, wal_status, 0)


SEEN: list[Any] = [
    # item, the fault by value in the snapshot, whether it blocks a switchover, what hides it, what fails of necessity beside it
    # what stands on its disk is another one's, then
    ("same-cluster", on("db2", system_identifier="8"), True, on("db2", **dict.fromkeys(SYSTEM)), {"data-directories"}),
    ("identities", host("db2", hostname="other"), True, host("db2", host_key=None)),
    ("data-directories", on("db2", data_directory="/data/copy"), True, on("db1", control_system_identifier=None)),
    ("data-directories", on("db1", control_system_identifier="9"), True, None),
    ("same-server", on("db2", checkpointer_pid=101), True, on("db2", checkpointer_pid=None)),
    ("same-server", on("db1", server_process="none"), True, on("db1", server_process=None)),
    ("same-server", on("db1", server_started_at=1000.0, started_at=5000.0), True, None),
    # a session of a stranger's is one in any case
    ("other-manager", on("db1", sessions=PATRONI), True, on("db2", settings=None), {"foreign-sessions"}),
    ("other-manager", set_to("db2", cluster_name="repmgr-prod"), True, host("db1", managers=None)),
    ("other-manager", host("db1", managers=("patroni",)), True, None),
    ("other-manager", host("db2", managers=("keepalived",)), False, None),
    ("streaming", on("db2", receiver=Receiver("none")), True, on("db2", receiver=None)),
    ("streaming", on("db1", replicas=()), True, None),
    ("streaming", on("db1", replicas=(ELSEWHERE,)), True, None),
    ("streaming", on("db2", receiver=replace(FOLLOWING, message_age_s=60.0)), True, None),
    ("timelines", on("db2", timeline=2), True, on("db2", timeline=None)),
    ("replay", on("db2", is_replay_paused=True), True, on("db2", is_replay_paused=None)),
    ("apply-delay", set_to("db2", recovery_min_apply_delay="5min"), True, hide("db2", "recovery_min_apply_delay")),
    ("synchronous-standbys", set_to("db2", synchronous_standby_names="db1"), True, hide("db2", "synchronous_standby_names")),
    ("writable", set_to("db2", default_transaction_read_only="on"), True, hide("db2", "default_transaction_read_only")),
    ("parameters", set_to("db2", max_connections="20"), True, hide("db2", "max_connections")),
    ("parameters", set_to("db2", max_connections="90"), False, None),
    ("hot-standby", set_to("db1", hot_standby="off"), True, hide("db1", "hot_standby")),
    ("wal-level", set_to("db2", wal_level="minimal"), True, hide("db2", "wal_level")),
    ("wal-level", set_to("db1", wal_level="logical"), False, None),
    ("server-versions", on("db2", version=170006), True, on("db2", version=None)),
    ("server-versions", on("db2", version=180004), False, None),
    ("tried-version", None, True, on("db2", version=None)),
    ("libraries", on("db2", missing_extensions=("citext",)), True, on("db2", missing_extensions=None)),
    ("libraries", set_to("db1", shared_preload_libraries="pg_cron"), False, hide("db2", "shared_preload_libraries")),
    ("collations", on("db2", is_collation_changed=True), False, on("db2", is_collation_changed=None)),
    ("rewind", set_to("db1", full_page_writes="off"), False, None),
    ("rewind", set_to("db1", **dict.fromkeys(REWIND, "off")), False, both(hide("db1", *REWIND), hide("db2", *REWIND))),
    ("room-for-standbys", set_to("db2", max_replication_slots="0"), False, hide("db2", "max_wal_senders")),
    ("slots", on("db2", slots=(Slot("old", "physical", False, "reserved", 10),)), False, on("db2", slots=None)),
    ("standby-slot", on("db1", slots=(slot("lost"),)), True, on("db1", slots=None)),
    ("standby-slot", on("db1", slots=(slot("unreserved"),)), False, None),
    ("standby-slot", on("db1", slots=()), True, None),
    ("logical-slots", on("db1", slots=(slot("reserved"), LOGICAL)), False, on("db1", slots=None)),
    ("walsenders", on("db1", replicas=(REPLICA, replace(REPLICA, **OTHER, reply_age_s=90.0))), True, on("db1", replicas=None)),
    ("walsenders", on("db1", replicas=(REPLICA, replace(REPLICA, **OTHER, state="catchup", unflushed_bytes=5))), False, None),
    ("walsenders", on("db1", replicas=(REPLICA, replace(REPLICA, **OTHER, state="catchup", unflushed_bytes=2**40))), True, None),
    ("walsenders", on("db1", replicas=(REPLICA, replace(REPLICA, **OTHER, state="backup"))), False, None),
    ("walsenders", set_to("db1", wal_sender_timeout="0"), False, None),
    ("archiving-after", set_to("db1", archive_mode="on"), False, hide("db2", "archive_mode")),
    ("archiver", on("db1", archiver_failed=3), True, on("db1", archiver_failed=None)),
    ("archiver", on("db1", archive_backlog=20), False, set_to("db1", archive_mode="on")),
    ("archiver", on("db1", archive_backlog=200), True, None),
    ("prepared-transactions", on("db1", prepared_transactions=1), False, on("db1", prepared_transactions=None)),
    ("long-transactions", on("db1", longest_transaction_s=900.0), False, on("db1", longest_transaction_s=None)),
    ("foreign-sessions", on("db1", sessions=SOMEONE), False, on("db1", sessions=None)),
    ("promotion-delay", set_to("db2", wal_retrieve_retry_interval="5s"), False, hide("db2", "wal_retrieve_retry_interval")),
    ("web-versions", on("pps2", product_version="9.3.3"), True, on("pps2", product_version=None)),
    ("keys-on-target", on("pps2", keys=(KeyFile("/etc/pps.key", "missing"),)), True, on("pps2", keys=None)),
    ("keys-on-target", on("pps2", keys=(KeyFile("/etc/pps.key", "ok", "beef"),)), True, None),
    ("logins", host("web2", ssh="timed-out"), True, host("web2", ssh=None)),
    ("services", None, True, on("pps1", service=None)),
    ("services", on("db1", service_denied=("systemctl stop postgresql",)), True, None),
    ("hypervisor", None, False, host("db1", managers=("vmtoolsd",))),
    ("starts-at-boot", on("db2", service_enabled="disabled"), False, on("db2", service_enabled=None)),
    ("clocks", host("db2", clock_skew_s=40.0), False, host("db2", clock_skew_s=None)),
    ("disk", host("db2", disk_percent=90.0), False, host("db2", disk_percent=None)),
    ("disk", host("db2", disk_percent=99.0), True, None),
    ("automatic-return", on("lb1", members=BACKUP_MEMBER), False, on("lb1", members=None)),
    ("automatic-return", both(on("lb1", members=BOTH_UP), on("pps2", service="stopped")), False, None),
    ("balancer-config", on("lb1", configuration="refused"), True, on("lb1", configuration=None)),
    ("balancer-config", on("lb1", configuration="denied"), True, None),
    ("front-certificate", on("lb1", certificate_days=2.0), False, on("lb1", certificate_days=None)),
]


@pytest.mark.parametrize("name", sorted({row[0] for row in SEEN}))
def test_items_are_ok_in_a_healthy_cluster(name: str) -> None:
    assert state(plan(fine(), "switchover", to="db2"), name) == ("ok", False)


@pytest.mark.parametrize(
    ("name", "break_it", "is_blocked", "beside"), [(*row[:3], set().union(*row[4:])) for row in SEEN if row[1] is not None]
)
def test_each_fault_by_value_fails_its_own_item_and_no_other(
    name: str, break_it: Change, is_blocked: bool, beside: set[str]
) -> None:
    found = fine()
    break_it(found)
    made = plan(found, "switchover", to="db2")
    assert state(made, name) == ("failing", is_blocked)
    failing = {each.name for each in made.preflight if each.state == "failing"}
    assert failing == {name} | beside
    for item in made.preflight:
        assert item.words
        assert item.remedy or item.state == "ok"


@pytest.mark.parametrize(("name", "hide_it"), [(row[0], row[3]) for row in SEEN if row[3] is not None])
def test_what_cannot_be_seen_is_not_ok(name: str, hide_it: Change) -> None:
    found = fine()
    hide_it(found)
    assert state(plan(found, "switchover", to="db2"), name) == ("not checked", False)


@pytest.mark.parametrize(
    ("by", "expected"), [(0, ("ok", False)), (20 * 2**20, ("failing", False)), (2 * 2**30, ("failing", True))]
)
def test_lag_blocks_only_from_the_upper_limit_on(by: int, expected: tuple[str, bool]) -> None:
    assert state(plan(lagging(by), "switchover", to="db2"), "lag") == expected


def test_lag_that_nobody_knows_is_not_checked() -> None:
    found = fine()
    change(found, "db1", replicas=None, lsn=None)
    change(found, "db2", receiver=None, lsn=None)
    assert state(plan(found, "switchover", to="db2"), "lag") == ("not checked", False)


def test_a_standby_of_somebody_else_is_refused() -> None:
    from tests.unit.runbook_cases import three, with_third

    found = with_third(fine())
    change(found, "db2", receiver=replace(FOLLOWING_OTHER, sender_host="db3"))
    made = plan(found, "switchover", to="db2", inventory=three())
    assert state(made, "streaming") == ("failing", True)


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        (None, ("not checked", False)),
        ({}, ("ok", False)),
        ({"env:A": ""}, ("ok", False)),
        ({"env:A": "", "file:/pw": "no such file"}, ("failing", True)),
    ],
)
def test_secrets_have_to_resolve(secrets: dict[str, str] | None, expected: tuple[str, bool]) -> None:
    assert state(plan(fine(), "switchover", background=Background(secrets=secrets), to="db2"), "secrets") == expected


@pytest.mark.parametrize(
    ("command", "is_served", "expected"),
    [
        ("command:pass show db", True, ("not checked", False)),  # it may ask PPS, which answers now
        ("command:pass show db", False, ("ok", False)),  # it resolves while nobody is served
        ("command:curl https://127.9.1.10:8443/x", False, ("failing", True)),
    ],
)
def test_a_program_that_gives_a_secret_is_proved_only_while_users_are_out(
    command: str, is_served: bool, expected: tuple[str, bool]
) -> None:
    found = fine()
    if not is_served:
        for name in ("pps1", "pps2", "lb1"):
            change(found, name, http=503)
    assert state(plan(found, "switchover", background=Background(secrets={command: ""}), to="db2"), "secrets") == expected


@pytest.mark.parametrize(
    ("trouble", "expected"), [(None, ("not checked", False)), (("", ""), ("ok", False)), (("no room", ""), ("failing", True))]
)
@pytest.mark.parametrize("runbook", ["switchover", "failover"])
def test_without_a_journal_nothing_is_moved(runbook: str, trouble: tuple[str, str] | None, expected: tuple[str, bool]) -> None:
    found = fine() if runbook == "switchover" else killed()
    made = plan(found, runbook, background=Background(journal=trouble), to="db2")
    assert state(made, "journal") == expected
    assert next(each for each in made.preflight if each.name == "journal").remedy or expected[0] == "ok"


def test_a_web_node_without_declared_keys_is_not_checked() -> None:
    plain = declared()
    web = {name: replace(each, key_files=()) for name, each in plain.web_nodes.items()}
    made = plan(fine(), "switchover", to="db2", inventory=replace(plain, web_nodes=web))
    assert state(made, "keys-on-target") == ("not checked", False)


def test_what_pauses_for_want_of_a_setting_is_not_to_be_resumed() -> None:
    found = fine()
    setting(found, "db1", max_connections="90")
    change(found, "db2", is_replay_paused=True)
    made = plan(found, "switchover", to="db2")
    assert state(made, "parameters") == state(made, "replay") == ("failing", True)
    remedy = next(each for each in made.preflight if each.name == "replay").remedy
    assert "pg_wal_replay_resume" not in remedy


@pytest.mark.parametrize(
    ("program", "own"),
    [
        ("patroni", "patronictl switchover --leader db1 --candidate db2"),
        ("repmgrd", "repmgr standby switchover"),
        ("pg_autoctl", "pg_autoctl perform switchover"),
        ("stolon-keeper", "stolonctl failkeeper"),
        ("pacemakerd", "pcs resource move --promoted"),
        ("pgpool", "pcp_promote_node --switchover"),
    ],
)
def test_another_manager_is_named_with_its_own_command(program: str, own: str) -> None:
    found = fine()
    change_host(found, "db1", managers=(program,))
    item = next(each for each in plan(found, "switchover", to="db2").preflight if each.name == "other-manager")
    assert own in item.remedy
    assert "is in charge" in item.words


def test_a_failover_names_the_other_command() -> None:
    found = killed()
    change_host(found, "db2", managers=("repmgrd",))
    item = next(each for each in plan(found, "failover", to="db2").preflight if each.name == "other-manager")
    assert (item.state, item.is_blocked) == ("failing", True)
    assert "repmgr standby promote" in item.remedy


def test_a_dead_primary_is_not_asked_for_rights_that_it_cannot_give() -> None:
    item = next(each for each in plan(killed(), "failover", to="db2").preflight if each.name == "libraries")
    assert (item.state, item.is_blocked) == ("not checked", False)
    assert "db1 does not answer" in item.words
    assert "grep -h '^shared_preload_libraries'" in item.remedy


def test_what_a_host_says_never_becomes_a_command_in_a_remedy() -> None:
    found = fine()
    evil = replace(REPLICA, application_name="x'); DROP TABLE t; -- $(reboot)", client_addr="10.0.0.7", reply_age_s=90.0)
    change(found, "db1", replicas=(REPLICA, evil))
    change(found, "db2", missing_extensions=('a" -c "DROP',))
    made = plan(found, "switchover", to="db2")
    for name in ("walsenders", "libraries"):
        item = next(each for each in made.preflight if each.name == name)
        assert item.state == "failing"
        assert "DROP" not in item.remedy
        assert "'NAME'" in item.remedy


def switched(method: str, **changes: Any) -> Inventory:
    plain = declared()
    web = {name: replace(each, switch=Switch(method, "/bin/switch")) for name, each in plain.web_nodes.items()}  # type: ignore[arg-type]
    return replace(plain, web_nodes=web, **changes)


@pytest.mark.parametrize(
    ("method", "points_at", "expected"),
    [
        ("command", "db1", ("ok", False)),
        ("manual", "db1", ("ok", False)),
        ("indirect", "db1", ("not checked", False)),
        ("profile", "db1", ("failing", True)),
        ("standby-web", "db2", ("ok", False)),
        ("standby-web", "db1", ("failing", True)),
        ("standby-web", None, ("not checked", False)),
    ],
)
def test_the_way_to_switch_a_web_node(method: str, points_at: str | None, expected: tuple[str, bool]) -> None:
    found = fine()
    change(found, "pps2", points_at=points_at)
    assert state(plan(found, "switchover", to="db2", inventory=switched(method)), "web-switch") == expected


def test_a_switch_by_hand_asks_for_a_statement() -> None:
    made = plan(fine(), "switchover", to="db2", inventory=switched("manual"))
    gate = made.step("switch-database-pps2").gate
    assert gate is not None
    assert gate.kind == "attest"


def test_no_web_node_to_serve_blocks() -> None:
    found = killed()
    for name in ("web1", "web2"):
        change_host(found, name, ssh="unreachable")
    assert state(plan(found, "failover", to="db2"), "web-nodes") == ("failing", True)
    assert state(plan(fine(), "switchover", to="db2"), "web-nodes") == ("ok", False)


def test_balancers_have_to_know_who_will_serve() -> None:
    plain = declared()
    lb1 = plain.balancers["lb1"]
    assert state(plan(fine(), "switchover", to="db2"), "members") == ("ok", False)
    for broken in (replace(lb1, include=None), replace(lb1, members={"127.9.1.11:10001": "pps1"})):
        made = plan(fine(), "switchover", to="db2", inventory=replace(plain, balancers={"lb1": broken}))
        assert state(made, "members") == ("failing", True)


def test_a_login_check_needs_an_account() -> None:
    plain = declared()
    web = {name: replace(each, account="check", account_password=SecretRef("env", "P")) for name, each in plain.web_nodes.items()}
    assert state(plan(fine(), "switchover", to="db2"), "login-check") == ("not checked", False)
    assert state(plan(fine(), "switchover", to="db2", inventory=replace(plain, web_nodes=web)), "login-check") == ("ok", False)


@pytest.mark.parametrize("name", ["backup", "encryption-key", "licence"])
def test_what_nothing_looks_at_yet_says_so(name: str) -> None:
    for made in (plan(fine(), "switchover", to="db2"), plan(killed(), "failover", to="db2")):
        assert state(made, name) == ("not checked", False)


@pytest.mark.parametrize(
    ("known", "backup", "key"),
    [
        ({"backup": "ok", "backup_age_s": 7200.0, "backup_bytes": 5, "backup_key": "ok"}, "ok", "ok"),
        ({"backup": "ok", "backup_age_s": 200_000.0, "backup_bytes": 5, "backup_key": "no-secret"}, "failing", "failing"),
        ({"backup": "ok", "backup_age_s": 60.0, "backup_bytes": 0}, "failing", "not checked"),
        ({"backup": "missing"}, "failing", "not checked"),
        ({}, "not checked", "not checked"),
    ],
)
def test_backups_and_their_keys_are_looked_at(known: dict[str, object], backup: str, key: str) -> None:
    place = {"vault": Backup("vault", "/srv/vault", "db1", SecretRef("env", "KEY"))}
    found = fine() | {("backup:vault", name): value for name, value in known.items()}
    made = plan(found, "switchover", to="db2", inventory=replace(declared(), backups=place))
    assert (state(made, "backup"), state(made, "encryption-key")) == ((backup, False), (key, False))
    assert made.tolerances["age of the last backup"] == ("2h" if backup == "ok" else made.tolerances["age of the last backup"])


@pytest.mark.parametrize(("licensed", "expected"), [(2, "ok"), (1, "failing")])
def test_the_licence_is_held_against_what_runs(licensed: int, expected: str) -> None:
    plain = declared()
    counted = replace(plain, cluster=replace(plain.cluster, licensed_servers=licensed))
    assert state(plan(fine(), "switchover", to="db2", inventory=counted), "licence") == (expected, False)


def test_every_item_of_both_lists_is_told_once() -> None:
    for made, checks in ((plan(fine(), "switchover", to="db2"), _SWITCHOVER), (plan(killed(), "failover"), _FAILOVER)):
        names = [item.name for item in made.preflight]
        assert len(names) == len(set(names)) == len(checks)
        assert all(item.state in ("ok", "failing", "not checked") for item in made.preflight)


@pytest.mark.parametrize(
    "break_it",
    [
        on("db2", is_replay_paused=True),
        set_to("db2", recovery_min_apply_delay="5min"),
        set_to("db2", synchronous_standby_names="db1"),
        host("db2", disk_percent=99.0),
        host("lb1", ssh="timed-out"),
        on("db2", timeline=3),
        on("pps1", service=None),
    ],
)
def test_what_can_be_mended_later_does_not_keep_a_cluster_down(break_it: Change) -> None:
    found = killed()
    break_it(found)
    assert plan(found, "failover", to="db2").blockers == ()


@pytest.mark.parametrize(
    ("break_it", "name"),
    [
        (host("db2", ssh="timed-out"), "login-new-primary"),
        (on("db2", system_identifier="8"), "same-cluster"),
        (on("db2", data_directory="/data/copy"), "data-directories"),
        (on("db2", checkpointer_pid=101), "same-server"),
        (set_to("db2", cluster_name="patroni"), "other-manager"),
    ],
)
def test_what_would_break_the_cluster_blocks_a_failover_too(break_it: Change, name: str) -> None:
    found = killed()
    break_it(found)
    assert state(plan(found, "failover", to="db2"), name) == ("failing", True)


def test_stale_facts_block_a_switchover() -> None:
    from ppsconsole.runbooks.catalog import plan_of
    from ppsconsole.runbooks.request import Request
    from tests.unit.runbook_cases import commands, seen

    snapshot = replace(seen(fine()), is_complete=False)
    made = plan_of(declared(), snapshot, Request("switchover", to="db2"), commands)
    assert state(made, "fresh-facts") == ("failing", True)
    assert state(plan(fine(), "switchover"), "fresh-facts") == ("ok", False)


@pytest.mark.parametrize(
    ("name", "break_it", "expected"),
    [
        ("disk", None, ("ok", False)),
        ("disk", host("db1", disk_percent=90.0), ("failing", False)),
        ("disk", host("db1", disk_percent=100.0), ("failing", True)),
        ("disk", host("db1", disk_percent=None), ("not checked", False)),
        ("same-cluster", None, ("ok", False)),
        ("same-cluster", on("db1", control_system_identifier="8"), ("failing", True)),
        ("same-cluster", on("db1", control_system_identifier=None), ("not checked", False)),
        ("starts-at-boot", on("db1", service_enabled=None), ("not checked", False)),
        ("one-writer", None, ("ok", False)),
        ("other-manager", None, ("ok", False)),
        ("other-manager", host("db1", managers=("patroni",)), ("failing", True)),
        ("other-manager", host("db1", managers=None), ("not checked", False)),
    ],
)
def test_items_of_a_restart(name: str, break_it: Change | None, expected: tuple[str, bool]) -> None:
    found = killed()
    if break_it is not None:
        break_it(found)
    assert state(plan(found, "restart", "db1"), name) == expected


@pytest.mark.parametrize(
    ("points_at", "expected"), [("db1", ("ok", False)), (None, ("not checked", False)), ("db2", ("failing", False))]
)
def test_the_database_of_a_web_node_is_looked_at(points_at: str | None, expected: tuple[str, bool]) -> None:
    found = fine()
    change(found, "pps1", service="failed", tcp="refused", http=None, points_at=points_at)
    if points_at == "db2":
        change(found, "db2", sql="refused", in_recovery=None)
    assert state(plan(found, "restart", "pps1"), "database") == expected


@pytest.mark.parametrize(
    ("text", "value"), [("5s", 5.0), ("100ms", 0.1), ("1min", 60.0), ("0", 0.0), ("250", 0.25), ("2h", 7200.0), ("soon", None)]
)
def test_settings_of_time_are_read(text: str, value: float | None) -> None:
    assert seconds(text) == value


def test_a_standby_that_catches_up_is_waited_for() -> None:
    found = fine()
    row = Replica("db2", "127.9.2.21", "catchup", "async", "0/3000060", "0/3000060", "0/3000060", 9, 9, None, None)
    change(found, "db1", replicas=(row,))
    assert state(plan(found, "switchover", to="db2"), "streaming") == ("failing", True)


def test_the_readme_names_every_item_of_a_switchover(root: Path) -> None:
    said = " ".join((root / "README.md").read_text().split())
    assert f": `{' '.join(item.name for item in plan(fine(), 'switchover', to='db2').preflight)}`" in said


STOP_DENIED = ("systemctl stop postgresql", "systemctl unmask postgresql")


def through_sudo() -> Inventory:
    """Return the inventory with a unit of systemd for db1."""
    plain = declared()
    db1 = replace(plain.database.instances["db1"], service=Service("systemd", "postgresql"))
    return replace(plain, database=replace(plain.database, instances={**plain.database.instances, "db1": db1}))


def test_what_sudo_denies_is_told_before_it_is_needed() -> None:
    found = fine()
    assert state(plan(found, "switchover", to="db2", inventory=through_sudo()), "services") == ("not checked", False)
    change(found, "db1", service_denied=())
    assert state(plan(found, "switchover", to="db2", inventory=through_sudo()), "services") == ("ok", False)
    change(found, "db1", service_denied=STOP_DENIED)
    made = plan(found, "switchover", to="db2", inventory=through_sudo())
    assert state(made, "services") == ("failing", True)
    assert "systemctl stop postgresql, systemctl unmask postgresql for db1" in told(made, "services")
    change(found, "db1", service_denied=("systemctl mask postgresql",))
    made = plan(found, "switchover", to="db2", inventory=through_sudo())
    assert state(made, "services") == ("failing", False), "it is masked where that is possible"
    assert "systemctl mask postgresql for db1" in told(made, "services")


def test_a_host_that_may_not_disable_the_server_does_not_keep_it_down() -> None:
    found = killed()
    change(found, "db1", service_denied=STOP_DENIED)
    assert plan(found, "failover", to="db2", inventory=through_sudo()).step("fence").arguments["rung"] == "kept-down"
    assert state(plan(found, "restart", "db1", inventory=through_sudo()), "logins") == ("failing", True)
    change(found, "db1", service_denied=("systemctl disable postgresql",))
    step = plan(found, "failover", to="db2", inventory=through_sudo()).step("fence")
    assert step.arguments["rung"] == "quiesced"
    assert "not kept-down: sudo does not let the login do what a run may have to" in step.arguments["why"]


def test_a_stop_that_would_wait_for_ever_says_so() -> None:
    found = fine()
    setting(found, "db1", wal_sender_timeout="0")
    change(found, "db1", replicas=(REPLICA, replace(REPLICA, **OTHER, reply_age_s=90.0)))
    made = plan(found, "switchover", to="db2")
    assert state(made, "walsenders") == ("failing", True)
    assert "for ever: wal_sender_timeout is 0" in told(made, "walsenders")


def told(made: Plan, item: str) -> str:
    return next(each for each in made.preflight if each.name == item).words
