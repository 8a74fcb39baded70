"""Write outage of a planned switchover, seen by a direct client: ours beside bare `pg_ctl` and bare signals, in one run.

`python -m tests.bench switchover [--rounds N]`. A round is one switchover of each kind, in turns, so that all of them meet the
same machine; one that a busy machine breaks is told and repeated. Ours is `ppsconsole run switchover` on a lab, with everything
that it checks, proves and journals; the bare rows move two instances without a fence, a proof, web nodes or a balancer. The
outage is the largest gap between two acknowledged inserts of a client that knows both addresses and reconnects at once. Ours
reports the outage through the front, too. `signals (on the lab)` are the bare signals on the lab's own instances, with its
supervisor, roads and fsync, seen by the same client as ours: what of ours is the lab and not the engine.
"""

import argparse
import itertools
import json
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

from tests.lab.postgres_server import PASSWORD, PostgresServer, binaries

PAUSE_S = 0.002
LIMIT_S = 60.0


class Writer:
    """Inserts all the time into whichever of its servers takes writes, and keeps the times of what was acknowledged."""

    def __init__(self, targets: Sequence[dict[str, object]]) -> None:
        self._targets = targets
        self._stop = threading.Event()
        self._acknowledged: list[float] = []
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Writer":
        self._thread.start()
        self._settle()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._settle()
        finally:
            self._stop.set()
            self._thread.join()

    @property
    def outage_s(self) -> float:
        """The largest gap between two acknowledged writes."""
        times = self._acknowledged
        return max(after - before for before, after in itertools.pairwise(times))

    def _settle(self) -> None:
        """Wait until fifty more writes were acknowledged."""
        wanted, ends = len(self._acknowledged) + 50, time.monotonic() + LIMIT_S
        while len(self._acknowledged) < wanted:
            if time.monotonic() > ends:
                raise TimeoutError("nothing takes writes")
            time.sleep(0.01)

    def _write(self) -> None:
        turn = 0
        while not self._stop.is_set():
            try:
                with psycopg.connect(**self._targets[turn], connect_timeout=2, autocommit=True) as connection:  # type: ignore[arg-type]
                    while not self._stop.is_set():
                        connection.execute("INSERT INTO bench_writes (at) VALUES (now())")
                        self._acknowledged.append(time.monotonic())
                        time.sleep(PAUSE_S)
            except psycopg.Error:
                turn = (turn + 1) % len(self._targets)


class Pair:
    """Two bare instances of which one is the primary."""

    def __init__(self, folder: Path) -> None:
        primary = PostgresServer(folder / "one")
        folder.chmod(0o711)
        primary.folder.mkdir()
        if os.geteuid() == 0:
            os.chown(primary.folder, 65534, 65534)
        primary.create()
        primary.start()
        primary.execute("CREATE TABLE bench_writes (at timestamptz)")
        self.primary, self.standby = primary, primary.clone(folder / "two")
        self.standby.start()

    def targets(self) -> list[dict[str, object]]:
        return [
            {"host": each.address, "port": each.port, "user": "pps", "password": PASSWORD, "dbname": "postgres"}
            for each in (self.primary, self.standby)
        ]

    def switch(self, promote: Callable[[PostgresServer], None], stop: Callable[[PostgresServer], None]) -> float:
        """Switch over once and return the outage in seconds; the old primary follows afterwards."""
        self.standby.execute("SELECT 1")
        self.primary.execute("CHECKPOINT")
        with Writer(self.targets()) as writer:
            stop(self.primary)
            promote(self.standby)
        old, new = self.primary, self.standby
        source = f"host={new.address} port={new.port} user=pps password={PASSWORD}"
        (old.data / "postgresql.auto.conf").write_text(f"primary_conninfo = '{source}'\n")
        (old.data / "standby.signal").touch()
        if os.geteuid() == 0:
            os.chown(old.data / "standby.signal", 65534, 65534)
        old.start()
        self.primary, self.standby = new, old
        ends = time.monotonic() + LIMIT_S
        while not new.execute("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"):
            if time.monotonic() > ends:
                raise TimeoutError("the old primary does not follow")
            time.sleep(0.05)
        return writer.outage_s

    def warm_up(self) -> None:
        """Switch over once each way, unmeasured."""
        by_pg_ctl(self)
        by_signals(self)

    def stop(self) -> None:
        for each in (self.standby, self.primary):
            each.stop()


def by_signals(pair: Pair) -> float:
    def promote(server: PostgresServer) -> None:
        server.execute("SELECT pg_promote(false)")

    def stop(server: PostgresServer) -> None:
        # Not `server.stop`: a wait with a limit polls, up to 50 ms late; that would flatter us.
        postmaster, server._postmaster = server._postmaster, None
        assert postmaster is not None
        postmaster.send_signal(signal.SIGINT)
        postmaster.wait()

    return pair.switch(promote, stop)


