"""The console before there is a cluster, by keys alone."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from ppsconsole.cli import face
from ppsconsole.cli.main import run
from ppsconsole.draw.text import ASCII, UNICODE, Glyphs
from ppsconsole.inventory import draft
from ppsconsole.inventory.load import load
from ppsconsole.inventory.places import config_home
from ppsconsole.inventory.start import Start
from ppsconsole.tui.first import FirstApp
from ppsconsole.tui.screens.mistakes import MistakesScreen, editor_words
from ppsconsole.tui.screens.picker import PickerScreen
from ppsconsole.tui.screens.welcome import WelcomeScreen
from ppsconsole.tui.screens.wizard import PreviewScreen, WizardScreen
from ppsconsole.tui.theming import load_palette
from tests.tui.screen_text import screen_lines, screen_text
from tests.unit.inventory_texts import SMALL

Story = Callable[[FirstApp, Pilot[Start]], Awaitable[None]]


@asynccontextmanager
async def opened(broken: str, size: tuple[int, int], glyphs: Glyphs) -> AsyncIterator[tuple[FirstApp, Pilot[Start]]]:
    app = FirstApp(broken, palette=load_palette("dark"), glyphs=glyphs)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


def tell(story: Story, broken: str = "", size: tuple[int, int] = (80, 24), glyphs: Glyphs = UNICODE) -> Start | None:
    """Run a story and return what the app ended with."""

    async def main() -> Start | None:
        async with opened(broken, size, glyphs) as (app, pilot):
            await story(app, pilot)
        return app.return_value

    return asyncio.run(main())


async def until(pilot: Pilot[Start], is_true: Callable[[], bool]) -> None:
    try:
        async with asyncio.timeout(90):
            while not is_true():
                await pilot.pause(0.01)
    except TimeoutError:
        raise AssertionError(screen_text(pilot.app)) from None
    await pilot.pause()


async def answer(pilot: Pilot[Start], app: FirstApp, words: str) -> None:
    """Type an answer over what is offered, and wait for what comes of it."""
    screen = app.screen
    assert isinstance(screen, WizardScreen)
    screen.field.value = words
    await pilot.press("enter")
    await pilot.pause()


def stored(name: str, text: str = SMALL) -> Path:
    path = config_home() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_without_an_inventory_the_lab_is_one_key_away() -> None:
    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        assert isinstance(app.screen, WelcomeScreen)
        lines = screen_lines(app)
        assert "no inventory yet" in lines[0]
        text = "\n".join(lines)
        assert "Start the lab" in text
        assert "Looked for it at" in text
        assert "Enter Choose" in lines[-1]
        await pilot.press("enter")

    assert tell(story) == Start("lab")


@pytest.mark.parametrize(("keys", "wanted"), [(("G", "enter"), "where"), (("q",), "quit"), (("ctrl+c",), "quit")])
def test_leaving_is_always_possible(keys: tuple[str, ...], wanted: str) -> None:
    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        await pilot.press("escape", *keys)

    start = tell(story)
    assert start is not None
    assert start.act == wanted


def test_a_key_that_does_nothing_says_so_and_what_is_typed_into_a_field_does_not() -> None:
    async def said(app: FirstApp, pilot: Pilot[Start], key: str) -> list[str]:
        app.clear_notifications()
        await pilot.press(key)
        await pilot.pause()
        return [each.message for each in app._notifications]

    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        apart = "does nothing where an inventory is chosen, before there is a cluster"
        assert await said(app, pilot, "x") == [f"x {apart}. On a plan: run this plan."]
        assert await said(app, pilot, "Z") == [f"Z {apart}."]
        assert await said(app, pilot, "j") == []
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        assert await said(app, pilot, "x") == [], "it is typed"
        assert await said(app, pilot, "ctrl+a") == [], "the field knows it"
        assert await said(app, pilot, "f5") == ["F5 does nothing where an inventory is written by questions."]
        await pilot.press("ctrl+c")

    assert tell(story) == Start("quit")


def test_several_inventories_are_listed_with_what_they_are_and_one_is_opened() -> None:
    stored("inventory.yaml", SMALL.replace("{name: demo}", "{name: demo, environment: lab}"))
    second = stored("inventories/eu.yaml", SMALL.replace("name: demo", "name: eu-prod"))
    broken = stored("inventories/us.yaml", SMALL.replace("kind: postgres", "kind: oracle"))

    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        assert isinstance(app.screen, PickerScreen)
        text = screen_text(app)
        assert "demo (LAB)" in text
        assert "eu-prod (LIVE)" in text
        assert "active-passive, 4 hosts" in text
        assert "1 mistake, the first: database.kind: 'oracle'" in text
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, MistakesScreen))
        assert "database.kind" in screen_text(app)
        broken.write_text(SMALL)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, PickerScreen))
        assert "mistake" not in screen_text(app), "it was mended meanwhile"
        await pilot.press("k", "enter")

    assert tell(story) == Start("open", str(second))


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
def test_the_selected_line_stays_in_sight(size: tuple[int, int]) -> None:
    for number in range(9):
        stored(f"inventories/c{number}.yaml", SMALL.replace("name: demo", f"name: cluster-{number}"))

    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        for number in range(1, 9):
            await pilot.press("down")
            await pilot.pause()
            assert f"» cluster-{number} (LIVE)" in screen_text(app)
        await pilot.resize_terminal(60, 9)
        await pilot.pause()
        assert "» cluster-8 (LIVE)" in screen_text(app)
        await pilot.press("g")
        await pilot.pause()
        assert "9 inventories were found" in screen_text(app)

    tell(story, size=size)


def test_mistakes_stand_with_their_lines_and_the_editor_is_one_key_away(monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored("inventory.yaml", SMALL.replace("kind: postgres", "kind: postgras") + "  hunter: {password: hunter2secret}\n")
    monkeypatch.setenv("EDITOR", "vi")
    ran: list[list[str]] = []
    line = SMALL.partition("kind: postgres")[0].count("\n") + 1

    def mend(self: MistakesScreen, words: list[str]) -> str:
        ran.append(words)
        path.write_text(SMALL)
        return ""

    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        text = app.screen.view.text()
        assert f"{line} |   kind: postgras" in text
        assert "did you mean 'postgres'?" in text
        assert "hunter2secret" not in text
        await pilot.press("r")
        await pilot.pause()
        assert "Checked again: not good yet." in screen_text(app)
        monkeypatch.setattr(MistakesScreen, "run_editor", mend)
        await pilot.press("e")

    assert tell(story, broken=str(path)) == Start("open", str(path))
    assert ran == [["vi", f"+{line}", str(path)]]


def test_an_editor_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored("inventory.yaml", "version: 1\n")
    monkeypatch.setenv("VISUAL", "/no/such/editor --wait")

    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        await pilot.press("e")
        await pilot.pause()
        assert "/no/such/editor could not be started" in " ".join(screen_text(app).split())
        await pilot.press("q")

    assert tell(story, broken=str(path)) == Start("quit")
    assert editor_words("f", 3, {"VISUAL": "code --wait"}) == ["code", "--wait", "f"]
    assert editor_words("f", 3, {"EDITOR": "/usr/bin/nano"}) == ["/usr/bin/nano", "+3", "f"]


def test_a_file_that_is_not_there_is_a_mistake_of_its_own(tmp_path: Path) -> None:
    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        assert "no such file" in screen_text(app)
        await pilot.press("q")

    tell(story, broken=str(tmp_path / "none.yaml"), glyphs=ASCII)


def test_the_wizard_keeps_what_was_answered_and_never_a_password() -> None:
    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        await pilot.press("enter")
        assert "an answer is needed" in screen_text(app)
        await pilot.press(*"demo", "enter")
        await pilot.press("enter")
        assert "Environment: production" in screen_text(app)
        await answer(pilot, app, "")
        await answer(pilot, app, "nonsense:99999")
        assert "names no host" in screen_text(app)
        await answer(pilot, app, "lab@127.0.0.1:1")
        await answer(pilot, app, "")
        await answer(pilot, app, "")
        await answer(pilot, app, "none")
        await until(pilot, lambda: "PostgreSQL primary" in screen_text(app))
        assert "NOT REACHED" in screen_text(app), "a closed port is told, and nothing stops"
        await answer(pilot, app, "127.0.0.1")
        await answer(pilot, app, "pps")
        await answer(pilot, app, "console")
        await answer(pilot, app, "hunter2secret")
        text = screen_text(app)
        assert "that is no reference to a secret" in text
        assert "hunter2secret" not in text
        await pilot.press("escape")
        assert "Database account" in screen_text(app)
        await pilot.press("ctrl+c")

    assert tell(story) == Start("quit")
    path = draft.draft_path(os.environ)
    assert "hunter2" not in path.read_text()
    kept = draft.kept(path)
    assert kept is not None
    assert (kept.cluster, kept.ssh, kept.db_name) == ("demo", ("lab@127.0.0.1:1",), "pps")

    async def again(app: FirstApp, pilot: Pilot[Start]) -> None:
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        text = screen_text(app)
        assert "Answers of an earlier time" in text
        assert "demo" in text
        await pilot.press("escape")
        assert isinstance(app.screen, WelcomeScreen)

    tell(again, size=(40, 12))


def test_a_host_that_says_nothing_is_told_with_its_time_and_can_be_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and never says a word
        port = silent.getsockname()[1]

        async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
            await pilot.press("down", "enter")
            await until(pilot, lambda: isinstance(app.screen, WizardScreen))
            for words in ("demo", "lab", "", f"lab@127.0.0.1:{port}", "", ""):
                await answer(pilot, app, words)
            for _ in range(2):
                await answer(pilot, app, "none")
                await until(pilot, lambda: f"127.0.0.1:{port}: still trying (1 s)" in screen_text(app))
                await pilot.press("escape")
                await until(pilot, lambda: "Given up." in screen_text(app))
                assert "SSH configuration" in screen_text(app), "the last question stands again"
            await answer(pilot, app, "none")
            await until(pilot, lambda: "still trying" in screen_text(app))
            await pilot.press("ctrl+c")

        assert tell(story) == Start("quit")


def test_what_is_neither_found_nor_said_is_asked_again_until_it_can_be_written() -> None:
    async def story(app: FirstApp, pilot: Pilot[Start]) -> None:
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        for words in ("demo", "lab", "", "lab@127.0.0.1:1", "", "", "none"):
            await answer(pilot, app, words)
        await until(pilot, lambda: "PostgreSQL primary" in screen_text(app))
        for words in ("127.0.0.1:1", "pps", "console", "", "disable", "", ""):
            await answer(pilot, app, words)
        await until(pilot, lambda: "Web nodes" in screen_text(app))
        for words in ("", "active-passive"):
            await answer(pilot, app, words)
        await until(pilot, lambda: "no web node was found" in screen_text(app))
        for words in ("127.0.0.1:2", "active-passive"):
            await answer(pilot, app, words)
        await until(pilot, lambda: "--web-service:" in screen_text(app))
        for words in ("127.0.0.1:2", "systemd:pps", "active-passive"):
            await answer(pilot, app, words)
        await until(pilot, lambda: "Where to write it" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PreviewScreen))
        assert "NOT REACHED" in app.screen.view.text()
        await pilot.press("escape")
        await until(pilot, lambda: "Where to write it" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PreviewScreen))
        await pilot.press("G", "w")

    path = config_home() / "inventory.yaml"
    assert tell(story, size=(40, 12)) == Start("open", str(path))
    assert load(path).web_nodes["host-127-0-0-1-1-web"].url == "https://127.0.0.1:2"
    assert draft.kept(draft.draft_path(os.environ)) is None


def run_found(monkeypatch: pytest.MonkeyPatch, starts: list[Start], consoles: list[str]) -> tuple[int, list[str]]:
    """Run the program on a terminal with choices that were made beforehand; return its code and what was asked for."""
    asked: list[str] = []
    monkeypatch.setattr(face, "is_terminal", lambda: True)

    def first(*, broken: str = "", settings: object = None) -> Start:
        asked.append(broken)
        return starts.pop(0)

    def console(path: str, **_: object) -> int:
        load(path)
        consoles.append(path)
        return 0

    return run([], console=console, first=first), asked


def test_the_program_opens_what_was_chosen_and_shows_what_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    consoles: list[str] = []
    assert run_found(monkeypatch, [Start("where")], consoles) == (2, [""])
    assert "`ppsconsole inventory init` writes one" in capsys.readouterr().err
    assert run_found(monkeypatch, [Start("quit")], consoles) == (0, [""])
    assert run_found(monkeypatch, [Start("quit", code=129)], consoles) == (129, [""])
    good = stored("inventory.yaml")
    assert run_found(monkeypatch, [], consoles) == (0, [])
    assert consoles == [str(good)]
    other = stored("inventories/broken.yaml", "version: 1\n")
    assert run_found(monkeypatch, [Start("open", str(other)), Start("quit")], consoles) == (2, ["", str(other)])
    assert "cluster: missing" in capsys.readouterr().err
    assert run_found(monkeypatch, [Start("open", str(good))], consoles) == (0, [""])


def test_without_a_terminal_nobody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([], first=lambda **_: Start("lab")) == 2
    assert "no inventory was found" in capsys.readouterr().err
    stored("inventories/a.yaml")
    stored("inventories/b.yaml")
    assert run(["status"]) == 2
    assert f"ppsconsole -i {config_home()}/inventories/b.yaml" in capsys.readouterr().err
