"""What the keys do that belong to no single screen: the command line, finding, jumping. Made for hands that type ahead.

Keys that open a line act before the next key is looked at (`Action.is_instant`), and from then on keys go to the line and
nowhere else: what is typed behind `:` on a slow connection never acts as a key of the screen.
"""

from typing import Any, Protocol, runtime_checkable

from textual.events import Event, Key, MouseDown, Paste, Resize
from textual.keys import Keys

from ppsconsole.settings.actions import ACTIONS, Action
from ppsconsole.tui.attending import AttendingApp
from ppsconsole.tui.finding import Find
from ppsconsole.tui.keymap import why_nothing
from ppsconsole.tui.leaving import JOB_CONTROL
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.widgets.key_strip import KeyStrip

_NEVER_TAKEN = ("ctrl+c", JOB_CONTROL.key)
"""Keys that mean the same wherever somebody types."""


class Taker(Protocol):
    """Gets all keys while it is there.

    Attributes:
        screen: Where it was opened; it ends when another one comes over it.
    """

    screen: ConsoleScreen

    async def take_key(self, event: Key) -> None:
        """Act on a key."""
        ...

    def take_paste(self, text: str) -> None:
        """Take in a text that was pasted; it never acts by itself."""
        ...

    def close(self) -> None:
        """Put everything back."""
        ...


@runtime_checkable
class Fitting(Protocol):
    """A taker that has to do something where the terminal gets another size."""

    def resized(self) -> None:
        """Fit into it."""
        ...


class HandsApp(AttendingApp, inherit_bindings=False):
    """The command line, finding and jumping.

    Attributes:
        actions: The table with the keys of the person at the console.
        typed: What was typed behind `:` in this session, oldest first.
        paste_gap_s: An Enter that comes so soon after a character was pasted with it: nobody types so fast.
    """

    actions: tuple[Action, ...] = ACTIONS
    paste_gap_s = 0.003

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typed: list[str] = []
        self._taker: Taker | None = None

    def open_node(self, name: str) -> None:
        """Show all about a node."""
        raise NotImplementedError

    def open_log(self, node: str | None) -> None:
        """Open the log of a node; the console's own ones without one."""
        raise NotImplementedError

    # keys -----------------------------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """Give keys to whoever takes them all; Esc ends a search before it leads anywhere."""
        taker = self._taker
        if isinstance(event, Resize) and isinstance(taker, Fitting):
            self.call_after_refresh(lambda: taker.resized() if taker is self._taker else None)
        if isinstance(event, Key | Paste | MouseDown) and not event.is_forwarded:
            if taker is not None and (taker.screen is not self.screen or isinstance(event, MouseDown)):
                self.end_taking()
            elif taker is not None and isinstance(event, Paste):
                taker.take_paste(event.text)
                return
            elif taker is not None and isinstance(event, Key) and event.key not in _NEVER_TAKEN:
                await taker.take_key(event)
                return
            elif isinstance(event, Key) and event.key == "escape" and self.show_found(Find()):
                return
            elif isinstance(event, Key) and (words := self._why_nothing(event.key)):
                self.say(words)
                return
        await super().on_event(event)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys alone where there is nothing for them to do: in dialogs, and where a screen searches by itself."""
        screen = self.screen
        if action in ("find", "next_found"):
            return isinstance(screen, ConsoleScreen) and screen.find_view() is not None
        if action in ("command_line", "jump"):
            return self._here() is not None
        return super().check_action(action, parameters)

    def _why_nothing(self, key: str) -> str:
        """Return why a key does nothing here; empty where it does something, or answers a question."""
        at = self._here()
        if at is None or key in (JOB_CONTROL.key, Keys.Ignore):
            return ""
        return why_nothing(key, at[1].where, self.actions)

    def take_over(self, taker: Taker) -> None:
        """Give all keys to `taker`."""
        self.end_taking()
        self._taker = taker

    def end_taking(self) -> None:
        """Give the keys back to the screen."""
        taker, self._taker = self._taker, None
        if taker is not None:
            taker.close()

    def action_command_line(self) -> None:
        """Let a command be typed."""
        from ppsconsole.tui.command_line import CommandLine

        if (at := self._here()) is not None:
            self.take_over(CommandLine(self, *at))

    def action_find(self) -> None:
        """Let words be typed that are searched for on this screen."""
        from ppsconsole.tui.find_line import FindLine

        if (at := self._here()) is not None:
            self.take_over(FindLine(self, *at))

    def action_next_found(self, step: int) -> None:
        """Go to the next place that was found, or the one before."""
        screen = self.screen
        if isinstance(screen, ConsoleScreen) and screen.found:
            screen.next_found(step)
            self.show_count()
        else:
            self.say("Nothing is searched for here; / begins.")

    def action_jump(self) -> None:
        """Put letters on what can be chosen."""
        from ppsconsole.tui.jump import Jump

        if (at := self._here()) is None:
            return
        if (jump := Jump(self, *at)).marks:
            self.take_over(jump)
        else:
            self.say("There is nothing to choose on this screen.")

    def _here(self) -> tuple[ConsoleScreen, KeyStrip] | None:
        """Return the screen and its last row; None where there are not both, as in a dialog."""
        screen = self.screen
        strip = next(iter(screen.query(KeyStrip)), None) if isinstance(screen, ConsoleScreen) else None
        return (screen, strip) if isinstance(screen, ConsoleScreen) and strip is not None else None

    # finding --------------------------------------------------------------------------------------------------------

    def show_found(self, found: Find) -> bool:
        """Search for something else on this screen; return whether anything changed."""
        screen = self.screen
        if not isinstance(screen, ConsoleScreen) or screen.found == found:
            return False
        screen.show_found(found)
        self.show_count()
        return True

    def show_count(self) -> None:
        """Say in the last row what is searched for, and how much was found."""
        if (at := self._here()) is not None:
            screen, strip = at
            strip.show_found(f"/{screen.found.words}: {screen.found_words()}, Esc clears" if screen.found else "")

    # what can be typed ----------------------------------------------------------------------------------------------

    def say(self, words: str) -> None:
        """Say something in passing."""
        self.notify(words, markup=False)

    def action_open_node_named(self, name: str) -> None:
        """Show all about a node."""
        self.open_node(name)

    def action_open_log_named(self, node: str) -> None:
        """Open the log of a node."""
        self.open_log(node)

    def action_open_run_named(self, run: str) -> None:
        """Look at a run that was left."""
        self.start_errand(self._inspected(run))

    def action_plan_words(self, title: str) -> None:
        """Plan the way out that is called so; nothing is changed by that."""
        from ppsconsole.advice.choices import choices  # loads all runbooks
        from ppsconsole.runbooks.building import NOTHING_KNOWN

        scene = self.scene
        known = scene.background or NOTHING_KNOWN
        found = [each for each in choices(scene.advice, scene.snapshot, scene.inventory, known) if each.title == title]
        if found:
            self._plan(found[0].request)
        else:
            self.say(f"{title} cannot be planned any more: the cluster has changed.")
