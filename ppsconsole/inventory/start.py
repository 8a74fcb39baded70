"""What a person chose before there was a cluster to show."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Start:
    """One choice.

    Attributes:
        act: `open` an inventory, start the `lab`, say `where` an inventory is looked for, or `quit`.
        path: The inventory to open.
        code: What to exit with after `quit`: not 0 where a signal ended it.
    """

    act: Literal["open", "lab", "where", "quit"]
    path: str = ""
    code: int = 0
