"""The log and node views on a real lab, by keys: what happens to a server is read in its log while it happens."""

import asyncio
import json
import os
import subprocess
import time

from ppsconsole.clock import SystemClock
from ppsconsole.inventory.load import load
from ppsconsole.probes.monitor import Monitor
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.logs import HostLogs
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.screens.log import LogScreen
from ppsconsole.tui.screens.node import NodeScreen
from ppsconsole.tui.theming import load_palette
from tests.lab.conftest import Lab
from tests.lab.kill_nursery import shared_nursery
from tests.lab.test_console_story import Keys
from tests.lab.test_logs import LIMIT_S, readers

DEADLINE_S = 120.0
UNKNOWN = 6


def node(lab: Lab, *words: str) -> "subprocess.CompletedProcess[str]":
    """Look at a node until something is known of it: a machine that is busy may answer later than a look waits."""
    command = ("-i", str(lab.inventory), "node", *words)
    environ, until = {**os.environ, **lab.env}, time.monotonic() + DEADLINE_S
    while True:
        told = shared_nursery().run(command, environ, limit_s=LIMIT_S)
        if told.returncode != UNKNOWN or time.monotonic() > until:
            return told


def test_a_restart_is_read_in_the_log_while_it_happens(lab: Lab) -> None:
    async def main() -> None:
        inventory = load(str(lab.inventory))
        source = Monitor(inventory)
        logs = HostLogs(inventory, SystemClock(), source.record)
        app = PpsConsoleApp(inventory, source, palette=load_palette("dark"), logs=logs)
        async with app.run_test(size=(140, 45)) as pilot:
            keys = Keys(app, pilot)
            await keys.until(lambda: app.scene.snapshot is not None and app.scene.snapshot.is_complete)
            app.open_node("db2")
            await keys.on(NodeScreen)
            page = app.screen
            assert isinstance(page, NodeScreen)
            await keys.until(lambda: bool(page.tail.lines))
            await keys.press("l")
            await keys.on(LogScreen)
            screen = app.screen
            assert isinstance(screen, LogScreen)
            await keys.until(lambda: len(screen.view.buffer) > 0 and bool(readers(lab)))
            assert "db.log (1/4)" in screen.view.text()
            await asyncio.to_thread(lab.fault, "stop", "db2")
            await keys.until(lambda: "received fast shutdown request" in screen.view.text())
            await asyncio.to_thread(lab.heal)
            await keys.until(lambda: "ready to accept read-only connections" in screen.view.text().split("shutdown request")[-1])
            await keys.press("escape")
            await keys.until(lambda: not readers(lab))
            assert app.screen is page
            await keys.until(lambda: any("ready to accept" in line for line in page.tail.lines))
            await keys.press("escape")
            await keys.on(HomeScreen)

    asyncio.run(main())


def test_the_command_tells_the_same_of_every_kind_of_node(lab: Lab) -> None:
    database = node(lab, "db1")
    assert database.returncode == 0, database.stdout + database.stderr
    for words in ("db1  ok  PRIMARY", "switchover --to db2", "SESSIONS", "FACTS: replication", "LOG  db1:", "rc 0"):
        assert words in database.stdout
    document = json.loads(node(lab, "pps1", "--json").stdout)
    assert document["facts"]["points_at"]["value"] == "db1"
    assert document["log"]["lines"]
    assert document["commands"]
    assert any(each["title"] == "restart pps1" and each["is_blocked"] for each in document["actions"])
    assert "standin.log" in node(lab, "pps2").stdout
    assert "error.log" in node(lab, "lb1").stdout
    assert "No runbook acts on it." in node(lab, "bastion-a", "--ascii").stdout
    unknown = node(lab, "db9")
    assert unknown.returncode == 2
    assert "There are bastion-a" in unknown.stderr


def test_a_node_that_is_down_exits_with_5_and_its_log_can_still_be_read(lab: Lab) -> None:
    lab.fault("kill", "db2")
    told = node(lab, "db2")
    assert told.returncode == 5, told.stdout
    assert "db.log" in told.stdout
    assert "restart db2" in told.stdout
