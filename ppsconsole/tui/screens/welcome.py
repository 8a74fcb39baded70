"""No inventory was found: what can be done about it."""

from collections.abc import Sequence

from ppsconsole.draw.text import Line, Span
from ppsconsole.draw.words import hanging
from ppsconsole.inventory.find import places
from ppsconsole.inventory.start import Start
from ppsconsole.tui.screens.first_base import Item, ListScreen


class WelcomeScreen(ListScreen):
    """Offers the lab, the wizard, and the way out."""

    TITLE_WORDS = "no inventory yet"

    def items(self) -> Sequence[Item]:
        """Return what can be done."""
        return first_steps(self)

    def above(self) -> str:
        """Say what is the matter."""
        return "An inventory says which hosts make up the cluster. None was found, so there is nothing to show yet."

    def below(self, width: int) -> Sequence[Line]:
        """Say where was looked."""
        lines: list[Line] = [(), (Span("Looked for it at", "dim"),)]
        for place, said in places():
            lines.extend(hanging((Span("  "),), f"{place}: {said}", "dim", width, self.glyphs))
        return lines


def first_steps(screen: ListScreen) -> tuple[Item, ...]:
    """Return what can be done without an inventory."""

    def end(start: Start) -> None:
        screen.app.exit(start)

    def write() -> None:
        from ppsconsole.tui.screens.wizard import WizardScreen

        screen.app.push_screen(WizardScreen(screen.glyphs))

    lab = "A real cluster on this machine, to look at and to break. It goes when the console goes."
    wizard = "Some questions, and a look at the hosts that you name. Nothing on them is changed."
    leave = "Leave, and print where an inventory is looked for."
    return (
        Item("Start the lab", (Span(lab, "dim"),), lambda: end(Start("lab"))),
        Item("Write an inventory", (Span(wizard, "dim"),), write),
        Item("Leave", (Span(leave, "dim"),), lambda: end(Start("where"))),
    )
