"""The boot guard's script, run by a real shell: what keeps a server from starting, and what does not."""

import asyncio
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.boot_guard import guard_path, guard_script
from ppsconsole.actions.looks import QUARANTINE, REWINDING
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.clock import HeldClock
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Inventory
from ppsconsole.plan.step import Step
from tests.unit.runbook_cases import declared, fine, plan

SYSTEM = "7000000000000000001"
CONTROL = f"Database system identifier:           {SYSTEM}\nLatest checkpoint's TimeLineID:       2\n"


@dataclass(frozen=True)
class Host:
    """A data directory of db1, whose peer db2 answers what a test writes; its programs are stand-ins."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def inventory(self) -> Inventory:
        made = declared()
        mine = replace(
            made.database.instances["db1"],
            data_directory=str(self.data),
            bin_directory=str(self.folder / "bin"),
            upstreams={"db2": "host=127.0.0.1 user=replicator"},
        )
        return replace(made, database=replace(made.database, instances={**made.database.instances, "db1": mine}))

    def program(self, name: str, text: str, status: int = 0) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\ncat <<'END'\n{text}END\nexit {status}\n")
        path.chmod(0o755)

    def starts(self) -> tuple[bool, str]:
        script = guard_script(self.inventory, "db1")
        done = subprocess.run(["/bin/sh", "-s"], input=script, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode == 0, done.stderr


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    (made.data / "pg_wal").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    made.program("pg_controldata", CONTROL)
    made.program("psql", f"{SYSTEM} 2 0/3000060 \n")
    return made


def test_where_no_peer_is_newer_it_starts(host: Host) -> None:
    assert host.starts() == (True, "")


def test_behind_a_peer_that_was_promoted_it_does_not_start(host: Host) -> None:
    host.program("psql", f"{SYSTEM} 3 0/4000060 \n")
    is_started, words = host.starts()
    assert not is_started
    assert "db2 is on timeline 3, this one is on 2: it was promoted meanwhile" in words


def test_a_peer_that_is_behind_or_silent_keeps_nothing_from_starting(host: Host) -> None:
    host.program("psql", f"{SYSTEM} 1 0/2000060 \n")
    assert host.starts() == (True, "")
    host.program("psql", "", status=2)
    is_started, words = host.starts()
    assert is_started
    assert "nothing is known of it" in words


def test_another_system_at_the_peers_address_keeps_nothing_from_starting(host: Host) -> None:
    host.program("psql", "8000000000000000001 9 0/4000060 \n")
    is_started, words = host.starts()
    assert is_started
    assert "does not answer as the same system" in words


def test_its_own_promotion_counts_before_the_control_file_has_it(host: Host) -> None:
    host.program("psql", f"{SYSTEM} 10 0/4000060 \n")
    (host.data / "pg_wal" / "0000000A.history").touch()
    (host.data / "pg_wal" / "notes.history").touch()  # no timeline: it is passed over
    assert host.starts() == (True, "")
    host.program("psql", f"{SYSTEM} 11 0/4000060 \n")
    assert not host.starts()[0]


def test_what_is_in_quarantine_starts_as_a_standby_only(host: Host) -> None:
    Path(f"{host.data}{QUARANTINE}").write_text("run 1a2b: db1 was failed over\n")
    is_started, words = host.starts()
    assert not is_started
    assert "it is in quarantine after a failover" in words
    assert "run 1a2b: db1 was failed over" in words
    (host.data / "standby.signal").touch()
    assert host.starts() == (True, "")


def test_a_standby_starts_behind_whatever_timeline(host: Host) -> None:
    host.program("psql", f"{SYSTEM} 3 0/4000060 \n")
    (host.data / "standby.signal").touch()
    assert host.starts() == (True, "")


def test_what_is_half_rewound_never_starts_not_even_as_a_standby(host: Host) -> None:
    Path(f"{host.data}{REWINDING}").touch()
    (host.data / "standby.signal").touch()
    is_started, words = host.starts()
    assert not is_started
    assert "half rewound" in words


# --- putting it there and taking it away ------------------------------------------------------------------------------


class Here:
    """Runs what is sent to a host on this machine."""

    async def look(self, host: str, command: str, **_: Any) -> CommandResult:
        done = await asyncio.to_thread(subprocess.run, ["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
        return CommandResult(done.returncode, done.stdout, done.stderr, 0.0)

    act = look


def acted(host: Host, verb: str, *phases: str) -> list[str]:
    """Return the states of the phases of a step, in turn; an act that is refused is `refused`."""
    made = plan(fine(), "switchover", to="db2", inventory=host.inventory)
    hosts = Here()
    bench = Workbench(host.inventory, made, "r", HeldClock(), None, hosts, lambda words: None)  # type: ignore[arg-type]
    step = Step(verb, verb, verb, "db1")

    async def main() -> list[str]:
        found = []
        for phase in phases:
            try:
                result = await getattr(ACTIONS[verb], phase)(bench, step)
            except Exception as error:
                found.append(f"refused: {error}")
            else:
                found.append("" if result is None else result.state)
        return found

    return asyncio.run(main())


def test_it_is_put_there_whole_and_taken_away_again(host: Host) -> None:
    assert acted(host, "install-boot-guard", "precheck", "verify", "act", "verify") == ["yes", "no", "", "yes"]
    guard = Path(guard_path(host.inventory, "db1"))
    guard.write_text(guard.read_text().replace("exit 1", "exit 0"))
    assert acted(host, "install-boot-guard", "verify") == ["no"]
    assert acted(host, "install-boot-guard", "precheck", "act", "verify") == ["yes", "", "yes"]
    assert acted(host, "remove-boot-guard", "precheck", "verify", "act", "verify") == ["yes", "no", "", "yes"]
    assert not guard.exists()


def test_what_is_none_of_ours_in_its_place_is_neither_replaced_nor_removed(host: Host) -> None:
    guard = Path(guard_path(host.inventory, "db1"))
    guard.write_text("#!/bin/sh\n# the site's own\n")
    assert acted(host, "install-boot-guard", "precheck") == ["no"]
    [before, told] = acted(host, "remove-boot-guard", "precheck", "act")
    assert before == "no"
    assert "could not be changed" in told
    assert guard.read_text() == "#!/bin/sh\n# the site's own\n"


@pytest.mark.parametrize(("calls", "expected"), [("guard={}", "yes"), ("guard=none", "no"), ("", "no")])
def test_a_guard_that_nothing_calls_is_told(host: Host, calls: str, expected: str) -> None:
    path = guard_path(host.inventory, "db1")

    class Says:
        async def look(self, host: str, command: str, **_: Any) -> CommandResult:
            return CommandResult(0, f"state=stopped enabled=enabled {calls.format(path)}\n", "", 0.0)

    made = plan(fine(), "switchover", to="db2", inventory=host.inventory)
    bench = Workbench(host.inventory, made, "r", HeldClock(), None, Says(), lambda words: None)  # type: ignore[arg-type]
    found = asyncio.run(ACTIONS["check-boot-guard"].verify(bench, Step("check", "check-boot-guard", "check", "db1")))
    assert found.state == expected
    assert expected == "yes" or path in found.words
