"""The README's table of what can go wrong, written from `tests.lab.faults_rows`.

python -m tests.lab.faults_table [--update README.md]
"""

import argparse
from pathlib import Path

from ppsconsole.settings.sheet import renewed
from tests.lab.faults_row import Row
from tests.lab.faults_rows import GROUPS

BEGIN = "<!-- faults: written by `python -m tests.lab.faults_table --update README.md` -->"
END = "<!-- end of faults -->"


def rows() -> tuple[Row, ...]:
    """Return all of them."""
    return tuple(row for group in GROUPS.values() for row in group)


def markdown() -> str:
    """Return the table, as it stands in the README."""
    lines = ["| what goes wrong | what the console does | ends | shown by |", "| --- | --- | --- | --- |"]
    for name, group in GROUPS.items():
        lines.append(f"| **{name}** | | | |")
        for row in group:
            file, _, test = row.test.removeprefix("tests/").partition("::")
            lines.append(f"| {row.fault} | {row.does} | {row.ends} | `{file}` {test.partition('[')[0].removeprefix('test_')} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", type=Path, metavar="FILE", help="renew the table between its two markers")
    file = parser.parse_args().update
    if file is None:
        print(markdown())
    else:
        file.write_text(renewed(file.read_text(), BEGIN, END, markdown()))
