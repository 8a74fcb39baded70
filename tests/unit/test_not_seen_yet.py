"""Before the first look at something has ended nothing is said against it, in whatever order the answers come."""

import random
from dataclasses import replace

import pytest

from ppsconsole.advice.diagnosis import advise
from ppsconsole.cluster.facts import Observations
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.probes.compose import compose
from tests.unit.observations import NOW, facts, inventory, observe

BAD = (Verdict.DOWN, Verdict.WARN)
_BY_HOST = ("service", "service_enabled", "service_pid", "points_at", "configuration", "members", "config_digest")


def looks() -> list[Observations]:
    """Return what each probe of a healthy cluster tells, one after the other."""
    groups: dict[str, dict[tuple[str, str], object]] = {}
    for (subject, name), value in facts().items():
        kind, _, owner = subject.partition(":")
        host = inventory().host_of(owner)
        is_of_host = kind == "host" or name in _BY_HOST or name.startswith("control_")
        key = f"host {owner if kind == 'host' or host is None else host.name}" if is_of_host else f"node {owner}"
        groups.setdefault(key, {})[subject, name] = value
    return [observe(group) for _, group in sorted(groups.items())]


def seen(parts: list[Observations]) -> Snapshot:
    known = Observations()
    for part in parts:
        known = known.having(part)
    return compose(inventory(), known, NOW, is_complete=False)


def test_before_any_look_everything_is_not_seen_yet() -> None:
    shown = seen([])
    assert {node.words for node in shown.nodes} == {"not seen yet"}
    words = [each.words for node in shown.nodes for each in node.judgements]
    assert not [each for each in words if "SSH" in each or "declare" in each]


@pytest.mark.parametrize("seed", range(20))
def test_a_healthy_cluster_is_never_said_to_be_unwell_on_the_way(seed: int) -> None:
    parts = looks()
    random.Random(seed).shuffle(parts)
    for count in range(len(parts) + 1):
        shown = seen(parts[:count])
        wrong = [(node.name, each.words) for node in shown.nodes for each in node.judgements if each.verdict in BAD]
        wrong += [("cluster", each.words) for each in shown.judgements if each.verdict in BAD]
        wrong += [(edge.target, edge.state) for edge in shown.edges if edge.verdict in BAD]
        wrong += [("advice", each.headline) for each in advise(shown, inventory()) if each.verdict in BAD]
        assert not wrong
        assert not [node.words for node in shown.nodes if node.words in ("SSH fails", "not asked", "unreachable", "members?")]


def test_a_front_without_an_address_says_what_to_declare() -> None:
    declared = inventory()
    second = replace(declared.balancers["lb1"], name="lb2")
    shown = compose(replace(declared, balancers=declared.balancers | {"lb2": second}), observe(facts()), NOW)
    node = shown.node("lb2")
    assert node is not None
    assert "declare `address`" in node.judgements[0].words