def by_pg_ctl(pair: Pair) -> float:
    def run(server: PostgresServer, *words: str) -> None:
        server._tool("pg_ctl", *words, "-D", server.data, "-w")

    def stop(server: PostgresServer) -> None:
        reaper = threading.Thread(target=server.stop, args=(signal.SIGCONT,))  # reaps it: a zombie would hold up pg_ctl
        reaper.start()
        run(server, "stop", "-m", "fast")
        reaper.join()

    return pair.switch(lambda server: run(server, "promote"), stop)


class Lab:
    """A lab, switched by the program itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "lab"
        self._env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
        self.program("lab", "up", "--detach", "--dir", str(self.folder))
        self.to = "db2"

    def program(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "ppsconsole", *words], env=self._env, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)} exited with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def targets(self) -> list[dict[str, object]]:
        """Return the two databases as a client on web1 reaches them."""
        state = json.loads((self.folder / "lab.json").read_text())
        setting = json.loads((Path(state["hosts"]["web1"]["home"]) / "etc" / "connection.json").read_text())
        password = Path(setting["password_file"])
        if not password.is_absolute():
            password = Path(state["hosts"]["web1"]["home"]) / "etc" / password
        return [
            {
                "host": state["hosts"][name]["address"],
                "port": state["roads"][f"web1>{name}:db"]["port"],
                "user": setting["user"],
                "password": password.read_text().strip(),
                "dbname": setting["dbname"],
            }
            for name in ("db1", "db2")
        ]

    def prepare(self) -> None:
        with psycopg.connect(**self.targets()[0], autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute("CREATE TABLE IF NOT EXISTS bench_writes (at timestamptz)")

    def switch(self) -> tuple[float, float]:
        """Switch over once; return the outage of a direct client and of users through the front, in seconds."""
        inventory = ["-i", str(self.folder / "inventory.yaml")]
        report = self.folder.parent / f"load-{time.monotonic_ns()}.json"
        load = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ppsconsole",
                "lab",
                "load",
                "--dir",
                str(self.folder),
                "--duration",
                "40",
                "--report",
                report,
            ],
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            plan = json.loads(self.program(*inventory, "plan", "switchover", "--to", self.to, "--json"))
            with Writer(self.targets()) as writer:
                self.program(*inventory, "run", "switchover", "--to", self.to, "--approve", plan["hash"])
        finally:
            load.send_signal(signal.SIGINT)
            load.wait(60)
        self.to = "db1" if self.to == "db2" else "db2"
        told = json.loads(report.read_text())
        if told.get("lost"):
            raise RuntimeError(f"acknowledged writes were lost: {told['lost']}")
        return writer.outage_s, _longest_write_outage(told)

    def switch_by_signals(self) -> float:
        """Switch the databases over by bare signals, and back; return the outage of the way there in seconds.

        The web nodes stay where they are: they find their database again. Both instances have followed each other before.
        """
        self._wait_for_stream()
        there = self._signalled(self._other, self.to)
        self._signalled(self.to, self._other)
        return there

    @property
    def _other(self) -> str:
        return "db1" if self.to == "db2" else "db2"

    def _signalled(self, old: str, new: str) -> float:
        state = json.loads((self.folder / "lab.json").read_text())
        was, comes = (Path(state["hosts"][name]["home"]) / "data" for name in (old, new))
        pg_ctl = binaries(self.folder) / "pg_ctl"
        self._asked(old, "CHECKPOINT")
        self._slot(was, old)
        with Writer(self.targets()) as writer:
            pid = _postmaster(was)
            ended = os.pidfd_open(pid)
            try:
                os.kill(pid, signal.SIGINT)
                if not select.select([ended], [], [], LIMIT_S)[0]:
                    raise TimeoutError(f"{old} does not stop")
            finally:
                os.close(ended)
            promote = [pg_ctl, "promote", "-W", "-s", "-D", comes]  # writes the file and signals; waits for nothing
            subprocess.run(promote, user=comes.stat().st_uid, cwd="/", check=True)
        (was / "standby.signal").touch()
        if os.geteuid() == 0:
            owner = was.stat()
            os.chown(was / "standby.signal", owner.st_uid, owner.st_gid)
        self.program("lab", "heal", old, "--dir", str(self.folder))
        self._wait_for_stream()
        return writer.outage_s

    def _slot(self, was: Path, old: str) -> None:
        """Make the slot by which `old` will follow: the console takes one away that nobody needs after a switchover."""
        found = re.search(r"^primary_conninfo = '([^']*)'", (was / "postgresql.auto.conf").read_text(), re.MULTILINE)
        if found is None:
            raise RuntimeError(f"{old} does not know how to follow")
        make = [binaries(self.folder) / "pg_receivewal", "-w", "-d", found[1], "-S", old, "--create-slot", "--if-not-exists"]
        subprocess.run(make, user=was.stat().st_uid, cwd="/", check=True, timeout=LIMIT_S)

    def _wait_for_stream(self) -> None:
        """Wait until one of the two follows the other."""
        ends = time.monotonic() + LIMIT_S
        while not any(
            self._asked(name, "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'") for name in ("db1", "db2")
        ):
            if time.monotonic() > ends:
                raise TimeoutError("the old primary does not follow")
            time.sleep(0.05)

    def _asked(self, name: str, sql: str) -> list[tuple[object, ...]]:
        """Ask an instance as the console does, through the bastion's road."""
        state = json.loads((self.folder / "lab.json").read_text())
        site = state["hosts"][name]["site"]
        port = state["roads"][f"bastion-{site}>{name}:db"]["port"]
        where = {"host": state["hosts"][name]["address"], "port": port, "user": "ppsconsole", "dbname": "pleasant"}
        password = (self.folder / "database.password").read_text().strip()
        with psycopg.connect(**where, password=password, connect_timeout=5, autocommit=True) as connection:
            done = connection.execute(sql)  # type: ignore[call-overload]
            return list(done.fetchall()) if done.description else []

    def stop(self) -> None:
        self.program("lab", "down", "--dir", str(self.folder))


