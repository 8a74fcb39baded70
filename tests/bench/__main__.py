"""`python -m tests.bench NAME [OPTIONS]`: runs one benchmark; each is imported only when it is asked for."""

import importlib
import sys

BENCHES = {
    "fleet": "tests.bench.fleet",
    "inventories": "tests.bench.inventories",
    "inventory": "tests.bench.inventory",
    "journal": "tests.bench.journal",
    "quoting": "tests.bench.quoting",
    "restore": "tests.bench.restore",
    "simulate": "tests.bench.simulate",
    "promotions": "tests.bench.promotions",
    "switchover": "tests.bench.switchover",
    "terminal": "tests.bench.terminal",
}


def main(argv: list[str]) -> int:
    """Run the benchmark that the first word names and return its exit code; 2 for an unknown name."""
    if not argv or argv[0] not in BENCHES:
        print(f"usage: python -m tests.bench NAME [OPTIONS]; names: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    code: int = importlib.import_module(BENCHES[argv[0]]).run(argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
