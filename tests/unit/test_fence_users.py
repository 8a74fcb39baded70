"""Who is kept out by the fence of one of two primaries: said in advice, plan and gate, and taken off it before it stops."""

from dataclasses import replace

from ppsconsole.advice.choices import choices
from ppsconsole.advice.diagnosis import advise
from ppsconsole.advice.ways import Way
from ppsconsole.cluster.database import Sessions
from ppsconsole.cluster.snapshot import Member
from ppsconsole.draw.plan import draw_plan
from ppsconsole.draw.text import UNICODE
from ppsconsole.inventory.model import Inventory, Switch
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.building import NOTHING_KNOWN
from tests.unit.observations import change, change_host
from tests.unit.runbook_cases import Found, declared, ids, plan, seen, split_brain

OFF = ["drain-lb1", "stop-pps1", "disable-pps1", "stop-pps2", "disable-pps2"]


def fence_way(found: Found, name: str, inventory: Inventory | None = None) -> Way:
    """Return the way of the advice about the split brain that fences `name`."""
    told = next(each for each in advise(seen(found), inventory or declared()) if each.headline.startswith("SPLIT BRAIN"))
    return next(way for way in told.ways if way.command == f"ppsconsole run fence {name}")


def item(made: Plan) -> tuple[str, str]:
    """Return state and words of the item about users."""
    return next((each.state, each.words) for each in made.preflight if each.name == "users")


def by_hand() -> Inventory:
    """Return the inventory whose web nodes are switched at their screens."""
    plain = declared()
    web = {name: replace(each, switch=Switch("manual")) for name, each in plain.web_nodes.items()}
    return replace(plain, web_nodes=web)


def both_serve() -> Found:
    """Return: pps1 serves users from db1, pps2 others from db2, and the balancer sends users to both."""
    found = split_brain()
    change(found, "pps2", points_at="db2")
    change(found, "db1", sessions=(Sessions("127.9.1.11", "pps:pps1", "pps", "pleasant", 3),))
    change(found, "db2", sessions=(Sessions("127.9.2.11", "pps:pps2", "pps", "pleasant", 2),))
    members = (Member("127.9.1.11:10001", "up", "pps1"), Member("127.9.2.11:10001", "up", "pps2"))
    change(found, "lb1", members=members)
    return found


def test_web_nodes_that_use_it_are_stopped_before_it_and_serve_from_the_other_one_after_it() -> None:
    made = plan(split_brain(), "fence", "db1")
    assert ids(made)[: len(OFF) + 2] == [*OFF, "fence", "quarantine"]
    assert all(made.step(each).is_optional for each in OFF), "nothing of it may keep a second writer from being fenced"
    back = ids(made)[len(OFF) + 2 :]
    assert back[:3] == ["switch-database-pps1", "enable-pps1", "start-pps1"]
    assert back[-3:] == ["move-members-lb1", "verify-service-lb1", "switch-database-pps2"]
    assert made.step("switch-database-pps1").arguments["instance"] == "db2"
    assert made.downtime_s == 13.4
    assert made.users.startswith("users of pps1 (through lb1) are kept out for about 13s, until pps1 serves from db2")
    assert "whoever works at pps2 without a balancer is logged out" in made.users
    assert made.steps[0].gate is not None
    assert f"U{made.users[1:]}" in made.steps[0].gate.question
    assert item(made) == ("failing", f"db1 is used by pps1 (through lb1), pps2: {made.users}")
    assert not any(step.is_undoable for step in made.steps)
    assert Plan.from_json(made.as_json()).users == made.users


def test_the_advice_says_who_is_kept_out_and_so_do_the_lists_and_the_plan() -> None:
    found = split_brain()
    way, users = fence_way(found, "db1"), plan(found, "fence", "db1").users
    assert way.said() == f"ppsconsole run fence db1: {users}; loss {way.loss}"
    assert way.as_json()["users"] == users
    (chosen,) = [
        each
        for each in choices(advise(seen(found), declared()), seen(found), declared(), NOTHING_KNOWN)
        if each.title == "fence db1"
    ]
    assert chosen.words.startswith(users)
    rows = ["".join(span.text for span in line) for line in draw_plan(plan(found, "fence", "db1"), True, 80, UNICODE)]
    at = next(number for number, row in enumerate(rows) if row.startswith("downtime"))
    assert users in " ".join(row.strip() for row in rows[at : at + 5]).replace("downtime  ", "")
    assert max(map(len, rows[: at + 5])) <= 80


def test_one_that_nobody_uses_keeps_nobody_out() -> None:
    made = plan(split_brain(), "fence", "db2")
    assert (ids(made), made.users, made.downtime_s) == (["fence", "quarantine"], "", 0.0)
    assert "users are not kept out" in fence_way_after_choice()


def fence_way_after_choice() -> str:
    found = split_brain()
    change(found, "db2", timeline=1)  # neither is known to be older, so both are offered
    return fence_way(found, "db2").said()


def test_where_others_serve_from_the_right_one_users_are_sent_to_them() -> None:
    made = plan(both_serve(), "fence", "db1")
    assert ids(made) == ["move-members-lb1", "stop-pps1", "disable-pps1", "fence", "quarantine", "switch-database-pps1"]
    assert made.steps[0].arguments == {"up": "pps2", "down": "pps1"}
    assert made.users == "users of pps1 (through lb1) are logged out, and get in again at pps2"
    assert made.downtime_s == made.steps[0].estimate_s
    assert made.steps[-1].is_optional


def test_what_is_pointed_by_hand_stays_down_until_somebody_does() -> None:
    found = split_brain()
    made = plan(found, "fence", "db1", inventory=by_hand())
    assert ids(made) == [*OFF, "fence", "quarantine"]
    assert "users of pps1 (through lb1) are kept out until pps1 is pointed at db2 by hand and started" in made.users
    assert made.downtime_s == 0.0
    assert "not kept out" not in fence_way(found, "db1", by_hand()).said()
    change(found, "db2", timeline=1)
    told = next(each for each in advise(seen(found), by_hand()) if each.headline.startswith("SPLIT BRAIN"))
    fences = [way.command.split()[-1] for way in told.ways if way.runbook == "fence"]
    assert fences == ["db2", "db1"], "no end is in sight for those kept out by hand: it comes last"


def test_a_web_node_that_cannot_be_reached_does_not_hold_the_fence_up_and_its_users_are_named() -> None:
    found = split_brain()
    change_host(found, "web1", ssh="unreachable")
    change(found, "pps1", service=None)
    made = plan(found, "fence", "db1")
    assert "stop-pps1" not in ids(made)
    assert "fence" in ids(made)
    assert "users of pps1 (through lb1) see errors from the stop of db1 on: its host cannot be logged in to" in made.users


def test_sessions_tell_where_no_setting_is_seen_and_nothing_is_called_unused_where_neither_is() -> None:
    found = split_brain()
    change(found, "pps1", points_at=None)
    assert "db1 is used by pps1 (through lb1)" in item(plan(found, "fence", "db1"))[1]
    change(found, "db1", sessions=None)
    change(found, "pps2", points_at="db2")
    made = plan(found, "fence", "db1")
    assert item(made)[0] == "not checked"
    assert "from where pps1 (through lb1) serves was not seen" in made.users
    assert ids(made) == ["fence", "quarantine"], "one that may be right is not stopped"
