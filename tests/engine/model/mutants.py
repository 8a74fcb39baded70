"""Mistakes that the product must never have, put into it on purpose: the invariants have to find each of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from ppsconsole.actions import fence, prove, service, stop_primary
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.engine import desk, perform
from ppsconsole.engine.binding import Binding
from ppsconsole.engine.recorder import Recorder
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.plan.step import Step
from tests.engine.model.declared import declared
from tests.engine.model.story import Beat, Story, story_of

Patches = Callable[[], list[Any]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake.

    Attributes:
        wrong: Beginning of what has to be said of it.
        patches: What makes it.
        runbook: Stories about it are enough to find it; all of them where it is empty.
        fault: Where hardly any story has what it takes: this fault, at every boundary.
    """

    name: str
    wrong: str
    patches: Patches
    runbook: str = ""
    fault: str = ""

    def stories(self, tried: int) -> Iterator[Story]:
        """Yield stories that may find it: those of the first seeds, or its fault at each boundary in turn."""
        if self.fault:
            for number in range(tried):
                yield Story(0, "job", self.runbook, beats=(Beat("boundary", number, self.fault),))
            return
        for story in (story_of(seed, declared()) for seed in range(tried)):
            if self.runbook in ("", story.runbook):
                yield story

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Have the product make this mistake."""
        with contextlib.ExitStack() as stack:
            for patch in self.patches():
                stack.enter_context(patch)
            yield


def _fence_without_proof() -> list[Any]:
    """Nobody asks for a proof, and the primary is not stopped: it is promoted beside a living one."""

    async def act(self: object, bench: Workbench, step: Step) -> None:
        """Stop nothing."""

    async def verify(self: object, bench: Workbench, step: Step) -> Finding:
        return Finding("yes", "it will be down by now", {})

    def made_up(self: Workbench, instance: str) -> FenceProof:
        return FenceProof(instance, Rung.CLEAN_STOP, ("made up",), self.clock.now(), self.run)

    def lost_nothing(self: Workbench, primary: str, standby: str) -> ZeroLossProof:
        return ZeroLossProof(primary, standby, "0/1", "0/2", 1, self.clock.now(), self.run)

    async def quiet(self: object, bench: Workbench, step: Step) -> Finding:
        return Finding("yes", "nothing is lost, probably", {})

    return [
        mock.patch.object(stop_primary.StopPrimary, "act", act),
        mock.patch.object(stop_primary.StopPrimary, "verify", verify),
        mock.patch.object(prove.ProveZeroLoss, "verify", quiet),
        mock.patch.object(perform, "_lacking", return_value=""),
        mock.patch.object(Workbench, "fence_of", made_up),
        mock.patch.object(Workbench, "zero_loss_of", lost_nothing),
    ]


def _fence_always_yes() -> list[Any]:
    async def verify(self: object, bench: Workbench, step: Step) -> Finding:
        proof = FenceProof(step.node, Rung.KEPT_DOWN, ("it will be down",), bench.clock.now(), bench.run)
        return Finding("yes", "it will be down", {}, (proof,))

    async def act(self: object, bench: Workbench, step: Step) -> None:
        """Fence nothing."""

    return [mock.patch.object(fence.Fence, "act", act), mock.patch.object(fence.Fence, "verify", verify)]


def _zero_loss_always_yes() -> list[Any]:
    async def verify(self: object, bench: Workbench, step: Step) -> Finding:
        primary = step.arguments["primary"]
        proof = ZeroLossProof(primary, step.node, "0/1", "0/2", 1, bench.clock.now(), bench.run)
        return Finding("yes", "nothing is lost", {}, (proof,))

    return [mock.patch.object(prove.ProveZeroLoss, "verify", verify)]


def _window_too_small() -> list[Any]:
    real = desk.failover_loss

    def small(*arguments: Any, **options: Any) -> Loss:
        found = real(*arguments, **options)
        is_bounded = found.tier is LossTier.BOUNDED and found.window_s is not None
        return replace(found, window_s=(found.window_s or 0.0) / 50) if is_bounded else found

    return [mock.patch.object(desk, "failover_loss", small)]


def _half_a_back_out() -> list[Any]:
    async def undo(self: object, bench: Workbench, step: Step) -> None:
        """Put nothing back."""

    async def verify_undone(self: object, bench: Workbench, step: Step) -> Finding:
        return Finding("yes", "it will be as before")

    return [mock.patch.object(service.Disable, "undo", undo), mock.patch.object(service.Disable, "verify_undone", verify_undone)]


def _acts_before_it_is_written() -> list[Any]:
    async def settle(self: Recorder) -> None:
        """Wait for nothing: the record will come."""

    return [mock.patch.object(Recorder, "settle", settle)]


def _promotes_twice() -> list[Any]:
    """The lease is not re-read: a console that was taken over goes on."""
    real = Binding.conditions

    def conditions(self: Binding, *arguments: Any) -> str:
        return "\n".join(line for line in real(self, *arguments).split("\n") if "moved lease" not in line)

    return [mock.patch.object(Binding, "conditions", conditions)]


MUTANTS = (
    Mutant("promotes beside a living primary", "promoted beside a living primary", _fence_without_proof, "switchover"),
    Mutant("takes every fence for done", "a fenced primary takes writes again", _fence_always_yes, "failover"),
    Mutant("takes zero loss for proved", "a switchover succeeded", _zero_loss_always_yes, "switchover", "cut-replication"),
    Mutant("announces too small a window", "a loss ", _window_too_small, "failover"),
    Mutant("leaves services disabled as it backs out", "backed out", _half_a_back_out, "switchover"),
    Mutant("acts before its record is durable", "step ", _acts_before_it_is_written),
    Mutant("goes on after a takeover", "a console without the lease acts", _promotes_twice, "switchover", "taken-over-back"),
)
