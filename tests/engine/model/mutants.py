"""Mistakes that the product must never have, put into it on purpose: the invariants have to find each of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from ppsconsole.actions import fence, fence_command, lost_writes, prove, quarantine, restart, service, standby_start, stop_primary
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.engine import desk, perform
from ppsconsole.engine.binding import Binding
from ppsconsole.engine.recorder import Recorder
from ppsconsole.plan.loss import Loss, LossTier
from ppsconsole.plan.proof import FenceProof, Rung, ZeroLossProof
from ppsconsole.plan.step import Step
from ppsconsole.runbooks import ladder
from tests.engine.model import commands, salvage
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
        fault: Where hardly any story has what it takes: this fault, at every boundary; in what is done later, where there is
            such a thing in the story.
        base: The story that this happens in, and the only one where there is no fault.
    """

    name: str
    wrong: str
    patches: Patches
    runbook: str = ""
    fault: str = ""
    base: Story | None = None

    def stories(self, tried: int) -> Iterator[Story]:
        """Yield stories that may find it: those of the first seeds, or its fault at each boundary in turn."""
        if self.base is not None and not self.fault:
            yield self.base
            return
        if self.fault:
            base = self.base or Story(0, "job", self.runbook)
            fault, _, where = self.fault.partition(" ")
            for number in range(tried):
                beats = (Beat("boundary", number, fault, where),)
                yield replace(base, later=beats) if base.then else replace(base, beats=beats)
            return
        for story in (story_of(seed, declared()) for seed in range(tried)):
            if self.runbook in ("", story.runbook):
                yield story

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Have the product make this mistake."""
        forget()
        try:
            with contextlib.ExitStack() as stack:
                for patch in self.patches():
                    stack.enter_context(patch)
                yield
        finally:
            forget()


def forget() -> None:
    """Have the model learn its commands anew: the product sends others with a mistake in it."""
    commands.forget()
    salvage.forget()


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


def _believes_the_fence_command() -> list[Any]:
    """What the operator's command says of its own success is believed."""
    return [mock.patch.object(fence_command, "is_off", return_value=True)]


def _unreachable_is_quiet() -> list[Any]:
    """A web node that cannot be reached is taken for quiet."""

    async def quiet(bench: Workbench, step: Step) -> Finding:
        proof = FenceProof(step.node, Rung.QUIESCED, ("nobody answers",), bench.clock.now(), bench.run)
        return Finding("yes", "all web nodes are quiet", {}, (proof,))

    return [mock.patch.object(fence, "_quiesced", quiet), mock.patch.object(ladder, "_quiet_lacks", return_value="")]


def _restart_always_yes() -> list[Any]:
    async def act(self: object, bench: Workbench, step: Step) -> None:
        """Start nothing."""

    async def verify(self: object, bench: Workbench, step: Step) -> Finding:
        return Finding("yes", "it will come up")

    return [mock.patch.object(restart.RestartService, "act", act), mock.patch.object(restart.RestartService, "verify", verify)]


def _keeps_nothing() -> list[Any]:
    """What only the old primary has is not kept before a rewind takes it back."""

    async def act(self: object, bench: Workbench, step: Step) -> None:
        """Keep nothing."""

    async def verify(self: object, bench: Workbench, step: Step) -> Finding:
        return Finding("yes", "it is kept, probably", {"kept": "/dev/null"})

    return [
        mock.patch.object(lost_writes.KeepLostWrites, "act", act),
        mock.patch.object(lost_writes.KeepLostWrites, "verify", verify),
    ]


def _starts_without_a_marker() -> list[Any]:
    """Nobody looks for the marker of a standby right before the start."""
    return [mock.patch.object(standby_start, "insisted", return_value=":")]


def _fences_nothing_again() -> list[Any]:
    """An old primary that came back is taken for fenced and marked."""

    async def yes(self: object, bench: Workbench, step: Step) -> Finding:
        return Finding("yes", "it is marked, probably")

    marking = [mock.patch.object(quarantine.Quarantine, each, yes) for each in ("precheck", "act", "verify")]
    return [*_fence_always_yes(), *marking]


def _rejoins_nobody() -> list[Any]:
    """A rejoin is taken for done, whoever follows."""

    async def verify(self: object, bench: Workbench, step: Step) -> Finding:
        return Finding("yes", "it will follow")

    return [
        mock.patch.object(standby_start.StartStandby, "act", verify),
        mock.patch.object(standby_start.StartStandby, "verify", verify),
    ]


MUTANTS = (
    Mutant("promotes beside a living primary", "promoted beside a living primary", _fence_without_proof, "switchover"),
    Mutant("takes every fence for done", "two primaries take writes", _fence_always_yes, "failover"),
    Mutant("takes zero loss for proved", "a switchover succeeded", _zero_loss_always_yes, "switchover", "cut-replication"),
    Mutant("announces too small a window", "a loss ", _window_too_small, "failover"),
    Mutant("leaves services disabled as it backs out", "backed out", _half_a_back_out, "switchover"),
    Mutant("acts before its record is durable", "step ", _acts_before_it_is_written),
    Mutant(
        "believes a fence command",
        "two primaries take writes",
        _believes_the_fence_command,
        base=Story(0, "site-cut", "failover", rung="fence-command", fence="lies"),
    ),
    Mutant(
        "takes an unreachable web node for quiet",
        "two primaries take writes",
        _unreachable_is_quiet,
        base=Story(0, "site-cut", "failover", rung="quiesced"),
    ),
    Mutant(
        "takes a restart for done",
        "a restart succeeded",
        _restart_always_yes,
        base=Story(0, "standby-killed", "restart", "db2"),
    ),
    Mutant(
        "rewinds what is kept nowhere",
        "db1 was rewound",
        _keeps_nothing,
        base=Story(0, "disk-lost-behind", "failover", then=("rejoin",)),
    ),
    Mutant(
        "lists lost writes that it did not keep",
        "lost-writes succeeded",
        _keeps_nothing,
        base=Story(0, "disk-lost-behind", "failover", then=("lost-writes",)),
    ),
    Mutant(
        "starts what may not be a standby",
        "db1 was started as a second primary",
        _starts_without_a_marker,
        base=Story(0, "disk-lost-behind", "failover", then=("rejoin",), later=(Beat("boundary", 0, "lose-signal", "db1"),)),
    ),
    Mutant(
        "takes a rejoin for done",
        "a rejoin succeeded",
        _rejoins_nobody,
        base=Story(0, "disk-lost-behind", "failover", then=("rejoin",)),
    ),
    Mutant(
        "takes an old primary for fenced again",
        "a fence succeeded",
        _fences_nothing_again,
        base=Story(0, "killed", "failover", then=("returns", "fence")),
    ),
    Mutant("goes on after a takeover", "a console without the lease acts", _promotes_twice, "switchover", "taken-over-back"),
)
