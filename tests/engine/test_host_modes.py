"""What a run leaves on its hosts is for the login only, whatever umask that has; the act itself keeps that umask."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.engine.hosts import Hosts
from tests.engine.test_session import Console, Touch, hostless, on_hosts, touching_plan

pytestmark = pytest.mark.usefixtures("patient")


class Outliving(Touch):
    """Has each host keep what a command prints that outlives the line, beside what every act leaves."""

    async def act(self, bench, step) -> None:
        await super().act(bench, step)
        done = await bench.hosts.act_detached(step.host, f"lasting-{step.id}", "echo said; echo told >&2")
        assert (done.exit_status, done.stdout, done.stderr) == (0, "said\n", "told\n")


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_what_a_run_leaves_on_a_host_is_private_under_an_open_umask(tmp_path) -> None:
    async def body(hosts: Hosts, console: Console) -> None:
        here = replace(console, around=replace(console.around, actions={"touch": Outliving()}))
        async with await here.start(hostless(touching_plan())) as session:
            await session.runner.run()
        run = session.run_id
        for host in ("h1", "h2"):
            home = hosts.folder / host
            found = {
                str(each.relative_to(home)): each.lstat() for each in [home / ".ppsconsole", *(home / ".ppsconsole").rglob("*")]
            }
            names = {name.rpartition(f"{run}/")[2] for name in found}
            assert {"plan.json", "events.jsonl", "begun"} <= names
            assert {name.rpartition("/")[2] for name in names if "lasting-" in name} >= {"started", "status", "out", "err"}
            modes = {name: stat.S_IMODE(each.st_mode) for name, each in found.items()}
            assert modes == {name: 0o700 if stat.S_ISDIR(each.st_mode) else 0o600 for name, each in found.items()}
        assert stat.S_IMODE((hosts.folder / "h1" / "stop-web").stat().st_mode) == 0o666, (
            "an act's own files are as the login wants"
        )

    on_hosts(tmp_path, body)
