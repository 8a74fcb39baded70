"""Why the advice says what it says: every rule has a sentence, facts with source and age, and what would change it."""

import ast
from dataclasses import replace
from pathlib import Path

import ppsconsole.probes
from ppsconsole.advice.diagnosis import advise
from ppsconsole.advice.rules import RULES, rule_of
from ppsconsole.advice.why import why
from ppsconsole.cluster.catalog import FACTS
from ppsconsole.cluster.facts import host_subject, node_subject
from ppsconsole.cluster.reasons import Why
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.draw.text import ASCII, UNICODE, line_text
from ppsconsole.draw.why import draw_why
from ppsconsole.draw.words import width_of
from ppsconsole.inventory.limits import Limits
from ppsconsole.inventory.model import Inventory
from ppsconsole.probes.judge_cluster import AT_LEAST
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.costs import Estimates
from tests.unit.observations import NOW, change, facts, inventory, look
from tests.unit.runbook_cases import declared as prepared
from tests.unit.runbook_cases import killed as dead


def explained(shown: Snapshot, declared: Inventory | None = None, background: Background | None = None) -> tuple[Why, ...]:
    declared, background = declared or inventory(), background or Background()
    return why(advise(shown, declared, background), shown, declared, background)


def killed() -> Snapshot:
    return look(dead(), declared=inventory())


def drawn(found: tuple[Why, ...], width: int = 90) -> str:
    return "\n".join(line_text(line) for line in draw_why(found, NOW, width, UNICODE))


def test_every_rule_that_judges_name_is_in_the_table() -> None:
    named = set(AT_LEAST)
    for path in Path(ppsconsole.probes.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("Judgement", "judged"):
                rule = call.args[1]
                named |= {rule.value} if isinstance(rule, ast.Constant) else set()
    assert len(named) > 35
    missing = {name for name in named if rule_of(str(name), "db1").sentence == "It has to be as declared."}
    assert not missing


def test_rules_name_facts_and_limits_that_there_are() -> None:
    for rule in RULES.values():
        assert {name.removeprefix("host.") for name in rule.facts} <= set(FACTS)
        assert not rule.limit or hasattr(Limits(), rule.limit)
        assert rule.sentence.endswith(".")
        assert rule.change or rule.limit


def test_a_dead_primary_is_explained_by_rule_facts_and_who_saw_what() -> None:
    found = explained(killed())
    first = found[0]
    assert first.reasons[0].rule == "sql"
    text = " ".join(drawn(found).split())
    assert "sql ✗ down: An instance is judged by its own answer." in text
    assert "fact service = failed (test, under 10s ago)" in text
    assert "seen console sees dead: connection refused" in text
    assert "otherwise An answer of the instance" in text
    assert text.index("restart db1") < text.index("failover --to db2")


def test_costs_say_where_they_come_from_and_losses_why_they_have_their_tier() -> None:
    background = Background(Estimates({"promote": 0.4, "start": 2.0}, {"promote": 4, "start": 1}))
    first = explained(killed(), prepared(), background)[0]
    ways = {each.title.split(" --accept")[0]: each for each in first.ways}
    times = ways["failover --to db2"].time
    assert any("Promote db2 (learned from 4 times on this cluster)" in each for each in times)
    assert any("(learned from 1 time on this cluster)" in each for each in times)
    assert any("(default: never done here)" in each for each in times)
    assert ways["failover --to db2"].loss.startswith("bounded: a window between samples; less may be lost, not more; db2 has")
    assert ways["restart db1"].loss.startswith("proved: ")


def test_a_blocked_way_says_by_which_rule() -> None:
    found = facts()
    change(found, "db2", in_recovery=False, timeline=2)
    blocked = [way for each in explained(look(found)) for way in each.ways if way.is_blocked]
    assert blocked
    assert all("blocked by" in way.words for way in blocked)


def test_a_limit_is_told_with_both_its_borders() -> None:
    found = facts()
    found[host_subject("db2"), "disk_percent"] = 88.0
    shown = look(found)
    (one,) = explained(shown)
    assert one.reasons[0].limit == "warns from 85% on, as bad as down from 95% on"
    assert "host.disk_percent" in one.reasons[0].facts
    declared = inventory()
    web = replace(declared, limits=replace(declared.limits))
    found[node_subject("lb1"), "certificate_days"] = 9.0
    limits = [each.limit for one in explained(look(found), web) for each in one.reasons]
    assert "warns from 21d and less, as bad as down from 3d and less" in limits


def test_what_is_not_advised_on_is_told_last_and_nothing_is_lost() -> None:
    shown = killed()
    found = explained(shown)
    wrong = [(node.name, each.words) for node in shown.nodes for each in node.judgements if each.verdict.value in BAD]
    wrong += [("cluster", each.words) for each in shown.judgements if each.verdict.value in BAD]
    told = [(each.owner, each.words) for one in found for each in one.reasons]
    assert sorted(told) == sorted(wrong)
    assert "follows" in found[-1].headline


BAD = ("down", "warn", "unknown")


def test_a_healthy_cluster_has_nothing_to_explain() -> None:
    assert explained(look(facts())) == ()


def test_lines_fit_and_are_ascii_where_they_have_to_be() -> None:
    found = explained(killed())
    for width in (38, 60, 140):
        assert all(sum(width_of(span.text) for span in line) <= width for line in draw_why(found, NOW, width, UNICODE))
    assert all(span.text.isascii() for line in draw_why(found, NOW, 80, ASCII) for span in line)


def test_nothing_ticks_while_facts_are_fresh() -> None:
    found = explained(killed())
    assert draw_why(found, NOW, 80, UNICODE) == draw_why(found, NOW + 3, 80, UNICODE)
    assert found[0].as_json(NOW)["reasons"][0]["facts"]["sql"]["source"] == "test"
