"""The console: paints first, probes after, and shows what the monitor sees."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from ppsconsole.clock import Clock, SystemClock
from ppsconsole.cluster.picture import Event, Picture
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import UNICODE, Glyphs
from ppsconsole.errors import SettingsError, UsageError
from ppsconsole.inventory.model import Inventory
from ppsconsole.settings.file import Settings
from ppsconsole.tui.clipboard import copy_path, is_in_screen, keep, load_into_tmux, through_screen
from ppsconsole.tui.colouring import Colouring
from ppsconsole.tui.feed import Feed
from ppsconsole.tui.hands import HandsApp
from ppsconsole.tui.keymap import bindings, overlay
from ppsconsole.tui.leaving import JOB_CONTROL
from ppsconsole.tui.loading import collect_from_now_on, load
from ppsconsole.tui.lock import Lock
from ppsconsole.tui.logs import Logs
from ppsconsole.tui.moving import HERE_ALREADY
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.screens.home import HomeScreen
from ppsconsole.tui.source import Insistent, Nudgeable, Source
from ppsconsole.tui.telling import TellingApp
from ppsconsole.tui.theme_file import Palette
from ppsconsole.tui.theming import told

if TYPE_CHECKING:
    from textual.driver import Driver

    from ppsconsole.tui.desks import Desk, Unfinished
    from ppsconsole.tui.engine_host import EngineHost
    from ppsconsole.tui.screens.page import Page

_STEP_FIRST = "ppsconsole ended by a mistake of its own.\nThe step at hand is finished and verified first; stay on the line ..."
_OWN_EVENTS = 50
_ADVISING = ("ppsconsole.tui.crash", "ppsconsole.advice.diagnosis", "ppsconsole.tui.engine_host")
"""What the first frame does without, and what comes next needs; it takes longer than everything before it."""


class PpsConsoleApp(TellingApp, HandsApp, inherit_bindings=False):
    """The console on one cluster; read-only until it is unlocked.

    Args:
        inventory: What is declared.
        source: Where pictures come from; run and stopped by the app.
        palette: Colours; those that suit the terminal when left out.
        glyphs: Characters to draw with.
        settings: How the person at the console wants it: keys.
        banner: A remark for the header, such as where the lab lives.
        clock: Time; the machine's own when left out.
        desk: Makes what plans and runs; called when it is first needed. Left out, the console only looks.
        lock: Whether it is read-only; shared with the desk.
        logs: Reads the logs of hosts; closed by the app. Left out, there are only the console's own.
        polling: Modules that the source is going to need.
        journal: Modules that the desk is going to need.
    """

    # The default screen's own CSS_PATH would not be read: Textual does that where a screen is pushed.
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "screens/home.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("everywhere"), JOB_CONTROL]
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    TITLE = "ppsconsole"

    def __init__(
        self,
        inventory: Inventory,
        source: Source,
        *,
        palette: Palette | None = None,
        glyphs: Glyphs = UNICODE,
        settings: Settings | None = None,
        banner: str = "",
        clock: Clock | None = None,
        desk: "Callable[[], Desk] | None" = None,
        lock: Lock | None = None,
        logs: Logs | None = None,
        polling: Sequence[str] = (),
        journal: Sequence[str] = (),
        driver_class: "type[Driver] | None" = None,
    ) -> None:
        self.settings = settings or Settings()
        self.colouring = Colouring(self, palette, self.settings.theme)
        super().__init__(driver_class=driver_class, ansi_color=self.colouring.is_native)
        self.colouring.put_on()
        self.animation_level = "none"
        self.actions = self.settings.actions()
        self.set_keymap(overlay(self.actions))
        self.glyphs = glyphs
        self._clock: Clock = clock or SystemClock()
        self._source = source
        self._feed = Feed(source, self.show_picture, self._trouble)
        self._scene = Scene(inventory, self._clock.now(), banner=banner)
        self._desk, self._has_desk = desk or _no_desk, desk is not None
        self._lock = lock or Lock(os.environ)
        self._logs = logs
        self._loads = (*_ADVISING, *polling), tuple(journal)
        self._is_painted = False
        every = inventory.polling
        self._stale_s = every.every_s * every.fresh_for + every.timeout_s

    @property
    def scene(self) -> Scene:
        """What is shown now."""
        return self._scene

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our colours, so that the style sheets can be read before the theme is in place."""
        return self.colouring.palette.variables()

    def get_default_screen(self) -> HomeScreen:
        """Return the home screen."""
        return HomeScreen(self._scene, self.glyphs, self.size)

    async def on_mount(self) -> None:
        """Show the first picture, and poll once it is on the terminal."""
        self.catch_signals()
        self._feed.start()
        # A frame without a picture would only be painted over: that costs a slow line twice.
        with self.batch_update():
            await self._feed.has_picture()
        # One look a second at the clock: it draws nothing while pictures are fresh.
        self.set_interval(1.0, self._look_at_the_clock)
        self.screen.call_after_refresh(self._painted)

    def _painted(self) -> None:
        """Begin with what loads libraries that take longer than everything before it."""
        self._is_painted = True
        self.colouring.begin(self._of_colours)
        self.start_errand(self._after_the_first_frame())

    async def _after_the_first_frame(self) -> None:
        """Load what advice and polling need, poll, and look into the journal; keys are taken meanwhile."""
        for_polling, for_the_journal = self._loads
        try:
            await load(for_polling)
            if self._scene.picture is not None:
                self.show_picture(self._scene.picture)
            self._feed.painted()
            if self._has_desk:
                await load(for_the_journal)
        finally:
            collect_from_now_on()
        if self._has_desk:
            await self.offer_unfinished()

    def made_host(self) -> "EngineHost":
        """Return what will own the runs."""
        from ppsconsole.tui.engine_host import EngineHost  # not needed for the first frame

        inventory = self._scene.inventory
        return EngineHost(self._desk, self.ask_at_gate, self._run_changed, self._lock, is_lab=inventory.is_lab)

    async def on_unmount(self) -> None:
        """Let the step at hand end, and stop polling, before the loop goes."""
        if self.crash is not None and self._host is not None and self._host.is_busy:
            self.say_after_leaving(_STEP_FIRST)
        self.is_leaving = True
        self.withdraw_questions()
        if self._host is not None:
            await self._host.leave()
        await self.end_errands()
        if self._logs is not None:
            await self._logs.aclose()
        await self._feed.stop()
        self.release_signals()

    # what flows down ------------------------------------------------------------------------------------------------

    def show_picture(self, picture: Picture) -> None:
        """Show a new picture on all screens; a first look that comes before the first frame has nothing to be advised on."""
        if not self._is_painted and not picture.snapshot.is_complete:
            self._show(replace(self._scene, picture=picture, now=picture.snapshot.at, is_stale=False))
            return
        from ppsconsole.advice.diagnosis import advise  # loads all runbooks

        self.host.saw(picture.snapshot)
        advice = advise(picture.snapshot, self._scene.inventory, self.host.background)
        now = picture.snapshot.at if self._scene.run is None else self._clock.now()  # a run's times go by the clock
        background = self.host.background
        self._show(replace(self._scene, picture=picture, advice=advice, background=background, now=now, is_stale=False))
        self._look_at_the_clock()
        if self._has_desk and picture.snapshot.verdict is not Verdict.OK:
            self.start_errand(self._weighed(picture.snapshot))

    async def _weighed(self, snapshot: Snapshot) -> None:
        """Read what the advice rests on beside the picture, and tell the advice again where that is new."""
        from ppsconsole.advice.diagnosis import advise

        if await self.host.weigh(snapshot) and self._scene.snapshot is not None:
            advice = advise(self._scene.snapshot, self._scene.inventory, self.host.background)
            self._show(replace(self._scene, advice=advice, background=self.host.background))

    def _show(self, scene: Scene) -> None:
        if scene != self._scene:
            self._scene = scene
            for screen in self.screen_stack:
                if isinstance(screen, ConsoleScreen):
                    screen.show_scene(scene)

    def _look_at_the_clock(self) -> None:
        """Let ages run, but only while the picture is stale, something is waited for, or a run goes on."""
        picture, now = self._scene.picture, self._clock.now()
        is_open = self._scene.run is not None and self._scene.run.activity != "ended"
        if picture is None:
            return
        is_stale = bool(self._scene.trouble) or now - picture.snapshot.at > self._stale_s
        if is_stale or picture.attempts or is_open:
            self._show(replace(self._scene, now=now, is_stale=is_stale))

    def _trouble(self, words: str) -> None:
        """Polling ended: say so where it cannot be overlooked, and go on showing what is known."""
        self.keep_event(Event(self._clock.now(), "console", Verdict.DOWN, words))
        self._show(replace(self._scene, trouble=words, now=self._clock.now(), is_stale=True))
        self.notify(f"{words}. Quit and start ppsconsole again.", title="Not polling", severity="error", timeout=10, markup=False)

    def keep_event(self, event: Event) -> None:
        """Put an event of the console itself among the others."""
        self._show(replace(self._scene, own_events=(*self._scene.own_events, event)[-_OWN_EVENTS:]))

    def went_on(self) -> None:
        """Look again at once: what is shown is from before the console was stopped."""
        self._look_at_the_clock()
        if isinstance(self._source, Nudgeable):
            self._source.nudge()

    def lock_changed(self) -> None:
        """Show whether the console is read-only."""
        self._show(replace(self._scene, is_unlocked=self._lock.is_open))

    def unfinished_found(self, found: "tuple[Unfinished, ...]") -> None:
        """Show that there are open runs."""
        self._show(replace(self._scene, unfinished=found))

    def _run_changed(self) -> None:
        from ppsconsole.tui.widgets.run_panes import done_of  # not needed for the first frame

        was, live = self._scene.run, self.host.live
        ended = "" if live is None or live.view.verdict is None else live.view.run
        unfinished = tuple(each for each in self._scene.unfinished if each.run != ended)
        self._show(replace(self._scene, run=live, unfinished=unfinished, now=self._clock.now()))
        if live is not None:
            self.tell_of_run(was, live)
        # What a step changed is looked at now: the answers on the run's screen must not be those of before.
        if was is not None and live is not None and done_of(was) != done_of(live) and isinstance(self._source, Nudgeable):
            self._source.nudge()

    # keys -----------------------------------------------------------------------------------------------------------

    def action_open_page(self, name: str) -> None:
        """Open a page; from another page, in its place, so that Esc always leads home."""
        # Not needed for the first frame.
        from ppsconsole.tui.screens.commands import CommandsScreen
        from ppsconsole.tui.screens.events import EventsScreen
        from ppsconsole.tui.screens.help import HelpScreen

        pages: dict[str, type[Page]] = {page.NAME: page for page in (EventsScreen, CommandsScreen, HelpScreen)}
        self._open(pages[name](self._scene, self.glyphs))

    def action_open_node(self) -> None:
        """Open the node that is selected on the home screen."""
        if isinstance(self.screen, HomeScreen) and self.screen.selected is not None:
            self.open_node(self.screen.selected)
        else:
            self.say("No node was seen yet.")

    def open_node(self, name: str) -> None:
        """Show all about a node."""
        from ppsconsole.tui.screens.node import NodeScreen

        page = NodeScreen(self._scene, self.glyphs, name, self._logs)
        if isinstance(self.screen, NodeScreen):
            self.switch_screen(page)
        else:
            self._open(page)

    def action_open_log(self) -> None:
        """Open the log of the node that is shown or selected; the console's own ones are behind it."""
        from ppsconsole.tui.screens.node import NodeScreen

        screen = self.screen
        self.open_log(
            screen.node if isinstance(screen, NodeScreen) else screen.selected if isinstance(screen, HomeScreen) else None
        )

    def open_log(self, node: str | None) -> None:
        """Open the log of a node; the console's own ones without one."""
        from ppsconsole.tui.screens.log import LogScreen  # not needed for the first frame

        desk = (lambda: self.host.desk) if self._has_desk else None
        self.push_screen(LogScreen(self._scene, self.glyphs, node, self._logs, desk))

    def action_use_theme(self, name: str) -> None:
        """Use other colours until the console is left."""
        try:
            self.colouring.switch(name)
        except SettingsError as error:
            self._of_colours(f"{told(error)}. The colours stay as they are.", is_wrong=True)
        except UsageError as error:
            self._of_colours(str(error), is_wrong=True)

    def _of_colours(self, words: str, *, is_wrong: bool) -> None:
        """Tell something about colours; what is wrong also among the events, where it stays."""
        if is_wrong:
            self.keep_event(Event(self._clock.now(), "console", Verdict.WARN, words))
        self.notify(words, severity="warning" if is_wrong else "information", timeout=10 if is_wrong else None, markup=False)

    def _open(self, page: "Page") -> None:
        from ppsconsole.tui.screens.page import Page

        if isinstance(self.screen, Page):
            if self.screen.NAME != page.NAME:
                self.switch_screen(page)
            else:
                self.say(HERE_ALREADY)
        else:
            self.push_screen(page)

    def action_poll(self) -> None:
        """Look at everything now, also at what is not tried again by itself."""
        if isinstance(self._source, Insistent):
            self._source.insist()
        elif isinstance(self._source, Nudgeable):
            self._source.nudge()
        else:
            self.notify("This source looks by itself and cannot be hurried.", markup=False)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a text to the clipboard of the terminal, also where GNU screen is before it."""
        if not is_in_screen(os.environ) or self._driver is None:
            super().copy_to_clipboard(text)
            return
        self._clipboard = text
        self._driver.write(through_screen(text))

    async def action_copy(self) -> None:
        """Copy the screen's text to a file and to the clipboard."""
        screen = self.screen
        if not isinstance(screen, ConsoleScreen):
            return
        text, path = screen.text(), copy_path(os.environ)
        if not ("TMUX" in os.environ and await load_into_tmux(text)):
            self.copy_to_clipboard(text)
        try:
            keep(text, path)
        except OSError as error:
            words = f"Only the clipboard was tried: {path}: {error.strerror}"
            self.notify(words, title="Not kept in a file", severity="warning", timeout=8, markup=False)
        else:
            self.notify(f"Copied; also kept in {path}", markup=False)


def _no_desk() -> "Desk":
    raise UsageError("this console was opened to look only")
