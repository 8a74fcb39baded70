"""What a web node cannot read its data without, and what does not travel with the database: values inside facts."""

from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One key file on the host of a web node, as far as it may be known.

    Attributes:
        path: As declared.
        state: `ok`, `missing`, `empty` or `unreadable`.
        mark: The same for the same content, as long as this console runs, and nothing can be learned from it; empty where the
            file could not be read.
    """

    path: str
    state: str
    mark: str = ""
