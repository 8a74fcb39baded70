"""What every runbook whose consoles are killed has: how its scene is brought about, and what has to be right at its end."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ppsconsole.plan.event import RunEvent

if TYPE_CHECKING:
    from tests.lab.kill_scene import KillScene

BALANCER_BEFORE = "lb1:etc/upstream.conf.bak"
"""What the balancer had before a run changed it: always by this name, so that there is one."""

Marks = Counter[tuple[str, str]]
"""How often something happened to a node, as its server wrote down: `("promoted", "db2")`."""


@dataclass(frozen=True)
class Ended:
    """A run that came to its end.

    Attributes:
        machine: Whose journal has all of it.
        events: As they stand there.
        happened: What servers wrote down of themselves since it was begun.
        appeared: What is new on the hosts: `db1:data.before-1a2b`, `db2:backup/pps-...`.
    """

    run: str
    machine: str
    events: tuple[RunEvent, ...]
    happened: Marks
    appeared: frozenset[str]


class Case:
    """One runbook, wanted in one situation.

    Attributes:
        name: In the table; what is said on the command line.
        runbook: Whose plan it is.
        answers: For its gates, beside the plan's hash.
        leaves: Patterns of what it may leave behind on the hosts, by `fnmatch`; whatever else is new is half of something.
        leaves_back: The same of a run that was backed out of, beside `leaves`.
        is_back: Whether it can be backed out of at the beginning.
        has_two_primaries: Two servers take writes, as its scene has it.
        is_planned_once: Each run is the same plan, so that the hash of the first approves of all.
    """

    name: ClassVar[str]
    runbook: ClassVar[str]
    answers: ClassVar[tuple[str, ...]] = ()
    leaves: ClassVar[tuple[str, ...]] = ()
    leaves_back: ClassVar[tuple[str, ...]] = ()
    is_back: ClassVar[bool] = True
    has_two_primaries: ClassVar[bool] = False
    is_planned_once: ClassVar[bool] = False

    def __init__(self) -> None:
        self.old, self.new = "", ""
        self.plan: dict[str, Any] = {}
        self.named_for = ""  # the new primary of the run that moments are named for; empty: of each run itself

    def set_up(self, scene: "KillScene") -> None:
        """Bring the world to where the runbook is wanted; called before each run."""

    def words(self) -> tuple[str, ...]:
        """Return what is said behind `plan` and `run`."""
        return (self.runbook, self.old)

    def begin(self, scene: "KillScene", *, is_refused: bool) -> tuple[tuple[str, ...], str]:
        """Return the command that begins the run, and what approves of it.

        Args:
            scene: Where it is begun.
            is_refused: What approved of it a moment ago did not.
        """
        words = self.words()
        if not self.is_planned_once or not self.plan or is_refused:
            self.plan = scene.planned(*words)
        return ("run", *words), self.plan["hash"]

    def placed(self, point: str) -> str:
        """Return the moment in this run: in the other direction, what is done to the one side is done to the other."""
        if self.named_for in ("", self.new):
            return point
        return re.sub(r"(?<=db|ps)[12](?=$|#)", lambda found: "2" if found[0] == "1" else "1", point)

    def lost(self) -> dict[str, Any]:
        """Return what of `Story` tells which writes may be lost."""
        return {}

    def is_alike(self, whole: dict[str, int], happened: dict[str, int]) -> bool:
        """Return whether `happened` is no more than in the run that nobody killed."""
        return whole == happened

    def wanted(self) -> Marks | None:
        """Return what has to happen on the hosts; None: what happens in a run that nobody kills."""
        return None

    def check(self, scene: "KillScene", ended: Ended) -> None:
        """Look at the world behind a run that succeeded."""

    def check_back(self, scene: "KillScene", ended: Ended) -> None:
        """Look at the world behind a run that was backed out of."""

    def put_back(self, scene: "KillScene", *, is_backed_out: bool) -> None:
        """Bring the world to where `set_up` can be called again."""

    def leave(self, scene: "KillScene") -> None:
        """Bring back a whole cluster, behind the last run."""

    def told(self, happened: Marks) -> dict[str, int]:
        """Return what happened with the names that nodes have in this scene, so that runs in both directions can be compared."""
        names = {"db1": "", "db2": ""} if not self.old else {}
        for role, node in (("old", self.old), ("new", self.new)):
            if node[:2] == "db":
                names |= {node: f"{role} database", f"pps{node[2]}": f"{role} web node"}
        return {f"{sign} {names.get(node) or node}": count for (sign, node), count in sorted(happened.items())}


def marks(**counts: dict[str, int] | Sequence[str]) -> Marks:
    """Return `marks(stopped=["db1"])` as what has to happen once."""
    return Counter({(sign, node): 1 for sign, nodes in counts.items() for node in nodes})


def values_of(events: Sequence[RunEvent], step: str) -> dict[str, Any]:
    """Return what a step found at its end."""
    return dict(next(e.data["values"] for e in reversed(events) if e.kind == "step-finished" and e.step == step))
