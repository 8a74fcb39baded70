"""A step: one unit of a plan, as data. What its verb does lives in `ppsconsole.actions`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

GateKind = Literal["confirm", "name", "accept-loss", "attest"]


@dataclass(frozen=True, slots=True)
class Gate:
    """A question that only the operator can answer, before the step acts.

    Attributes:
        kind: `confirm` by flag or key, `name` types the cluster's name, `accept-loss` names a window, `attest` types a statement.
        question: What is asked; values in it are re-read as it is asked.
        flag: The command-line flag that answers it without a terminal.
        seen: What was read as it is asked, as names and words; no part of a plan.
    """

    kind: GateKind
    question: str
    flag: str
    seen: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One unit of a plan.

    Attributes:
        id: Unique in the plan, kebab-case: `stop-primary`.
        verb: The action that does it.
        node: What it acts on; `host` is where its commands run.
        arguments: For the action; text by name, no secret in it.
        commands: Exactly what will be sent, secrets masked; part of the plan's hash.
        for_users: What it means for people who use the password server; empty when nothing.
        estimate_s: How long it is expected to take, in seconds.
        timeout_s: After that the outcome is failed or unknown.
        is_point_of_no_return: Once this step has acted, backing out is a restore and not an undo.
        is_undoable: Backing out before the point of no return undoes it.
        is_markable: The operator may mark it done, which runs its verification; never on fence, prove, promote, rewind, restore.
        is_optional: When it fails the run goes on and ends as success with issues at best.
        needs: Proofs that must exist before it acts: `fence`, `zero-loss`.
    """

    id: str
    title: str
    verb: str
    node: str
    host: str | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    for_users: str = ""
    estimate_s: float = 1.0
    timeout_s: float = 30.0
    is_point_of_no_return: bool = False
    is_undoable: bool = True
    is_markable: bool = True
    is_optional: bool = False
    needs: tuple[Literal["fence", "zero-loss"], ...] = ()
    gate: Gate | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the step for the journal and `plan --json`."""
        gate = None if self.gate is None else {name: getattr(self.gate, name) for name in ("kind", "question", "flag")}
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("gate", "arguments", "commands", "needs")}
        lists = {"commands": list(self.commands), "needs": list(self.needs)}
        return plain | lists | {"arguments": dict(self.arguments), "gate": gate}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Step":
        """Return the step that `as_json` made."""
        gate = found["gate"]
        return cls(
            **{
                **found,
                "commands": tuple(found["commands"]),
                "needs": tuple(found["needs"]),
                "gate": None if gate is None else Gate(**gate),
            }
        )
