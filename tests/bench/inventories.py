"""Thousands of generated inventories, each held to the promise of the loader: no traceback, place and remedy, no secret, no hang.

`python -m tests.bench inventories [--count N] [--first SEED]`; exit 1 when one breaks it. A seed gives the same file each time.
"""

import argparse
import time
import traceback
from collections.abc import Sequence

from tests.unit.generated_inventories import generated, judged


def run(argv: Sequence[str]) -> int:
    """Load inventories number `--first` and on, and print what became of them; 1 where one was not dealt with as promised."""
    parser = argparse.ArgumentParser(prog="inventories", description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args(argv)
    seeds = range(options.first, options.first + options.count)
    accepted = mistakes = planted = size = 0
    broken: list[int] = []
    slowest = (0.0, 0)
    for seed in seeds:
        data, secrets = generated(seed)
        size, planted = size + len(data), planted + len(secrets)
        started = time.perf_counter()
        try:
            found = judged(seed)
        except Exception:
            broken.append(seed)
            traceback.print_exc()
            continue
        slowest = max(slowest, (time.perf_counter() - started, seed))
        accepted, mistakes = accepted + (found == 0), mistakes + found
    refused = len(seeds) - accepted - len(broken)
    print(f"{len(seeds)} inventories, {size} bytes, {planted} planted secrets")
    print(f"{accepted} accepted, {refused} refused ({mistakes} mistakes); slowest: {slowest[0]:.2f} s (seed {slowest[1]})")
    print(f"{len(broken)} broke the promise" + (f": seeds {', '.join(map(str, broken))}" if broken else ""))
    return 1 if broken else 0
