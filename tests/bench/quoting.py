"""Every shell command that is composed, with every kind of nasty text, in a real shell: see `tests/unit/test_shell_quoting.py`.

`python -m tests.bench quoting [--seeds N] [--only-seeds]`, with texts of that many seeds beside the fixed ones; exit 1
when a value did not arrive whole or something else ran.
"""

import argparse
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.unit.nasty_inventories import VARIANTS, drawn
from tests.unit.test_shell_quoting import KINDS, tried


def run(argv: Sequence[str]) -> int:
    """Try all variants with both kinds of services, and print how many commands each came to."""
    parser = argparse.ArgumentParser(prog="quoting", description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--only-seeds", action="store_true", help="leave the fixed texts out")
    options = parser.parse_args(argv)
    code = 0
    for variant in (*(() if options.only_seeds else VARIANTS), *(drawn(seed) for seed in range(options.seeds))):
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as root:
                try:
                    print(f"{variant!r}, {kind}: {len(tried(variant, kind, Path(root)).commands)} commands, all as declared")
                except AssertionError:
                    print(f"{variant!r}, {kind}: NOT as declared")
                    traceback.print_exc()
                    code = 1
    return code
