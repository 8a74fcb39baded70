"""Zero loss and promotion by value: what alone is otherwise keeps a standby from being promoted, and is no success behind it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from ppsconsole.actions import prove
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.promote import WRITE_PROBE_SQL
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import BadAnswer, Blocked, TimedOut
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.plan.step import Step
from tests.unit.test_proofs import SYSTEM, Hosts, bench, said, standing

CHECKPOINT = "0/3000028"
BEHIND_IT = "0/30000A0"
ARGUMENTS = {"primary": "db1"}


@dataclass
class Standby(Hosts):
    """The standby and its host: what is sent is noted, and a commit ends as a test wants it to."""

    sent: list[str] = field(default_factory=list)
    probe: Exception | None = None

    async def act(self, host: str, command: str, **_: Any) -> CommandResult:
        self.sent.append(command)
        self.standing = (False, SYSTEM, 2, None, None, False, None, True)
        return said("")

    async def execute(self, instance: Any, sql: str, **options: Any) -> list[tuple[Any, ...]]:
        if sql == WRITE_PROBE_SQL and self.probe is not None:
            raise self.probe
        return [self.standing[:3]] if "RetrieveRetry" in sql or "wait_event" in sql else [self.standing]


def fenced(working: Workbench, run: str = "run-1", instance: str = "db1") -> FenceProof:
    return FenceProof(instance, Rung.CLEAN_STOP, ("stopped",), working.clock.now(), run)


def proved(working: Workbench, run: str = "run-1", primary: str = "db1", standby: str = "db2") -> ZeroLossProof:
    return ZeroLossProof(primary, standby, CHECKPOINT, BEHIND_IT, 1, working.clock.now(), run)


def to_promote(hosts: Hosts) -> tuple[Workbench, Step]:
    """Return a bench with both proofs, and the plan's own promotion."""
    working = bench(hosts)
    working.proofs += [fenced(working), proved(working)]
    [step] = [each for each in working.plan.steps if each.verb == "promote"]
    assert {"fence", "zero-loss"} <= set(step.needs)
    return working, step


def prechecked(hosts: Hosts) -> Finding:
    working, step = to_promote(hosts)
    return asyncio.run(ACTIONS["promote"].precheck(working, step))


def test_a_standby_as_it_was_planned_with_both_proofs_may_be_promoted() -> None:
    assert prechecked(Standby()).state == "yes"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"in_recovery": False}, "is a primary already"),
        ({"system": "8"}, "another system: 8"),
        ({"timeline": 2}, "is on timeline 2, planned was 1"),
        ({"paused": True}, "replay is paused"),
    ],
)
def test_a_standby_that_is_otherwise_than_planned_is_not_promoted(changed: dict[str, Any], words: str) -> None:
    found = prechecked(Standby(**standing(**changed)))
    assert (found.state, words in found.words) == ("no", True), found.words


@pytest.mark.parametrize(
    ("proofs", "words"),
    [
        ((), "fence"),
        ((proved,), "fence"),
        ((fenced,), "not proved that"),
        ((lambda working: fenced(working, run="run-0"), proved), "fence"),
        ((lambda working: fenced(working, instance="db2"), proved), "fence"),
        ((fenced, lambda working: proved(working, run="run-0")), "not proved that"),
        ((fenced, lambda working: proved(working, standby="db3")), "not proved that"),
        ((fenced, lambda working: proved(working, primary="db3")), "not proved that"),
    ],
)
def test_without_proofs_of_this_run_about_these_two_nothing_is_promoted(proofs: tuple[Any, ...], words: str) -> None:
    hosts = Standby()
    working, step = to_promote(hosts)
    working.proofs[:] = [each(working) for each in proofs]
    found = asyncio.run(ACTIONS["promote"].precheck(working, step))
    assert (found.state, words in found.words) == ("no", True), found.words
    with pytest.raises(Blocked, match=words):
        asyncio.run(ACTIONS["promote"].act(working, step))
    assert hosts.sent == []


