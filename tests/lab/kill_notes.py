"""What `tests.lab.kill_everywhere` or `tests.lab.partitions` went through, one line of JSON each, to be picked up again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Notes:
    """Which moments were gone through, and which runbooks whole.

    Attributes:
        rows: What became of a runbook that was gone through whole, by its name in the table.
    """

    def __init__(self, path: Path | None, chosen: dict[str, Any]) -> None:
        """Read what is there.

        Args:
            path: Where it stands; None keeps nothing.
            chosen: What has to be the same, as other moments are gone through otherwise.

        Raises:
            ValueError: It is of a call that chose otherwise.
        """
        self.rows: dict[str, dict[str, Any]] = {}
        self._path, self._moments = path, set[tuple[str, str]]()
        lines = path.read_text().splitlines(keepends=True) if path is not None and path.exists() else []
        # The last one may be half: it was being written when the machine went down.
        told = [json.loads(line) for line in lines if line.endswith("\n")]
        if told and told[0] != {"chosen": chosen}:
            raise ValueError(f"{path} is of a call with {told[0]}, and not {chosen}")
        for each in told[1:]:
            if "row" in each:
                self.rows[each["row"]["runbook"]] = each["row"]
            else:
                self._moments |= {(each["of"], moment) for moment in each["moments"]}
        if path is not None and len(told) != len(lines):
            path.write_text("".join(lines[:-1]))
        if not told:
            self._write({"chosen": chosen})

    def has(self, name: str, moment: str) -> bool:
        """Return whether a console was killed at it, and all was right."""
        return (name, moment) in self._moments

    def add(self, name: str, moments: Sequence[str]) -> None:
        """Note moments of a run in which all was right."""
        if moments:
            self._write({"of": name, "moments": list(moments)})

    def end(self, row: dict[str, Any]) -> None:
        """Note a runbook that was gone through whole."""
        self._write({"row": row})

    def _write(self, value: dict[str, Any]) -> None:
        if self._path is not None:
            with self._path.open("a") as file:
                print(json.dumps(value), file=file)
