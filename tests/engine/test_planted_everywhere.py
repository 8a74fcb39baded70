"""Many secrets at once, said by hosts in a run on real SSH servers: found in no file, report, picture, log or traceback of it."""

import asyncio
import json
import logging
import os
import shlex
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from ppsconsole.actions.base import Finding
from ppsconsole.cluster.picture import CommandRecord, Event
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import UNICODE, line_text
from ppsconsole.drivers import log_reading, secrets
from ppsconsole.drivers.log import NEAR_LINE, LogSource
from ppsconsole.drivers.ssh import SshPool
from ppsconsole.errors import TimedOut
from ppsconsole.inventory.places import state_home
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.masking import plain
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan
from ppsconsole.reports.document import document_of
from ppsconsole.reports.html import report_html
from ppsconsole.reports.story import story_of
from ppsconsole.reports.text import report_lines, report_markdown
from ppsconsole.tui import crash
from ppsconsole.tui.screens.commands import CommandsScreen
from ppsconsole.tui.screens.log import LogScreen
from ppsconsole.tui.screens.node import NodeScreen
from ppsconsole.tui.screens.replay import ReplayScreen
from ppsconsole.tui.screens.report import ReportScreen
from ppsconsole.tui.screens.runs import RunsScreen
from tests.engine.hosts import DEADLINE_S, Hosts, until
from tests.engine.test_session import Console, Touch, hostless, touching_plan
from tests.tui.desk_double import DeskDouble, OpenDouble
from tests.tui.logs_double import LogsDouble
from tests.tui.running import on
from tests.tui.scripted import console
from tests.unit.snapshots import AT, fine, picture

RESOLVED = {"env": "Env7Kq$Zr'9wT2", "file": 'Fil3"Xv\\8mPq5Ld', "command": "Cmd4ü€Rt6yBn1Hs", "passphrase": "Phr5 ase Wq8 Jk3"}
RESOLVED["keyring"] = "Rng7*Mz{2}Ht4Vd"
"""What references of an inventory resolve to; `passphrase` opens a key."""

UNRESOLVED = {
    "url": "Url8Gh2Kp6Vx",
    "dsn": "Dsn3Lm9Rt4Qw",
    "pgpass": "Pgp5Nb7Yc1Zs",
    "bearer": "Bea6Jf8Dk3Hx",
    "variable": "Var2Wp4Mn8Ct",
    "key": "Key9Xb5Lv7Ry",
}
PEM = (
    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{UNRESOLVED['key'] * 5}\n{UNRESOLVED['key'] * 2}==\n-----END OPENSSH PRIVATE KEY-----"
)
SAID = " ".join(
    (
        *RESOLVED.values(),
        *(f"{quote(each, safe='')} {json.dumps(each)} {each!r}" for each in RESOLVED.values()),
        f"{RESOLVED['env'][:6]}\x1b[0m{RESOLVED['env'][6:]}",
        f"postgresql://pps:{UNRESOLVED['url']}@db1/pps; host=db1 password='{UNRESOLVED['dsn']}' user=x;",
        f"db1:5432:pps:console:{UNRESOLVED['pgpass']} Authorization: Bearer {UNRESOLVED['bearer']}",
        f"PGPASSWORD={UNRESOLVED['variable']}",
        PEM,
    )
)
PARTS = {word[at : at + 5] for word in (*RESOLVED.values(), *UNRESOLVED.values()) for at in range(len(word) - 4)}
ENDED = "Authorization"


def nothing_planted(name: str, text: str) -> None:
    found = sorted(part for part in PARTS if part in text)
    assert not found, f"{name}: {found}: {[text[max(0, text.find(each) - 60) :][:90] for each in found[:3]]}"


