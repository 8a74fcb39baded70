"""The way back at a balancer whose configuration somebody breaks meanwhile: the file from before the run is what is left."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.actions import balancer as balancing
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.members import up_in
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.actions.serving import Answer
from ppsconsole.clock import SystemClock
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import BadAnswer
from ppsconsole.plan.step import Step
from tests.unit.runbook_cases import declared, fine, plan

WAS = "server 127.9.1.11:10001; # server 127.9.9.9:1;\nserver 127.9.2.11:10001 down;\n"
NGINX = """#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >>sent
if [ -e broken ]; then echo 'nginx: [emerg] unknown directive "this" in /etc/nginx.conf:12' >&2; exit 1; fi
case "$1" in -s) cp up.conf loaded;; *) echo "upstream pps {"; cat up.conf; echo "}";; esac
"""


class Here:
    """Runs what is sent to a host in a shell here."""

    async def act(self, host: str, command: str, *, stdin: str = "", timeout_s: float = 10.0) -> CommandResult:
        shell = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await shell.communicate(stdin.encode())
        return CommandResult(shell.returncode or 0, out.decode(), err.decode(), 0.1)

    look = act


class Spot:
    """A balancer in a folder, whose users were just taken off by a run; `front` is what it answers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.include, self.front = folder, folder / "up.conf", Answer("ok", 200, "pps1", "")
        program = folder / "nginx"
        program.write_text(NGINX)
        program.chmod(0o755)
        self.include.write_text(WAS)
        plain = declared()
        lb1 = replace(plain.balancers["lb1"], include=str(self.include), program=str(program), service=None)
        inventory = replace(plain, balancers={"lb1": lb1})
        self.step = Step("drain-lb1", "Take users off", "drain", "lb1", "lb1", timeout_s=60.0)
        made = plan(fine(), "switchover", to="db2")
        self.bench = Workbench(inventory, made, "run1", SystemClock(), None, Here(), lambda words: None)  # type: ignore[arg-type]
        self.bench.note(self.step, was=WAS)
        self.drain = ACTIONS["drain"]

    async def back(self) -> tuple[str, Finding]:
        """Undo it, and look; return what the undo raised, and what was seen."""
        said = ""
        try:
            await self.drain.undo(self.bench, self.step)
        except BadAnswer as error:
            said = str(error)
        return said, await self.drain.verify_undone(self.bench, replace(self.step, timeout_s=0.2))


@pytest.fixture
def spot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spot:
    made = Spot(tmp_path)

    async def asked(bench: Workbench, node: str) -> Answer:
        return made.front

    monkeypatch.setattr(balancing, "asked", asked)
    return made


def test_the_file_from_before_is_back_also_where_nginx_refuses_what_others_wrote(spot: Spot) -> None:
    async def main() -> None:
        await spot.drain.act(spot.bench, spot.step)
        assert spot.include.read_text().count(" down;") == 2
        (spot.folder / "broken").touch()
        said, found = await spot.back()
        assert spot.include.read_text() == WAS
        assert 'the old file is back: nginx: [emerg] unknown directive "this"' in said
        assert found.state == "yes", found.words
        assert "is what it was" in found.words
        assert "[emerg] unknown directive" in found.words
        assert "HTTP 200 from pps1" in found.words

    asyncio.run(main())


@pytest.mark.parametrize(
    "front", [Answer("ok", 502, "pps", ""), Answer("ok", 200, "pps2", ""), Answer("refused", None, None, "")]
)
def test_users_that_are_not_back_are_told_so(spot: Spot, front: Answer) -> None:
    async def main() -> None:
        await spot.drain.act(spot.bench, spot.step)
        (spot.folder / "broken").touch()
        spot.front = front
        _, found = await spot.back()
        assert spot.include.read_text() == WAS
        assert (found.state, "the front says" in found.words) == ("no", True)
        (spot.folder / "broken").unlink()
        spot.front = Answer("ok", 200, "pps1", "")
        said, found = await spot.back()
        assert (said, found.state) == ("", "yes")
        assert (spot.folder / "loaded").read_text() == WAS, "resumed once it is mended, it has nginx read the old file"

    asyncio.run(main())


def test_without_a_header_that_proves_it_nobody_knows_what_nginx_works_with(spot: Spot) -> None:
    async def main() -> None:
        await spot.drain.act(spot.bench, spot.step)
        (spot.folder / "broken").touch()
        inventory = spot.bench.inventory
        lb1 = replace(inventory.balancers["lb1"], proof_header=None)
        spot.bench = replace(spot.bench, inventory=replace(inventory, balancers={"lb1": lb1}))
        _, found = await spot.back()
        assert (spot.include.read_text(), found.state) == (WAS, "unknown")

    asyncio.run(main())


def test_who_is_asked_by_a_file_alone() -> None:
    assert up_in(WAS) == {"127.9.1.11:10001"}
    assert up_in("server a:1 backup; server b:2 weight=2;") == {"b:2"}
