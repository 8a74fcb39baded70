"""Whether an instance could follow another one: what came of logging in there as its standby would. A pure value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WayThere:
    """What came of one trial, on the host of `node`, by the very words that the run would write for it.

    Attributes:
        node: Who would follow.
        primary: Whom.
        is_open: It got in, with the right to replicate; None where that could not be tried.
        words: What was said, or why it could not be tried; empty where it got in.
        system: The system identifier that answered; empty where none did.
    """

    node: str
    primary: str
    is_open: bool | None
    words: str = ""
    system: str = ""
