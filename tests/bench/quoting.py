"""Every shell command that is composed, with every kind of nasty text, in a real shell: see `tests/unit/test_shell_quoting.py`.

`python -m tests.bench quoting`; exit 1 when a value did not arrive whole or something else ran.
"""

import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.unit.nasty_inventories import VARIANTS
from tests.unit.test_shell_quoting import KINDS, tried


def run(argv: Sequence[str]) -> int:
    """Try all variants with both kinds of services, and print how many commands each came to."""
    code = 0
    for number, variant in enumerate(VARIANTS):
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as root:
                try:
                    print(f"{variant!r}, {kind}: {len(tried(number, kind, Path(root)).commands)} commands, all as declared")
                except AssertionError:
                    traceback.print_exc()
                    code = 1
    return code
