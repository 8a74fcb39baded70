"""What was committed on a primary that was failed over from, and is not in the history that goes on: a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppsconsole.clock import hhmmss


@dataclass(frozen=True, slots=True)
class LostTransaction:
    """One transaction that was committed and is lost.

    Attributes:
        xid: Its number.
        lsn: Where its COMMIT record begins.
        at: Its commit time by that primary's clock, seconds since 1970 UTC.
        records: How many records of the log it wrote, those of its subtransactions with it.
        wal_bytes: Their length.
        relations: What it wrote to: tables by name, an index or TOAST table under its table's; `DATABASE/FILE` in numbers where
            nobody knows the name.
    """

    xid: int
    lsn: str
    at: float
    records: int
    wal_bytes: int
    relations: tuple[str, ...]

    def said(self) -> str:
        """Return the transaction in one line."""
        wrote = ", ".join(self.relations) or "no relation"
        when = f"{hhmmss(self.at)}.{int(self.at * 1000) % 1000:03d}"
        return f"transaction {self.xid} at {when} UTC: {self.records} records, {self.wal_bytes} bytes: {wrote}"


@dataclass(frozen=True, slots=True)
class LostWrites:
    """The end of a log that nobody goes on with.

    Attributes:
        node: The instance that has it.
        timeline: Of that log.
        fork_lsn: Where the history that goes on left it.
        end_lsn: Where it ends.
        count: Transactions that were committed behind the fork.
        unfinished: Transactions behind the fork that were not committed: nobody was told that they were.
        path: Folder on the host of `node` with the log behind the fork; empty where there was nothing to keep.
        transactions: The first of those that were committed, in the order of their commits.
    """

    node: str
    timeline: int
    fork_lsn: str
    end_lsn: str
    count: int
    unfinished: int = 0
    path: str = ""
    transactions: tuple[LostTransaction, ...] = ()

    def said(self) -> str:
        """Return how much was lost in a few words: `none (counted)`, `1 transaction (counted)`."""
        if not self.count:
            return "none (counted)"
        return f"{self.count} transaction{'' if self.count == 1 else 's'} (counted)"

    def head(self) -> str:
        """Return how much was lost, and where it is kept, without the list."""
        place = f"timeline {self.timeline} of {self.node}, from {self.fork_lsn} to {self.end_lsn}"
        if not self.count:
            said = f"no committed transaction was lost: none is on {place}"
        else:
            more = f", and {self.unfinished} more that were not committed" if self.unfinished else ""
            said = f"{self.said().removesuffix(' (counted)')} lost{more}, on {place}"
        return f"{said}; that log is kept in {self.path} on its host, with the list in transactions.txt" if self.path else said

    def lines(self) -> tuple[str, ...]:
        """Return all that is known, a line for each transaction that is told."""
        lines = [self.head(), *(each.said() for each in self.transactions)]
        if len(self.transactions) < self.count:
            lines.append(f"and {self.count - len(self.transactions)} more")
        return tuple(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the value for the journal and for reports."""
        own = {name: getattr(self, name) for name in self.__slots__ if name != "transactions"}
        listed = [{name: getattr(each, name) for name in each.__slots__ if name != "relations"} for each in self.transactions]
        for told, each in zip(listed, self.transactions, strict=True):
            told["relations"] = list(each.relations)
        return {**own, "transactions": listed}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "LostWrites":
        """Return the value that `as_json` made."""
        listed = tuple(LostTransaction(**{**each, "relations": tuple(each["relations"])}) for each in found["transactions"])
        return cls(**{**found, "transactions": listed})
