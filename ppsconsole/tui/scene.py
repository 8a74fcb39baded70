"""What flows down to the screens: one immutable value for each moment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppsconsole.cluster.picture import Event, Picture
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict, worst
from ppsconsole.inventory.model import Inventory
from ppsconsole.values import dataclass

if TYPE_CHECKING:  # the first frame shows none of this, and has no time to load it
    from ppsconsole.advice.diagnosis import Advice
    from ppsconsole.runbooks.building import Background
    from ppsconsole.tui.desks import Unfinished
    from ppsconsole.tui.live import Live


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a screen shows.

    Attributes:
        picture: The newest picture; None before the first one.
        advice: Made from that picture.
        own_events: What happened to the console itself, oldest first.
        trouble: Why nothing is polled any more; empty while it is.
        banner: A remark of whoever opened the console; may be empty.
        now: The time that ages are counted to, seconds since 1970 UTC.
        is_stale: Whether the picture is older than it ought to be; ages are shown then, and only then.
        is_unlocked: Whether the engine lets this console change anything.
        run: The run of this console, or the one that is looked at; None while there is none.
        unfinished: Open runs that other consoles, or this one before, left in the journal.
        background: What was seen before: what a way costs hangs on it; None until there is advice.
    """

    inventory: Inventory
    now: float
    picture: Picture | None = None
    advice: "tuple[Advice, ...]" = ()
    own_events: tuple[Event, ...] = ()
    trouble: str = ""
    banner: str = ""
    is_stale: bool = False
    is_unlocked: bool = False
    run: "Live | None" = None
    unfinished: "tuple[Unfinished, ...]" = ()
    background: "Background | None" = None

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot inside the picture."""
        return None if self.picture is None else self.picture.snapshot

    def events(self) -> tuple[Event, ...]:
        """Return the events of cluster and console together, newest first."""
        seen: Sequence[Event] = () if self.picture is None else self.picture.events
        return tuple(sorted((*seen, *self.own_events), key=lambda event: event.at, reverse=True))

    def apart(self) -> Verdict | None:
        """Return the verdict of the cluster where it is louder than that of any node: a login fails, a link is down."""
        if self.snapshot is None:
            return None
        nodes = worst(node.verdict for node in self.snapshot.nodes)
        loudest = worst([nodes, self.snapshot.verdict, *(each.verdict for each in self.advice)])
        return loudest if loudest is not nodes and loudest in (Verdict.WARN, Verdict.DOWN) else None

    def counts(self) -> dict[Verdict, int]:
        """Return how many nodes there are of each verdict, the loudest first; those without any are left out."""
        nodes = () if self.snapshot is None else self.snapshot.nodes
        order = (Verdict.DOWN, Verdict.WARN, Verdict.UNKNOWN, Verdict.OK, Verdict.OFF)
        found = {verdict: sum(node.verdict is verdict for node in nodes) for verdict in order}
        return {verdict: count for verdict, count in found.items() if count}