def _postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def _longest_write_outage(report: dict[str, object]) -> float:
    text = json.dumps(report)
    writes = re.search(r'"kind": "write[^}]*?"longest_outage_s": ([0-9.]+)', text)
    if writes is None:
        raise RuntimeError("the load's report has no write outage")
    return float(writes[1])


class Rounds:
    """A lab and a bare pair, and both made anew after a round that broke."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, itertools.count(1)
        self._made: tuple[Lab, Pair] | None = None

    def measured(self) -> dict[str, float]:
        """Play one round of each kind; return the outages in seconds by row."""
        if self._made is None:
            folder = self._folder / str(next(self._numbers))
            folder.mkdir()
            (folder / "bare").mkdir()
            lab, pair = self._made = Lab(folder), Pair(folder / "bare")
            lab.prepare()
            lab.switch()  # warms up, and lets each of the two know how to follow the other
            pair.warm_up()
        lab, pair = self._made
        direct, front = lab.switch()
        return {
            "ours": direct,
            "ours, through the front": front,
            "signals (on the lab)": lab.switch_by_signals(),
            "pg_ctl stop + promote": by_pg_ctl(pair),
            "signals": by_signals(pair),
        }

    def stop(self) -> None:
        """End what runs."""
        made, self._made = self._made, None
        if made is not None:
            made[1].stop()
            made[0].stop()


ROWS = ("ours", "pg_ctl stop + promote", "signals", "signals (on the lab)", "ours, through the front")
BROKEN = (RuntimeError, TimeoutError, psycopg.Error, subprocess.SubprocessError, OSError)
MOST_BROKEN = 5


def run(argv: list[str]) -> int:
    """Measure, print a row for each way, and return 0; 1 when more than `MOST_BROKEN` rounds broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench switchover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args(argv).rounds
    folder = Path(tempfile.mkdtemp(prefix="ppsconsole-bench-"))
    folder.chmod(0o755)
    found: list[dict[str, float]] = []
    broken, at_work = 0, Rounds(folder)
    try:
        while len(found) < rounds and broken <= MOST_BROKEN:
            try:
                found.append(at_work.measured())
            except BROKEN as error:
                broken += 1
                print(f"round {len(found) + 1} broke and is repeated: {error}", file=sys.stderr, flush=True)
                at_work.stop()
    finally:
        at_work.stop()
        shutil.rmtree(folder)
    if len(found) < rounds:
        print(f"{broken} rounds broke; nothing is told of the {len(found)} that did not", file=sys.stderr)
        return 1
    print(f"write outage of a planned switchover, {rounds} rounds in turns, {broken} repeated, milliseconds: median [min-max]")
    for row in ROWS:
        times = [each[row] * 1000 for each in found]
        print(f"{row:26} {statistics.median(times):8.0f}  [{min(times):.0f}-{max(times):.0f}]")
    ours = statistics.median(each["ours"] for each in found)
    for row in ("signals", "signals (on the lab)"):
        print(f"{'ours / ' + row:26} {ours / statistics.median(each[row] for each in found):8.2f}")
    return 0