def test_with_both_proofs_it_is_promoted_once() -> None:
    hosts = Standby()
    working, step = to_promote(hosts)
    asyncio.run(ACTIONS["promote"].act(working, step))
    [command] = hosts.sent
    assert "promote" in command


PROMOTED = {"in_recovery": False, "timeline": 2, "received": None, "replayed": None, "writable": True}


@pytest.mark.parametrize(
    ("changed", "probe", "words"),
    [
        ({}, None, ""),
        ({"in_recovery": True}, None, "still in recovery"),
        ({"timeline": 1}, None, "is primary on timeline 1, and was on 1 before"),
        ({"writable": False}, None, "default_transaction_read_only"),
        ({}, TimedOut("no answer"), "a commit does not end"),
        ({}, BadAnswer("the disk is full"), "takes no write: the disk is full"),
    ],
)
def test_promoted_is_who_takes_writes_on_a_timeline_of_its_own(
    changed: dict[str, Any], probe: Exception | None, words: str
) -> None:
    working, step = to_promote(Standby(**standing(**(PROMOTED | changed)), probe=probe))
    found = asyncio.run(ACTIONS["promote"].verify(working, step))
    assert (found.state, words in found.words) == ("no" if words else "yes", True), found.words


# --- that nothing is lost ---------------------------------------------------------------------------------------------


def zero_loss(monkeypatch: pytest.MonkeyPatch, *, began: str | None = None, is_fenced: bool = True, **changed: Any) -> Finding:
    async def switched(*_: Any) -> str | None:
        return began

    monkeypatch.setattr(prove, "switchpoint", switched)
    working = bench(Standby(**standing(**({"received": BEHIND_IT, "replayed": BEHIND_IT} | changed))))
    [stop] = [each for each in working.plan.steps if each.verb == "stop-primary"]
    working.note(stop, checkpoint_lsn=CHECKPOINT, timeline=1, system_identifier=SYSTEM)
    if is_fenced:
        working.proofs.append(fenced(working))
    step = Step("prove", "prove-zero-loss", "prove", "db2", timeout_s=0.05, arguments=ARGUMENTS)
    action = ACTIONS["prove-zero-loss"]
    before = asyncio.run(action.precheck(working, step))
    return asyncio.run(action.verify(working, step)) if before.state == "yes" else before


def test_a_standby_that_replayed_the_shutdown_checkpoint_has_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    found = zero_loss(monkeypatch)
    [proof] = found.proofs
    assert (found.state, proof.run) == ("yes", "run-1")
    assert isinstance(proof, ZeroLossProof)
    assert (proof.primary, proof.standby, proof.checkpoint_lsn, proof.have_lsn) == ("db1", "db2", CHECKPOINT, BEHIND_IT)


@pytest.mark.parametrize(
    "changed",
    [
        {"is_fenced": False},
        {"replayed": CHECKPOINT},  # the record begins there, and has not arrived
        {"replayed": None},
        {"received": None, "replayed": None},
        {"replayed": "0/3000000"},
        {"timeline": 2},
        {"system": "8"},
    ],
)
def test_one_that_lacks_anything_has_no_proof(monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]) -> None:
    found = zero_loss(monkeypatch, **changed)
    assert (found.state, found.proofs) == ("no", ())


@pytest.mark.parametrize(
    ("began", "changed", "state"),
    [
        (BEHIND_IT, {}, "yes"),
        (CHECKPOINT, {}, "no"),
        ("0/3000000", {}, "no"),
        (None, {}, "no"),
        (BEHIND_IT, {"timeline": 1}, "no"),
        (BEHIND_IT, {"system": "8"}, "no"),
    ],
)
def test_one_that_was_promoted_already_left_the_old_timeline_behind_the_checkpoint(
    monkeypatch: pytest.MonkeyPatch, began: str | None, changed: dict[str, Any], state: str
) -> None:
    found = zero_loss(monkeypatch, began=began, **(PROMOTED | changed))
    assert (found.state, len(found.proofs)) == (state, 1 if state == "yes" else 0), found.words
