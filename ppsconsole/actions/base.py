"""What an action is, and what it is given to work with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ppsconsole.clock import Clock
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.plan import Plan
from ppsconsole.plan.proof import FenceProof, ZeroLossProof
from ppsconsole.plan.step import Step

YOUNG_S = 0.25
"""For how long a look at the world counts as one made now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at the world came to.

    Attributes:
        state: `yes`: it is as wanted. `no`: it is not. `unknown`: it could not be seen, which is never `yes`.
        words: What was seen, one sentence.
        values: For later steps and for the journal; JSON values, no secret in them.
        proofs: Proofs that this look makes.
    """

    state: Literal["yes", "no", "unknown"]
    words: str
    values: Mapping[str, Any] = field(default_factory=dict)
    proofs: tuple[FenceProof | ZeroLossProof, ...] = ()


class Guarded(Protocol):
    """Runs commands on hosts; those that act are bound to identity and lease (law 7)."""

    async def look(self, host: str, command: str, *, timeout_s: float = 10.0) -> CommandResult:
        """Run a command that changes nothing."""
        ...

    async def arm(self, host: str, command: str, *, node: str | None = None, timeout_s: float = 8.0) -> None:
        """Have `act` of exactly this command start at once when it comes: it is started now, and waits on the host for one word.

        Everything that `act` re-reads is looked at now, and again, as far as it can have changed, in the same remote command when
        the word is given. A line that drops, a console that dies, a lease that was taken over or a word that comes late end it,
        and it has done nothing. Changes nothing by itself.

        Raises:
            WorldMoved: As `act`.
            DriverError: It does not stand ready; `act` works all the same, slower.
        """
        ...

    async def act(
        self,
        host: str,
        command: str,
        *,
        node: str | None = None,
        stdin: str | None = None,
        timeout_s: float = 30.0,
        heard: Callable[[str], None] | None = None,
    ) -> CommandResult:
        """Run a command that changes something, bound to lease and identity.

        `heard` is called for each line of its output as it comes, where the command stood ready (`arm`).

        In the same remote command, before it, are re-read: the lease's epoch, the host's own name and, where `node` is a
        database instance, its system identifier and data directory.

        Raises:
            WorldMoved: One of them is not what the plan was made for; nothing was done.
            DriverError: The host could not be reached (nothing was done) or the line dropped (then it is unknown).
        """
        ...

    async def act_sql(self, node: str, sql: str, *, timeout_s: float = 30.0) -> list[tuple[Any, ...]]:
        """Run a statement that changes something on the instance `node`, in autocommit, never twice.

        Directly before it are re-read: on its host, in one remote command, what `act` re-reads; and in the session that sends it,
        the system identifier. An instance without a declared host has the latter only.

        Raises:
            WorldMoved: One of them is not what the plan was made for; nothing was done.
            DriverError: It could not be reached, or the connection broke (then it is unknown).
        """
        ...

    async def act_here(self, argv: Sequence[str], *, timeout_s: float = 30.0) -> CommandResult:
        """Run a program of the operator's own on the console's machine, once the lease was re-read where it is required.

        Raises:
            WorldMoved: The lease or a host is not what the plan was made for; nothing was done.
            DriverError: It could not be started or did not end; or the lease could not be read, then nothing was done.
        """
        ...

    async def act_detached(
        self, host: str, name: str, command: str, *, node: str | None = None, timeout_s: float = 60.0
    ) -> CommandResult:
        """Run a command that may outlive the line, bound like `act`.

        It goes on on the host; its outcome lies in a status file there and is looked up, also by another console.

        Args:
            host: Where.
            name: Unique in the run: a second call with it starts nothing and waits for the first.
            command: What.
            node: The instance that it is bound to.
            timeout_s: How long its outcome is waited for; after that `TimedOut`, and it may still be running.
        """
        ...


@dataclass(slots=True)
class Workbench:
    """What actions work with during one run.

    Attributes:
        tools: The drivers (`ppsconsole.probes.tools.Tools`, or a double of it): `ssh`, `postgres`.
        hosts: Guarded commands on hosts.
        values: What steps found, by step id: the values of a step's precheck, those that its act noted, and those of its
            verify, later ones over earlier ones. All of it is in the journal before the next thing is done, so that a resumed
            run undoes to what was there before.
        proofs: Proofs made in this run.
        say: Writes one line of live output; text from hosts is made harmless by it.
        answers: What the operator answered at gates, by step id.
        looks: Looks at the world that another step can use while they are young, by what was looked at; see `keep_look`.
        is_hold_wanted: Whether the operator asked for the run to stop: what takes long and can be left anywhere leaves it.
    """

    inventory: Inventory
    plan: Plan
    run: str
    clock: Clock
    tools: Any
    hosts: Guarded
    say: Callable[[str], None]
    values: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    proofs: list[FenceProof | ZeroLossProof] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    looks: dict[str, tuple[float, Any]] = field(default_factory=dict)
    is_hold_wanted: Callable[[], bool] = lambda: False

    def keep_look(self, name: str, found: Any) -> None:
        """Keep what was seen just now: while nobody can write, nothing is looked at twice in the same breath."""
        self.looks[name] = (self.clock.monotonic(), found)

    def young_look(self, name: str) -> Any:
        """Return what was kept under `name` in the last `YOUNG_S` seconds, else None."""
        at, found = self.looks.get(name, (0.0, None))
        return found if found is not None and self.clock.monotonic() - at <= YOUNG_S else None

    def note(self, step: Step, **values: Any) -> None:
        """Keep values of `step` beside those that it has already; JSON values, no secret in them."""
        self.values[step.id] = {**self.values.get(step.id, {}), **values}

    def noted(self, step: Step, name: str) -> Any:
        """Return the value `name` of `step`, None when it has none."""
        return self.values.get(step.id, {}).get(name)

    def found_by(self, verb: str, node: str) -> Mapping[str, Any]:
        """Return what the plan's step with `verb` on `node` found; empty when there is none or it has not run."""
        for step in self.plan.steps:
            if step.verb == verb and step.node == node and step.id in self.values:
                return self.values[step.id]
        return {}

    def zero_loss_of(self, primary: str, standby: str) -> ZeroLossProof | None:
        """Return the proof of this run that promoting `standby` after `primary` loses nothing, None when there is none."""
        for proof in self.proofs:
            if not isinstance(proof, ZeroLossProof) or proof.run != self.run:
                continue
            if (proof.primary, proof.standby) == (primary, standby):
                return proof
        return None

    def fence_of(self, instance: str) -> FenceProof | None:
        """Return the fence proof of `instance` that this run made, None when there is none."""
        for proof in self.proofs:
            if isinstance(proof, FenceProof) and proof.instance == instance and proof.run == self.run:
                return proof
        return None


class Action(Protocol):
    """A verb.

    `act` is idempotent. `verify` looks at the world. `undo` puts back what `act` changed, and is verified by `verify_undone`.
    Errors of drivers go through: the engine decides whether they mean failed or unknown.
    """

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return exactly what `act` will send, one `HOST$ command` a line, secrets masked."""
        ...

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the step may act now; re-reads the volatile facts that it relies on."""
        ...

    async def act(self, bench: Workbench, step: Step) -> None:
        """Do it."""
        ...

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is done."""
        ...

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Put back what `act` changed; called only for steps that are undoable."""
        ...

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it is put back."""
        ...
