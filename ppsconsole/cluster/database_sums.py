"""What one database holds, counted and hashed, so that two of them can be compared: a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TableSum:
    """One table, or all large objects.

    Attributes:
        rows: How many.
        digest: The sum of the 64-bit hashes of its rows, in decimal: the same in whatever order they lie.
    """

    rows: int
    digest: str = "0"


@dataclass(frozen=True, slots=True)
class DatabaseSums:
    """Everything that one database holds, at one moment.

    Attributes:
        tables: By `schema.table`, quoted as SQL would be.
        sequences: By the same kind of name: the last value, and `unused` behind it where it was not given out yet.
        sequences_before: The same as it was before the database was dumped, where users wrote meanwhile: sequences stand outside
            of transactions (PostgreSQL, "Sequence Manipulation Functions"), so a dump of a snapshot may have any value since.
        large_objects: All of them together.
        extensions: Their versions by name.
        objects: How many there are of whatever else a dump carries, by kind: `indexes`, `constraints`, `functions`.
    """

    tables: Mapping[str, TableSum]
    sequences: Mapping[str, str] = field(default_factory=dict)
    large_objects: TableSum = TableSum(0)
    extensions: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, int] = field(default_factory=dict)
    sequences_before: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(each.rows for each in self.tables.values())

    def said(self) -> str:
        """Return how much it is: `7 tables, 1000231 rows`."""
        large = f", {self.large_objects.rows} large objects" if self.large_objects.rows else ""
        return f"{len(self.tables)} tables, {self.rows} rows{large}"

    def differences(self, other: "DatabaseSums", here: str = "here", there: str = "there") -> tuple[str, ...]:
        """Return what is not the same in `other`, each in words; nothing where they hold the same.

        Args:
            other: What it is compared with.
            here: What this database is called in the words.
            there: What the other one is called.
        """
        found = []
        for name in sorted({*self.tables, *other.tables}):
            mine, theirs = self.tables.get(name), other.tables.get(name)
            if mine is None or theirs is None:
                found.append(f"table {name} is missing {there if theirs is None else here}")
            else:
                found += _unlike(f"table {name}", "rows", mine, theirs, here, there)
        found += _unlike("large objects", "of them", self.large_objects, other.large_objects, here, there)
        found += self._sequences_unlike(other, here, there)
        pairs = (
            ("extension", self.extensions, other.extensions),
            ("number of", self.objects, other.objects),
        )
        for kind, ours, others in pairs:
            for name in sorted({*ours, *others}):
                if ours.get(name) != others.get(name):
                    found.append(f"{kind} {name}: {ours.get(name, 'none')} {here}, {others.get(name, 'none')} {there}")
        return tuple(found)

    def _sequences_unlike(self, other: "DatabaseSums", here: str, there: str) -> list[str]:
        found = []
        for name in sorted({*self.sequences, *other.sequences}):
            mine, theirs, before = (each.get(name) for each in (self.sequences, other.sequences, self.sequences_before))
            if mine == theirs or (before and mine and theirs and _is_between(theirs, before, mine)):
                continue
            said = mine or "none"
            if before not in (None, mine):
                said = f"{before} to {said}"
            found.append(f"sequence {name}: {said} {here}, {theirs or 'none'} {there}")
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the value for the journal, or to be kept beside a dump."""
        return {
            "tables": {name: [each.rows, each.digest] for name, each in self.tables.items()},
            "sequences": dict(self.sequences),
            "large_objects": [self.large_objects.rows, self.large_objects.digest],
            "extensions": dict(self.extensions),
            "objects": dict(self.objects),
            "sequences_before": dict(self.sequences_before),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "DatabaseSums":
        """Return the value that `as_json` made.

        Raises:
            ValueError: It is not such a value.
        """
        try:
            return cls(
                {str(name): TableSum(int(rows), str(digest)) for name, (rows, digest) in found["tables"].items()},
                {str(name): str(value) for name, value in found["sequences"].items()},
                TableSum(int(found["large_objects"][0]), str(found["large_objects"][1])),
                {str(name): str(value) for name, value in found["extensions"].items()},
                {str(name): int(value) for name, value in found["objects"].items()},
                {str(name): str(value) for name, value in found.get("sequences_before", {}).items()},  # older ones have none
            )
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"no sums of a database: {type(error).__name__} {error}") from error


def _is_between(value: str, first: str, last: str) -> bool:
    """Return whether a sequence stands at or between two places; one that counts down goes from the higher to the lower."""
    try:
        place, *ends = (_place(each) for each in (value, first, last))
    except ValueError:
        return False
    return min(ends) <= place <= max(ends)


def _place(value: str) -> tuple[int, bool]:
    """Return where a sequence stands, so that places can be compared: `5 unused` comes before `5`."""
    number, _, unused = value.partition(" ")
    return int(number), not unused


def _unlike(what: str, unit: str, mine: TableSum, theirs: TableSum, here: str, there: str) -> list[str]:
    if mine.rows != theirs.rows:
        return [f"{what}: {mine.rows} {unit} {here}, {theirs.rows} {there}"]
    if mine.digest != theirs.digest:
        return [f"{what}: {mine.rows} {unit} on both sides, and not the same ones"]
    return []
