"""A pager that is open when the console ends goes with it: every program of a pipe, every child of a script."""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ppsconsole.tui.pager import show_in_pager
from tests.tui.test_leaving_everywhere import gone

DEADLINE_S = 60.0

SCRIPTS = {
    "a pipe": "{{ echo $$ >{folder}/1; exec sleep 600; }} | {{ sh -c 'echo $$ >{folder}/2; exec sleep 600'; }}",
    "a script with children": "sleep 600 & echo $! >{folder}/1; sh -c 'echo $$ >{folder}/2; sleep 600; :'; :",
    "a child that is left alone": "(sh -c 'echo $$ >{folder}/1; exec sleep 600' &); echo $$ >{folder}/2; sleep 600; :",
    "one that does not listen": "trap '' TERM; echo $$ >{folder}/1; echo $$ >{folder}/2; sleep 600; sleep 600; :",
}


class Terminal:
    """An application that has nothing to give back."""

    @contextlib.contextmanager
    def suspend(self) -> Iterator[None]:
        yield

    batch_update = suspend


@pytest.mark.parametrize("name", SCRIPTS)
def test_all_of_it_ends_with_the_console(name: str, tmp_path: Path) -> None:
    command = SCRIPTS[name].format(folder=tmp_path)

    async def main() -> list[int]:
        shown = asyncio.create_task(show_in_pager(Terminal(), "a line\n", command))  # type: ignore[arg-type]
        until = time.monotonic() + DEADLINE_S
        while not all((tmp_path / each).exists() and (tmp_path / each).read_text().strip() for each in "12"):
            assert time.monotonic() < until, "the pager did not start"
            assert not shown.done(), shown
            await asyncio.sleep(0.02)
        shown.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shown
        return [int((tmp_path / each).read_text()) for each in "12"]

    for process in asyncio.run(main()):
        assert process != os.getpid()
        assert gone(process), "it would go on reading the shell's keys"


def test_what_a_pager_left_running_when_it_was_quit_is_its_own_business(tmp_path: Path) -> None:
    async def main() -> str:
        return await show_in_pager(Terminal(), "a line\n", f"cat >{tmp_path}/read; exit 3")  # type: ignore[arg-type]

    assert asyncio.run(main()).endswith("ended with exit status 3")
    assert (tmp_path / "read").read_text() == "a line\n"
