"""The wizard in the console and the questions on a terminal, on a real cluster, by keys."""

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ppsconsole.inventory.load import load
from ppsconsole.inventory.places import config_home
from ppsconsole.inventory.start import Start
from ppsconsole.tui.first import FirstApp
from ppsconsole.tui.screens.wizard import PreviewScreen, WizardScreen
from ppsconsole.tui.theming import load_palette
from tests.lab.conftest import Lab
from tests.tui.screen_text import screen_text
from tests.tui.test_first import answer, until

DEADLINE_S = 180.0


def hosts_said(lab: Lab) -> tuple[str, str]:
    """Return the answers to the questions for bastions and hosts."""
    bastions = [f"{site}=lab@{':'.join(map(str, lab.road(f'console>bastion-{site}:ssh')))}" for site in ("a", "b")]
    hosts = [
        f"{host['site']}=lab@{host['address']}:{host['ports']['ssh']}"
        for name, host in lab.state["hosts"].items()
        if not name.startswith("bastion")
    ]
    return " ".join(bastions), " ".join(hosts)


def first_answers(lab: Lab) -> tuple[str, ...]:
    return ("mine", "lab", *hosts_said(lab), str(lab.folder / "ssh_key"), str(lab.folder / "known_hosts"), "none")


def database_answers(lab: Lab) -> tuple[str, ...]:
    password = f"file:{lab.folder / 'database.password'}"
    return ("pleasant", "ppsconsole", password, "disable", lab.state["front"], str(lab.folder / "ca.pem"))


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
def test_the_wizard_finds_the_cluster_and_writes_it(lab: Lab, size: tuple[int, int]) -> None:
    async def main() -> Start | None:
        app = FirstApp(palette=load_palette("dark"))
        async with app.run_test(size=size) as pilot:
            await pilot.press("down", "enter")
            await until(pilot, lambda: isinstance(app.screen, WizardScreen))
            wizard = app.screen
            assert isinstance(wizard, WizardScreen)
            for words in first_answers(lab):
                await answer(pilot, app, words)
            await until(pilot, lambda: "PostgreSQL primary" in screen_text(app))
            assert wizard.field.value == "db1:5432", "what was found is offered"
            await pilot.press("enter")
            for words in database_answers(lab):
                await answer(pilot, app, words)
            await until(pilot, lambda: "Web nodes" in screen_text(app))
            assert wizard.field.value == "web1:10001 web2:10001"
            assert "standby, system" in wizard.view.text()
            await pilot.press("enter")
            assert wizard.field.value == "active-passive"
            await pilot.press("enter")
            await until(pilot, lambda: "Where to write it" in screen_text(app))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, PreviewScreen))
            assert (lab.folder / "database.password").read_text().strip() not in wizard.view.text()
            await pilot.press("w")
        return app.return_value

    path = config_home() / "inventory.yaml"
    assert asyncio.run(main()) == Start("open", str(path))
    inventory = load(path)
    assert {name: each.declared for name, each in inventory.database.instances.items()} == {"db1": "primary", "db2": "standby"}
    assert list(inventory.balancers["lb1"].members.values()) == ["web1", "web2"]


class Terminal:
    """A program that asks on a terminal of its own."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self._master, self.process, self.text = master, process, ""

    def until(self, words: str) -> None:
        """Read on until `words` came."""
        limit = time.monotonic() + DEADLINE_S
        while words not in " ".join(self.text.split()):
            ready, _, _ = select.select([self._master], [], [], max(0.0, limit - time.monotonic()))
            assert ready, f"no {words!r} in {self.text}"
            try:
                self.text += os.read(self._master, 4096).decode()
            except OSError:
                raise AssertionError(f"ended before {words!r}: {self.text}") from None

    def say(self, prompt: str, words: str) -> None:
        """Wait for a question, and answer it."""
        self.until(prompt)
        self.text = ""
        os.write(self._master, words.encode() + b"\n")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._master, b"\x03")


@contextmanager
def asking() -> Iterator[Terminal]:
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    process = subprocess.Popen(
        [sys.executable, "-m", "ppsconsole", "inventory", "init"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "dumb"},
        start_new_session=True,
        preexec_fn=lambda: _take_terminal(0),
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _take_terminal(handle: int) -> None:
    import fcntl

    fcntl.ioctl(handle, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell in the background lets what it starts ignore it


def test_plain_questions_survive_an_interruption_and_end_with_an_inventory(lab: Lab) -> None:
    prompts = ("Name of the cluster", "Environment", "Bastions", "Hosts of the cluster", "Private key", "Known hosts")
    said = first_answers(lab)
    with asking() as terminal:
        for prompt, words in zip(prompts[:4], said[:4], strict=True):
            terminal.say(f"{prompt}", words)
        terminal.until("Private key:")
        terminal.interrupt()
        terminal.until("Your answers are kept")
        assert terminal.process.wait(DEADLINE_S) == 130
    assert not config_home().exists()

    with asking() as terminal:
        terminal.until("Answers of an earlier time were found")
        for prompt in prompts[:4]:
            terminal.say(f"{prompt} [", "")
        terminal.say("Private key:", "/no/such/key")
        terminal.until("there is no file /no/such/key that can be read")
        for prompt, words in zip(("Private key:", "Known hosts:", "SSH configuration:"), said[4:], strict=True):
            terminal.say(prompt, words)
        terminal.say("PostgreSQL primary [db1:5432]:", "")
        names = ("Database:", "Database account:", "Where its password is found:", "TLS to the database [prefer]:")
        more = ("URL of the service:", "Certificate authority:")
        for prompt, words in zip((*names, *more), database_answers(lab), strict=True):
            if prompt.startswith("Where its password"):
                terminal.say(prompt, "hunter2secret")
                terminal.until("is no reference to a secret")
                assert "hunter2" not in terminal.text
            terminal.say(prompt, words)
        terminal.say("Web nodes [web1:10001 web2:10001]:", "")
        terminal.say("Mode [active-passive]:", "")
        terminal.say("Where to write it [", "")
        terminal.say("Write it to", "y")
        terminal.until("open the console: ppsconsole")
        assert terminal.process.wait(DEADLINE_S) == 0
    assert load(config_home() / "inventory.yaml").cluster.name == "mine"
    assert list(Path(os.environ["XDG_STATE_HOME"]).rglob("inventory-draft.json")) == []