class Telling(Touch):
    """Has every host print secrets, and says them wherever an action says something; the last step fails of them.

    Attributes:
        folder: Of the hosts.
        seen: What anybody could see of processes while the commands of acts ran.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = folder, set()

    async def act(self, bench, step) -> None:
        await super().act(bench, step)
        go = self.folder / f"go-{step.id}"
        waits = f"cat said; cat said >&2; until [ -e {go} ]; do sleep 0.02; done"
        looking = asyncio.ensure_future(bench.hosts.look(step.host, waits, timeout_s=DEADLINE_S))
        await until(lambda: looking.done() or self.has_seen(go.name))
        go.touch()
        result = await looking
        assert UNRESOLVED["url"] in result.stdout + result.stderr
        bench.say(result.stdout)
        bench.say(f"{step.host}: {plain(result.stderr)}")
        if step.id == "start-web":
            raise TimedOut(SAID, where=SAID, remedy=SAID)

    def has_seen(self, word: str) -> bool:
        """Look at all processes that were started here; return whether the command with this word is among them."""
        found = set(processes())
        self.seen |= found
        return any(word in text for name, text in found if name.startswith("cmdline"))

    async def verify(self, bench, step) -> Finding:
        found = await super().verify(bench, step)
        return replace(found, words=f"{found.words} {SAID}", values={**found.values, "said": SAID, SAID: [SAID]})


async def resolved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve references as drivers do."""
    monkeypatch.setenv("PPS_PLANTED", RESOLVED["env"])
    ring = types.ModuleType("keyring")
    ring.get_password = lambda service, user: RESOLVED["keyring"]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    places = {}
    for name in ("file", "command", "passphrase"):
        places[name] = folder / name
        places[name].write_text(RESOLVED[name] + "\n")
        places[name].chmod(0o600)
    for ref, name in (
        (SecretRef("env", "PPS_PLANTED"), "env"),
        (SecretRef("file", str(places["file"])), "file"),
        (SecretRef("command", f"cat {places['command']}"), "command"),
        (SecretRef("file", str(places["passphrase"])), "passphrase"),
        (SecretRef("keyring", "pps/console"), "keyring"),
    ):
        assert await secrets.resolve(ref) == RESOLVED[name]


def processes() -> Iterator[tuple[str, str]]:
    """Yield what of this process's children anybody sees, and what their environment has that this process's has not."""
    own = {f"{name}={value}" for name, value in os.environ.items()}
    for child in Path("/proc/self/task").glob("*/children"):
        try:
            pids = child.read_text().split()
        except OSError:  # a thread that has ended meanwhile
            continue
        for pid in pids:
            for name in ("cmdline", "environ"):
                try:
                    words = Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace").split("\0")
                except OSError:
                    continue
                yield f"{name} of {pid}", "\n".join(word for word in words if name == "cmdline" or word not in own)


async def log_lines(pool: SshPool, hosts: Hosts) -> list[str]:
    """Read a log that says it, also where a line of 16 KiB is cut."""
    for before in (NEAR_LINE - 40, NEAR_LINE - 700, NEAR_LINE - 1100):
        with (hosts.folder / "h1" / "log").open("a") as file:
            file.write(f"{'.' * before} {SAID}{'.' * NEAR_LINE}\n{SAID}\n")
    source = LogSource("db1", hosts.hosts["h1"], "file", str(hosts.folder / "h1" / "log"), "the inventory")
    return await log_reading.read_tail(pool, source, 100)


async def played(folder: Path) -> tuple[Plan, tuple[RunEvent, ...], dict[str, str], list[str], list[str]]:
    """Run on hosts; return plan, events, what is in which file, what was sent, and the lines of a log."""
    async with Hosts(folder) as hosts:
        await hosts.open("h1", "h2")
        for name in ("h1", "h2"):
            (folder / name / "said").write_text(SAID)
        here = Console.on(hosts, state_home())
        telling = Telling(folder)
        here = replace(here, around=replace(here.around, actions={"touch": telling}))
        plan = hostless(touching_plan())
        plan = replace(plan, steps=(*plan.steps[:-1], replace(plan.steps[-1], is_optional=True)))
        async with await here.start(plan) as session:
            session.runner.recorder.listen(lambda event: telling.seen.update(processes()))
            await session.runner.run()
        await here.around.tools.ssh.run(hosts.hosts["h1"], f": {shlex.quote(SAID)}", timeout_s=120.0)
        lines = await log_lines(here.around.tools.ssh, hosts)
        events = here.journal.events(session.run_id)
        here.journal.close()
        files: dict[str, str] = {}
        for name, text in sorted(telling.seen):
            files[name] = f"{files.get(name, '')}\n{text}"
        for top in (folder / "h1", folder / "h2", state_home()):
            for path in top.rglob("*"):
                if path.is_file() and path.name not in ("said", "log"):
                    files[str(path)] = path.read_bytes().decode("utf-8", "replace")
        return session.plan, events, files, [each.command for each in hosts.records], lines


