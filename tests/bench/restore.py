"""What a restore takes: dump, restore and comparison of ours beside bare `pg_dump -j | pg_restore -j`, in one run.

`python -m tests.bench restore [--rows N] [--rounds N]`. Both copy the database of one server of a lab onto the other one, by the
same way and with the same number of processes, in turns, so that both meet the same machine. Ours is the three steps as a run
carries them out on the host by SSH: the dump with counts and hashes under its snapshot, the restore into a new database with
ANALYZE and everything that makes it like the old one, the comparison of every table. The bare rows do none of this. `-Z 0` is the
bare pair without compression, which ours leaves out as well. What is compared, and meant to be at most 1.5, is ours by the bare
pair with its defaults.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ppsconsole.actions.copying import copy_name, login
from ppsconsole.inventory.model import Inventory
from tests.lab.acting import Acting, acting
from tests.lab.conftest import Lab

MOST = 1.5
STEPS = ("dump-database", "restore-database", "compare-databases")
_LIMIT_S = 3600.0


def run(arguments: list[str]) -> int:
    """Measure, print the table, return 0 where ours is within the bound."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench restore")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ppsconsole-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        lab = Lab(folder / "lab", {"XDG_STATE_HOME": str(folder / "state")})
        print(f"a lab with {chosen.rows} rows ...", file=sys.stderr)
        _start(lab, chosen.rows, folder)
        try:
            return asyncio.run(_measured(lab, chosen.rows, chosen.rounds, folder))
        finally:
            lab.down()


def _start(lab: Lab, rows: int, folder: Path) -> None:
    line = [sys.executable, "-m", "ppsconsole", "lab", "up", "--detach", "--dir", str(lab.folder), "--rows", str(rows)]
    subprocess.run(line, env={**os.environ, **lab.env}, check=True, capture_output=True, timeout=_LIMIT_S)


async def _measured(lab: Lab, rows: int, rounds: int, folder: Path) -> int:
    took: dict[str, list[float]] = {"ours": [], "bare": [], "bare -Z 0": []}
    parts: dict[str, list[float]] = {verb: [] for verb in STEPS}
    async with acting(lab) as doing:
        inventory = doing.bench.inventory
        _psql(inventory, "postgres", "SELECT pg_promote()")
        for number in range(rounds + 1):  # the first warms up and does not count
            ours = await _ours(doing, f"bench{number}")
            bare = _bare(inventory, folder, ())
            plain = _bare(inventory, folder, ("-Z", "0"))
            print(f"round {number}: ours {sum(ours.values()):.1f}s, bare {bare:.1f}s, bare -Z 0 {plain:.1f}s", file=sys.stderr)
            if number:
                took["ours"].append(sum(ours.values()))
                took["bare"].append(bare)
                took["bare -Z 0"].append(plain)
                for verb, each in ours.items():
                    parts[verb].append(each)
    print(f"{rows} rows, {rounds} rounds in turns, {_jobs()} processes; median (min to max) in s")
    for name, each in [*took.items(), *((f"  {verb}", found) for verb, found in parts.items())]:
        print(f"{name:<22} {statistics.median(each):7.1f}  ({min(each):.1f} to {max(each):.1f})")
    ratio = statistics.median(took["ours"]) / statistics.median(took["bare"])
    print(f"ours / bare: {ratio:.2f} (meant to be at most {MOST})")
    return 0 if ratio <= MOST else 1


async def _ours(doing: Acting, run_id: str) -> dict[str, float]:
    """Return how long each step took, in seconds; what it made is removed."""
    doing.bench.run = run_id
    doing.bench.values.clear()
    took = {}
    for verb in STEPS:
        began = time.monotonic()
        await doing.do(verb, "db2", arguments={"source": "db1"}, timeout_s=_LIMIT_S)
        took[verb] = time.monotonic() - began
    await doing.undo("dump-database", "db2")
    inventory = doing.bench.inventory
    _psql(inventory, "postgres", f'DROP DATABASE "{copy_name(inventory.database.database, "restore", run_id)}"')
    return took


def _bare(inventory: Inventory, folder: Path, options: tuple[str, ...]) -> float:
    """Return how long pg_dump and pg_restore alone take, in seconds."""
    programs = Path(str(inventory.database.instances["db2"].bin_directory))
    target = folder / "bare"
    _psql(inventory, "postgres", "CREATE DATABASE bare TEMPLATE template0")
    began = time.monotonic()
    dump = [programs / "pg_dump", "-Fd", "-j", str(_jobs()), *options, "-d", login(inventory, "db2", "db1", "pleasant")]
    subprocess.run([*dump, "-f", target], check=True, timeout=_LIMIT_S)
    restore = [programs / "pg_restore", "-j", str(_jobs()), "-d", login(inventory, "db2", "db2", "bare"), target]
    subprocess.run(restore, check=True, timeout=_LIMIT_S)
    took_s = time.monotonic() - began
    shutil.rmtree(target)
    _psql(inventory, "postgres", "DROP DATABASE bare")
    return took_s


def _psql(inventory: Inventory, database: str, sql: str) -> None:
    psql = Path(str(inventory.database.instances["db2"].bin_directory)) / "psql"
    line = [psql, "-XAtq", "-w", "-d", login(inventory, "db2", "db2", database), "-c", sql]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, timeout=_LIMIT_S)


def _jobs() -> int:
    return min(8, os.cpu_count() or 2)
