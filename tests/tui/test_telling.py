"""What is said in passing covers as little as can be, for as short as can be."""

from ppsconsole.tui.screens.help import HelpScreen
from tests.tui.scripted import Console, run_console


def said(opened: Console) -> list[str]:
    """Return what is said in passing now."""
    return [each.message for each in opened.app._notifications]


def test_one_thing_is_said_at_a_time_and_gone_with_the_screen_that_it_was_said_of() -> None:
    async def script(opened: Console) -> None:
        opened.app.notify("Reading fresh facts ...")
        opened.app.notify("Still reading them.", severity="warning", timeout=60)
        await opened.pilot.pause()
        assert said(opened) == ["Still reading them."]
        await opened.press("question_mark")
        assert isinstance(opened.app.screen, HelpScreen)
        assert said(opened) == []

    run_console(script)


def test_a_copy_that_could_not_be_kept_does_not_say_that_it_was(tmp_path, monkeypatch) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_STATE_HOME", str(in_the_way))
    monkeypatch.delenv("TMUX", raising=False)

    async def script(opened: Console) -> None:
        await opened.press("y")
        await opened.pilot.pause()
        assert len(said(opened)) == 1
        assert said(opened)[0].startswith(f"Only the clipboard was tried: {in_the_way}")

    run_console(script)
