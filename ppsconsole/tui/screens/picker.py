"""Several inventories: which one to open."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult

from ppsconsole.draw.text import Glyphs, Span
from ppsconsole.errors import InventoryError
from ppsconsole.inventory.find import candidates
from ppsconsole.inventory.load import load
from ppsconsole.inventory.start import Start
from ppsconsole.tui.screens.first_base import Item, ListScreen
from ppsconsole.tui.screens.mistakes import MistakesScreen
from ppsconsole.tui.screens.welcome import first_steps


@dataclass(frozen=True, slots=True)
class Candidate:
    """One inventory.

    Attributes:
        title: The cluster's name; the file's where it cannot be read.
        mistakes: How many it has; 0 when it can be opened.
    """

    path: str
    title: str
    words: str
    mistakes: int = 0
    is_lab: bool = False


def look_at(path: str) -> Candidate:
    """Return what an inventory is about, or that it has mistakes."""
    try:
        found = load(path)
    except InventoryError as error:
        count = len(error.mistakes)
        noun = "mistake" if count == 1 else "mistakes"
        return Candidate(path, path.rpartition("/")[2], f"{count} {noun}, the first: {error.mistakes[0].what}", count)
    cluster = found.cluster
    parts = (cluster.mode, f"{len(found.hosts)} hosts", cluster.address or "")
    return Candidate(path, cluster.name, ", ".join(part for part in parts if part), is_lab=found.is_lab)


class PickerScreen(ListScreen):
    """Lists what was found, then what else can be done."""

    TITLE_WORDS = "which cluster?"

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs)
        self.candidates: tuple[Candidate, ...] = ()

    def compose(self) -> ComposeResult:
        """Read the files, then show them."""
        self.candidates = tuple(look_at(path) for path in candidates())
        yield from super().compose()

    def on_screen_resume(self) -> None:
        """Read the files again: one may have been mended meanwhile."""
        self.candidates = tuple(look_at(path) for path in candidates())
        self.view.redraw()

    def above(self) -> str:
        """Say what is the matter."""
        count = len(self.candidates)
        return "One inventory was found." if count == 1 else f"{count} inventories were found. Choose the cluster to open."

    def items(self) -> Sequence[Item]:
        """Return the inventories, then what else can be done."""
        return (*(self._item(each) for each in self.candidates), *first_steps(self))

    def _item(self, candidate: Candidate) -> Item:
        if candidate.mistakes:
            words = (Span(f"{self.glyphs.down} {candidate.words}. {candidate.path}", "down"),)
            return Item(candidate.title, words, lambda: self._mend(candidate))
        place = "LAB" if candidate.is_lab else "LIVE"
        return Item(
            f"{candidate.title} ({place})", (Span(f"{candidate.words}. {candidate.path}", "dim"),), lambda: self._open(candidate)
        )

    def _open(self, candidate: Candidate) -> None:
        self.app.exit(Start("open", candidate.path))

    def _mend(self, candidate: Candidate) -> None:
        self.app.push_screen(MistakesScreen(candidate.path, self.glyphs))
