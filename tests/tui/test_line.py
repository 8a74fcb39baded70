"""What the line costs: nothing while nothing changes, and little for each cell that does."""

import pytest

from tests.tui.on_pty import Played, played

BYTES_A_CELL = 30
"""Textual's own driver sends ten times that; a cell alone in its row costs a move, a pen and the way back."""


def news(opened: Played, order: str, text: str) -> tuple[int, int]:
    """Give an order, wait until `text` stands on the screen; return the bytes that came and the cells that they changed."""
    before, cells = len(opened.seen), opened.screen.cells()
    opened.tell(order)
    opened.read_until(text)
    changed = sum(a != b for row, old in zip(opened.screen.cells(), cells, strict=True) for a, b in zip(row, old, strict=True))
    return len(opened.seen) - before, changed


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}, {"COLORTERM": ""}])
def test_polls_without_news_send_nothing_and_news_little(size: tuple[int, int], environ: dict[str, str]) -> None:
    with played(size, **environ) as opened:
        opened.tell("lag 0.7")
        opened.read_until("0.7s")
        for _ in range(5):
            opened.tell("round")
        sent, changed = news(opened, "lag 0.9", "0.9s")
        assert 0 < sent <= BYTES_A_CELL * changed + 16, f"{sent} bytes for {changed} cells, and for five polls before"
        sent, changed = news(opened, "tick", "0.1s")
        assert sent <= BYTES_A_CELL * changed + 16


def test_the_first_screen_is_sent_once_and_without_what_a_terminal_knows() -> None:
    with played((80, 24)) as opened:
        assert len(opened.seen) < 8_000, "Textual's own driver sends 40 to 60 kB"
