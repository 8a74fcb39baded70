"""Preflight: what was checked before a plan may run, each item with its remedy."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was checked.

    Attributes:
        name: Stable, kebab-case, for grep.
        state: `not checked` is its own state, never `ok`.
        words: What was seen.
        remedy: What to do when it is not ok.
        is_blocking: A plan with a failing item of this kind does not run.
    """

    name: str
    state: Literal["ok", "failing", "not checked"]
    words: str
    remedy: str = ""
    is_blocking: bool = False

    @property
    def is_blocked(self) -> bool:
        """Whether this alone keeps the plan from running."""
        return self.is_blocking and self.state == "failing"

    def as_json(self) -> dict[str, Any]:
        """Return the item for `plan --json`."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Item":
        """Return the item that `as_json` made."""
        return cls(**found)
