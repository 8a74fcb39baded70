"""What `lab up` asks the supervisor for; travels as JSON, holds no secret."""

import dataclasses
import json
import os
from pathlib import Path

import ppsconsole


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """A lab to be.

    Attributes:
        folder: Absolute path; absent or empty.
        is_leashed: The lab ends when its standard input does: when whoever started it is gone.
        postgres: `bundled`, `system` or a folder of programs.
        rows: So many entries are in the database from the beginning, beside what the stand-ins make.
    """

    folder: str
    profile: str = "default"
    postgres: str = "bundled"
    is_leashed: bool = False
    rows: int = 0

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """Return what `to_json` wrote."""
        return cls(**json.loads(text))


def python_path() -> str:
    """Return the PYTHONPATH under which a new interpreter finds this package, installed or in a checkout."""
    return os.pathsep.join(filter(None, (str(Path(ppsconsole.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
