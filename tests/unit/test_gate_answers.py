"""Which answers count at a gate, one by one: of another plan, of another cluster, too short, too small a window, or none."""

import asyncio
import math
from dataclasses import replace

import pytest

from ppsconsole.engine.gates import answer_of, still_counts
from ppsconsole.engine.reading import Reading
from ppsconsole.errors import Blocked
from ppsconsole.plan.loss import Loss, LossTier, accepted_window
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.step import Gate, Step
from tests.engine.scripted import scripted_plan

SMALL = Loss(LossTier.BOUNDED, 2.0)


def planned(kind: str) -> Plan:
    made = scripted_plan("failover")
    gate = Gate(kind, "Sure?", "--the-flag")  # type: ignore[arg-type]
    return replace(made, steps=tuple(replace(each, gate=gate) for each in made.steps), loss=SMALL, cluster="pps-prod")


def answered(kind: str, answer: str | None, made: Plan | None = None) -> str:
    plan = planned(kind) if made is None else made

    async def ask(gate: Gate, step: Step, asked: Plan) -> str | None:
        assert (gate.kind, asked) == (kind, plan)
        return answer

    return asyncio.run(answer_of(plan.steps[0], plan, ask))


HASH = planned("confirm").hash


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("confirm", "yes"),
        ("confirm", HASH),
        ("confirm", f"  {HASH}\n"),
        ("name", "pps-prod"),
        ("name", HASH),
        ("accept-loss", "2s"),
        ("accept-loss", "unlimited"),
        ("attest", "12345678"),
        ("attest", "  I pulled the plug of db1  "),
    ],
)
def test_what_counts_comes_back_without_blanks_around_it(kind: str, answer: str) -> None:
    assert answered(kind, answer) == answer.strip()


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        ("confirm", "y", f"the plan that stands here is {HASH}, approved was another"),
        ("confirm", "pps-prod", "approved was another"),
        ("confirm", HASH[:-1], "approved was another"),
        ("confirm", HASH + "0", "approved was another"),
        ("name", "yes", "typed was neither the cluster's name, pps-prod, nor this plan's hash"),
        ("name", "PPS-PROD", "typed was neither"),
        ("name", "pps", "typed was neither"),
        ("accept-loss", "1.9s", f"the loss is {SMALL.said()}, accepted was 1.9s"),
        ("accept-loss", "yes", "is no window"),
        ("accept-loss", HASH, "is no window"),
        ("attest", "1234567", "a statement says what was done, and by whom"),
        ("attest", "yes", "a statement says"),
    ],
)
def test_what_does_not_count_is_refused_with_what_stands_there(kind: str, answer: str, said: str) -> None:
    with pytest.raises(Blocked) as refused:
        answered(kind, answer)
    assert said in refused.value.what
    assert refused.value.where == planned(kind).steps[0].id
    assert refused.value.remedy == "See `ppsconsole plan failover`, then give --the-flag again"


@pytest.mark.parametrize("kind", ["confirm", "name", "accept-loss", "attest"])
def test_what_does_not_count_is_never_repeated_where_it_would_be_kept(kind: str) -> None:
    with pytest.raises(Blocked) as refused:
        answered(kind, "Zq7pw!x")  # a password that was typed at the wrong prompt; of the refusal the journal tells
    assert "Zq7" not in str(refused.value)


@pytest.mark.parametrize("kind", ["confirm", "name", "accept-loss", "attest"])
@pytest.mark.parametrize("answer", [None, "", " \n "])
def test_no_answer_is_no_yes(kind: str, answer: str | None) -> None:
    with pytest.raises(Blocked, match=r"Sure\?: not answered") as refused:
        answered(kind, answer)
    assert refused.value.remedy == "Answer it, or give --the-flag"


def test_an_empty_name_of_a_cluster_is_not_typed_by_nobody() -> None:
    with pytest.raises(Blocked, match="not answered"):
        answered("name", "  ", replace(planned("name"), cluster=""))


def test_an_answer_from_before_is_judged_by_the_loss_of_now() -> None:
    made = planned("accept-loss")
    gate = made.steps[0].gate
    assert gate is not None
    assert still_counts(gate, "2s", made, Reading(0.0, SMALL))
    assert not still_counts(gate, "2s", made, Reading(0.0, replace(SMALL, window_s=2.001)))
    assert not still_counts(gate, "5h", made, Reading(0.0, Loss(LossTier.UNKNOWN, 1.0)))
    assert still_counts(gate, "0", made, Reading(0.0, Loss(LossTier.NONE)))


@pytest.mark.parametrize(
    ("loss", "accepted_s", "is_accepted"),
    [
        (Loss(LossTier.NONE), None, True),
        (Loss(LossTier.EXACT, 0.0), None, False),
        (Loss(LossTier.EXACT, 0.0), 0.0, True),
        (SMALL, None, False),
        (SMALL, 2.0, True),
        (SMALL, 1.999, False),
        (Loss(LossTier.BOUNDED, None), 1e9, False),
        (Loss(LossTier.UNKNOWN, 1.0), 1e9, False),
        (Loss(LossTier.UNKNOWN), math.inf, True),
        (Loss(LossTier.UNKNOWN, is_salvage_ahead=True), 0.0, True),
        (Loss(LossTier.UNKNOWN, is_salvage_ahead=True), None, False),
    ],
)
def test_a_window_accepts_what_is_inside_of_it(loss: Loss, accepted_s: float | None, is_accepted: bool) -> None:
    assert loss.is_accepted_by(accepted_s) is is_accepted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("5", 5.0), ("5s", 5.0), ("250ms", 0.25), ("2m", 120.0), ("1.5h", 5400.0), ("unlimited", math.inf)],
)
def test_windows_in_all_their_units(text: str, seconds: float) -> None:
    assert accepted_window(text) == seconds