async def pictures(plan: Plan, events: tuple[RunEvent, ...], lines: list[str], sent: list[str]) -> dict[str, str]:
    """Return the console's screens of that run as SVG files, also those of a node, its log and the commands that were sent."""
    found: dict[str, str] = {}
    done = OpenDouble(events[0].run, plan, "anna@ops1 pid 1", events)
    told = picture(
        fine(),
        events=tuple(Event(AT, "db1", Verdict.DOWN, plain(line, 2000)) for line in lines[:5]),
        commands=tuple(CommandRecord(AT, "db1", each, 0.1, "rc 0") for each in sent),
    )
    logs = LogsDouble("pg.log", words=plain(SAID))
    logs.lines = tuple(lines)
    async with console(told, (140, 45), desk=lambda: DeskDouble(left=[done]), logs=logs) as opened:
        for keys, kind in (("", None), ("e", None), ("H", RunsScreen), ("v", ReplayScreen), ("", None), ("o", ReportScreen)):
            await opened.press(*keys)
            if kind is not None:
                await on(opened, kind)
            if kind is RunsScreen:
                await opened.until(lambda: bool(opened.app.screen.selected))
            name = f"{len(found)} {type(opened.app.screen).__name__}"
            found[name] = opened.app.export_screenshot() + opened.app.screen.text()
            if kind is ReplayScreen:
                await opened.press("escape")
                await on(opened, RunsScreen)
    for key, kind in (("enter", NodeScreen), ("L", LogScreen), ("c", CommandsScreen)):
        async with console(told, (140, 45), desk=lambda: DeskDouble(left=[done]), logs=logs) as opened:
            await opened.press(key)
            await on(opened, kind)
            if kind is LogScreen:
                logs.say("pg.log", *lines)
                await opened.until(lambda: len(opened.app.screen.view.buffer) >= len(lines))
                await opened.pilot.pause()
            found[f"{len(found)} {kind.__name__}"] = opened.app.export_screenshot() + opened.app.screen.text()
    return found


def test_what_hosts_say_of_secrets_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ppsconsole")
    asyncio.run(resolved(tmp_path, monkeypatch))
    (tmp_path / "hosts").mkdir()
    plan, events, files, sent, lines = asyncio.run(played(tmp_path / "hosts"))
    assert {event.kind for event in events} >= {"output", "command-sent", "step-finished", "run-finished"}
    view = story_of(events[0].run, plan, events, is_lab=True, holder="anna@ops1 pid 1", started_at=AT)
    try:
        raise TimedOut(SAID, where=SAID, remedy=SAID) from ExceptionGroup(
            SAID, [ValueError(SAID), *map(KeyError, RESOLVED.values())]
        )
    except TimedOut as error:
        kept = crash.kept(error, os.environ)
    assert kept.path is not None
    told = {
        **files,
        "crash": kept.path.read_text() + kept.told(""),
        "journal": json.dumps([event.as_json() for event in events], ensure_ascii=False),
        "text": "\n".join(line_text(line) for line in report_lines(view, events, AT, 120, UNICODE)),
        "markdown": report_markdown(view, events, AT),
        "html": report_html(view, events, AT),
        "json": json.dumps(document_of(view, events, AT), ensure_ascii=False),
        "log": "\n".join(lines),
        "sent": "\n".join(sent),
        "own log": caplog.text,
        **asyncio.run(pictures(plan, events, lines, sent)),
    }
    seen = {kind: [text for name, text in told.items() if name.startswith(f"{kind} of ")] for kind in ("cmdline", "environ")}
    assert len(seen["cmdline"]) >= len(plan.steps), "a command of each act was seen while it ran"
    assert any("go-stop-web" in text for text in seen["cmdline"])
    assert any("HOME=" in text for text in seen["environ"]), "a process on a host has a home of its own"
    assert any(name.endswith("events.jsonl") for name in told)
    assert any(name.endswith("journal.sqlite") for name in told)
    assert {name.split()[-1] for name in told} >= {
        "HomeScreen",
        "ReplayScreen",
        "ReportScreen",
        "NodeScreen",
        "LogScreen",
        "CommandsScreen",
    }
    shown = {name.split()[-1]: text for name, text in told.items()}
    assert all("•••" in shown[name] for name in ("LogScreen", "CommandsScreen"))
    assert "NodeScreen" in shown
    for name in ("crash", "journal", "text", "markdown", "html", "json", "log"):
        assert "•••" in told[name], name
        assert ENDED in told[name], f"{name} tells what surrounds them"
    for name, text in told.items():
        nothing_planted(name, text)
