"""Databases of the model: a log, a timeline, a control file. What a crash leaves, what a standby lacks, what a promotion ends."""

from dataclasses import dataclass, field
from typing import Literal

from ppsconsole.actions.dead_wal import record_end
from tests.engine.model.held import STARTED_AT

PID = 4711
"""Of whatever works in a data directory."""

SYSTEM = "7000000000000000001"
FIRST = 0x3010028
PAGE, SEGMENT = 8192, 16 << 20
COMMIT_BYTES, CHECKPOINT_BYTES = 0x60, 0x78


class UnknownToModel(AssertionError):
    """The product sent what the model does not know: extend the model."""


def lsn(position: int) -> str:
    """Return a position as PostgreSQL writes it."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One record of a log; the same object in every copy of it.

    Attributes:
        number: Of a commit; 0 for what is none.
        at: When it was written, by the model's clock.
    """

    start: int
    end: int
    number: int
    at: float


Process = Literal["gone", "up", "frozen", "stopping"]


@dataclass(slots=True)
class Database:
    """One instance.

    Attributes:
        log: Oldest first.
        history: Timelines that it left, and where: (timeline, position).
        process: `stopping`: a fast stop that waits for a walsender.
        is_sleepy: Its first request for a promotion is slept over.
        promotes_at: When an asked promotion happens; None when none was asked.
        upstream: Whom it follows as a standby.
        kept: Copies of its log, by folder.
        clones: Whole copies of a primary that are made for it, by run: log, timeline, history.
        files: What else lies beside its data directory.
        loses_signal: Somebody takes the marker of a standby away as soon as it is written.
        held_back: A standby that is connected and gets nothing.
    """

    name: str
    host: str
    log: list[Record] = field(default_factory=list)
    timeline: int = 1
    history: list[tuple[int, int]] = field(default_factory=list)
    process: Process = "up"
    in_recovery: bool = False
    has_signal: bool = False
    upstream: str = ""
    slots: list[str] = field(default_factory=list)
    kept: dict[str, list[Record]] = field(default_factory=dict)
    clones: dict[str, tuple[list[Record], int, list[tuple[int, int]]]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    control_state: str = "in production"
    control_checkpoint: int = FIRST
    is_quarantined: bool = False
    is_paused: bool = False
    paused_end: int = FIRST
    held_back: bool = False
    loses_signal: bool = False
    is_sleepy: bool = False
    promotes_at: float | None = None
    checkpointed_at: float = 0.0
    replayed_at: float | None = None
    started_at: float = STARTED_AT

    @property
    def end(self) -> int:
        return self.log[-1].end if self.log else FIRST

    @property
    def replayed(self) -> int:
        return self.paused_end if self.is_paused else self.end

    @property
    def is_writable(self) -> bool:
        """Whether a commit that reached it now would be acknowledged."""
        return self.process == "up" and not self.in_recovery

    def write(self, number: int, at: float, length: int = COMMIT_BYTES) -> Record:
        start = self.end
        if start % PAGE == 0:  # behind the header of the page
            start += 40 if start % SEGMENT == 0 else 24
        record = Record(start, record_end(start, length, PAGE, SEGMENT), number, at)
        self.log.append(record)
        return record

    def has(self, other: "Database") -> bool:
        """Return whether the log of `other` is a beginning of this one."""
        length = len(other.log)
        return length <= len(self.log) and (length == 0 or self.log[length - 1] is other.log[-1])

    def take(self, record: Record) -> None:
        """Have the next record of the log that it follows."""
        self.log.append(record)
        if record.number:
            self.replayed_at = record.at

    def receive(self, source: "Database", upto: float) -> None:
        """Take over what `source` wrote until `upto`."""
        for record in source.log[len(self.log) :]:
            if record.at > upto:
                break
            self.take(record)
        if source.timeline != self.timeline:
            self.timeline, self.history = source.timeline, list(source.history)

    def crash(self) -> None:
        """Lose every process at once; the log stays."""
        self.process, self.promotes_at = "gone", None

    def end_cleanly(self, at: float) -> None:
        """End in good order: a primary with a shutdown checkpoint at the end of its log."""
        if self.in_recovery:
            self.control_state = "shut down in recovery"
        else:
            self.control_checkpoint = self.write(0, at, CHECKPOINT_BYTES).start
            self.control_state = "shut down"
        self.process = "gone"

    def start(self, at: float) -> None:
        """Come up as what its data directory says."""
        self.process, self.in_recovery, self.started_at = "up", self.has_signal, float(int(at))
        self.control_state = "in archive recovery" if self.has_signal else "in production"

    def promote(self, at: float) -> None:
        """Leave recovery on a timeline of its own."""
        self.history.append((self.timeline, self.end))
        self.timeline, self.in_recovery, self.has_signal, self.promotes_at = self.timeline + 1, False, False, None
        self.write(0, at)
        self.upstream, self.control_state = "", "in production"
        self.control_checkpoint = self.write(0, at, CHECKPOINT_BYTES).start
        self.checkpointed_at = at
