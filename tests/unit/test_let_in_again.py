"""How long a balancer keeps users away from a web node that is back: read from nginx, told before a restart."""

import pytest

from ppsconsole.cluster.snapshot import Member
from ppsconsole.drivers.base import CommandResult
from ppsconsole.probes.members import members_part
from tests.unit.observations import change
from tests.unit.runbook_cases import declared, fine, plan


def read(*servers: str) -> tuple[Member, ...]:
    balancer = declared().balancers["lb1"]
    part = members_part(balancer, 2.0)
    assert part is not None
    text = "upstream pps {\n" + "".join(f"  server {each};\n" for each in servers) + "}\n"
    found = part.parse(CommandResult(0, text, "", 0.1))["members"]
    assert isinstance(found, tuple)
    return found


OTHER = "127.9.2.11:10001 down"


@pytest.mark.parametrize(
    ("parameters", "failures", "shunned_s"),
    [
        ("", 1, 10.0),  # nginx's own defaults
        (" max_fails=0", 0, 0.0),
        (" max_fails=3 fail_timeout=1m30s", 3, 90.0),
        (" fail_timeout=500ms weight=2", 1, 0.5),
        (" fail_timeout=20", 1, 20.0),
        (" fail_timeout=0", 0, 0.0),
    ],
)
def test_what_nginx_does_with_a_member_that_failed(parameters: str, failures: int, shunned_s: float) -> None:
    first, other = read(f"127.9.1.11:10001{parameters}", OTHER)
    assert (first.web_node, first.failures, first.shunned_s) == ("pps1", failures, shunned_s)
    assert (other.web_node, other.state) == ("pps2", "down")


def test_a_member_that_is_alone_is_always_asked() -> None:
    assert read("127.9.1.11:10001")[0].shunned_s == 0.0


def item(members: tuple[Member, ...] | None, node: str = "pps1") -> tuple[str, str, str, bool]:
    found = fine()
    change(found, node, service="failed", service_pid=None, tcp="refused", http=None)
    change(found, "lb1", members=members)
    told = next(each for each in plan(found, "restart", node=node).preflight if each.name == "let-in-again")
    return told.state, told.words, told.remedy, told.is_blocking


def test_users_are_told_of_before_a_restart() -> None:
    state, words, remedy, is_blocking = item(read("127.9.1.11:10001", OTHER))
    assert (state, is_blocking) == ("failing", False)
    assert words == (
        "lb1 does not ask pps1 for 10s after 1 failure (max_fails=1): users may see HTTP 502 for up to 10s after the restart"
    )
    assert "max_fails=0" in remedy


def test_what_asks_at_once_is_well_and_what_nobody_saw_is_said() -> None:
    assert item(read("127.9.1.11:10001 max_fails=0", OTHER))[0] == "ok"
    assert item(read("127.9.1.11:10001 down", OTHER))[0] == "ok"
    assert item(None)[0] == "not checked"
