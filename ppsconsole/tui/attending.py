"""What the keys do about an open run, here or at another console: follow, hold, go on, go back, take over, hand over."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ppsconsole.errors import Leased, PpsConsoleError
from ppsconsole.tui.moving import HERE_ALREADY, HOW_TO_UNLOCK, MovingApp

if TYPE_CHECKING:  # loaded by the keys that lead to a run
    from ppsconsole.draw.run_view import RunView
    from ppsconsole.plan.event import RunEvent
    from ppsconsole.tui.desks import Unfinished
    from ppsconsole.tui.live import Live
    from ppsconsole.tui.question import Question


class AttendingApp(MovingApp, inherit_bindings=False):
    """None of what is safe is decided here: the engine refuses, and a key that makes no sense now says why."""

    # which run ------------------------------------------------------------------------------------------------------

    def action_open_run(self) -> None:
        """Go to the run of this console, or to one that was left unfinished."""
        from ppsconsole.tui.screens.run import RunScreen  # not needed for the first frame

        if self.host.live is not None and (self.host.live.activity != "ended" or not self.scene.unfinished):
            if isinstance(self.screen, RunScreen) and self.screen.PLACE == "run":  # a replay is one too
                self._say(HERE_ALREADY)
            else:
                self.start_errand(self._show_run())
        elif self.scene.unfinished:
            self.start_errand(self._inspected(self.scene.unfinished[0].run))
        else:
            self.start_errand(self._looked_again())

    async def _looked_again(self) -> None:
        """Look for a run that another console began, or left, since this one was opened."""
        self._say("Looking for open runs in the journal and on the hosts ...")
        found = await self.look_for_unfinished()
        if found:
            await self._inspected(found[0].run)
        elif found is not None:
            self._say(f"There is no run, and none was left unfinished. {self.key_of('runs')} shows those that have ended.")

    def action_open_runs(self) -> None:
        """Show all runs of this cluster."""
        from ppsconsole.tui.screens.runs import RunsScreen  # not needed for the first frame

        if not isinstance(self.screen, RunsScreen):
            self.push_screen(RunsScreen(self.scene, self.glyphs, lambda: self.host.desk))
        else:
            self._say(HERE_ALREADY)

    def open_run(self, run: str) -> None:
        """Show an open run, and follow it where another console is at it."""
        self.start_errand(self._inspected(run))

    async def _inspected(self, run: str) -> None:
        try:
            await self.host.inspect(run)
        except PpsConsoleError as error:
            self._refused(f"run {run} cannot be shown", error)
            return
        await self._show_run()

    async def offer_unfinished(self) -> None:
        """Look for runs that are open, and offer them."""
        found = await self.look_for_unfinished()
        if found:
            self._say(
                f"Open run found: {found[0].title}, of {found[0].holder}. {self.key_of('to-run')}: look at it, follow, resume.",
                "warning",
            )

    async def look_for_unfinished(self) -> "tuple[Unfinished, ...] | None":
        """Return the runs that are open, from the journal and from the hosts; None when that cannot be read, which was said."""
        try:
            found = await self.host.desk.unfinished()
        except PpsConsoleError as error:
            self._refused("the journal cannot be read", error)
            return None
        self.unfinished_found(found)
        return found

    def unfinished_found(self, found: "tuple[Unfinished, ...]") -> None:
        """Show that there are open runs."""
        raise NotImplementedError

    def tell_of_run(self, was: "Live | None", live: "Live") -> None:
        """Say what has become of a run that is followed, wherever somebody is in the console."""
        if was is None or was.view.run != live.view.run or was.activity != "followed" or live.is_ours:
            return
        if live.view.verdict is not None:
            self._say(f"Run {live.view.run} has ended: {live.view.state}.")
        elif live.view.is_handed_over and not was.view.is_handed_over:
            self._say(
                f"Run {live.view.run} was {live.view.words}. {self.key_of('to-run')}, then {self.key_of('retry')} takes it up."
            )
        elif live.activity == "standing" and not live.view.is_handed_over:
            self._say(f"Nobody is at run {live.view.run} any more. {self.key_of('to-run')} leads to it.", "warning")

    # what is done with it -------------------------------------------------------------------------------------------

    def action_run_hold(self) -> None:
        """Hold after the step at hand."""
        if self._is_barred("hold"):
            return
        try:
            self.host.hold()
        except PpsConsoleError as error:
            self._refused("not held", error)
        else:
            self._say("It stops after the step at hand.")

    def action_run_retry(self) -> None:
        """Go on."""
        if not self._is_barred("retry"):
            self.start_errand(self._acted(self.host.go_on))

    def action_run_back_out(self) -> None:
        """Ask for a reason, and undo what was done."""
        from ppsconsole.tui.question import reason_question

        words = "Every step that was done is undone, the last one first, each verified. Refused once there is no way back."
        self._with_reason("back-out", reason_question("Back out", words, "Back out"), self.host.back_out, is_way_back=True)

    def action_run_mark_done(self) -> None:
        """Ask for a reason, and mark the step done, after a look."""
        from ppsconsole.tui.question import reason_question

        live = self.host.live
        if live is None or self._is_barred("mark-done"):
            return
        step = live.view.plan.step(live.at_hand)
        words = "Its verification looks at the world first. Steps that prove something are never marked."
        question = reason_question(f"Mark done: {step.title}", words, "Look, and mark")
        self._with_reason("mark-done", question, lambda why: self.host.mark_done(step.id, why))

    def action_run_abandon(self) -> None:
        """Ask for a reason, and end the run where it stands."""
        from ppsconsole.tui.question import reason_question

        words = "The run ends where it stands and nothing is touched: the cluster stays half way, and no console resumes it."
        question = reason_question("Abandon the run", words, "Abandon")
        self._with_reason("abandon", question, self.host.abandon, is_way_back=True)

    def action_run_hand_over(self) -> None:
        """Ask for words to the next console, and let go of the run after the step at hand."""
        from ppsconsole.tui.question import reason_question

        if self._is_barred("hand-over") or self._is_locked():
            return
        words = (
            "The step at hand is finished and verified. Then this console lets go of the run, and the next one takes it up with "
            "r, without a reason. Nobody is at it until then."
        )
        self.start_errand(self._handed_over(reason_question("Hand over to the next console", words, "Hand over", "Words for it")))

    async def _handed_over(self, question: "Question") -> None:
        said = await self.ask(question)
        if said is None:
            return
        try:
            self.host.hand_over(said)
        except PpsConsoleError as error:
            self._refused("not handed over", error)

    def _is_barred(self, action: str) -> bool:
        """Say why a key makes no sense now; return whether it does not."""
        live = self.host.live
        words = "there is no run" if live is None else live.barred.get(action, "")
        if words:
            # A name of somebody stays as it is written.
            self._say(f"{words if '@' in words.partition(' ')[0] else words[:1].upper() + words[1:]}.", "warning")
        return bool(words)

    def _is_locked(self) -> bool:
        if not self.host.lock.is_open:
            self._say(HOW_TO_UNLOCK.format(key=self.key_of("unlock")))
        return not self.host.lock.is_open

    def _with_reason(self, action: str, question: "Question", act: Callable[[str], None], *, is_way_back: bool = False) -> None:
        if not self._is_barred(action) and not self._is_locked():
            self.start_errand(self._reasoned(question, act, is_way_back=is_way_back))

    async def _reasoned(self, question: "Question", act: Callable[[str], None], *, is_way_back: bool) -> None:
        reason = await self.ask(question)
        if reason is not None:
            await self._acted(lambda: act(reason), is_way_back=is_way_back)

    async def _acted(self, act: Callable[[], None], *, is_way_back: bool = False) -> None:
        """Take the lease where it is not held, then act; a foreign lease is taken over with a typed reason alone."""
        from ppsconsole.tui.question import reason_question

        try:
            await self.host.take(is_way_back=is_way_back)
        except Leased as error:
            words = f"{error} Taking over makes the other console powerless: only if nobody is at it."
            reason = await self.ask(reason_question("Take the run over", words, "Take over"))
            if reason is None:
                return
            try:
                await self.host.take(reason, is_way_back=is_way_back)
            except PpsConsoleError as refusal:
                self._refused("not taken over", refusal)
                return
        except PpsConsoleError as error:
            self._refused("refused", error)
            return
        try:
            act()
        except PpsConsoleError as error:
            self._refused("refused", error)

    def open_replay(self, view: "RunView", events: "Sequence[RunEvent]") -> None:
        """Replay a run."""
        from ppsconsole.tui.screens.replay import ReplayScreen

        if events:
            self.push_screen(ReplayScreen(self.scene, self.glyphs, view, events))

    def open_report(self, view: "RunView", events: "Sequence[RunEvent]") -> None:
        """Open the report of a run."""
        from ppsconsole.tui.screens.report import ReportScreen

        self.push_screen(ReportScreen(self.scene, self.glyphs, view, events))

    def open_in_pager(self, text: str) -> None:
        """Show a text in the person's own pager, and say where that failed; what goes on goes on meanwhile."""
        from ppsconsole.tui.pager import pager_command, show_in_pager

        async def shown(command: str) -> None:
            if words := await show_in_pager(self, text, command):
                self._say(words, "warning")

        command = pager_command(os.environ)
        if command is None:
            self._say(f"No pager is installed: set PAGER, or copy with {self.key_of('copy')}, which also keeps a file.")
        else:
            self.start_errand(shown(command))

    # afterwards -----------------------------------------------------------------------------------------------------

    def action_run_report(self) -> None:
        """Open the report of the run that is shown."""
        if self.host.live is not None:
            self.open_report(self.host.live.view, self.host.events)

    def action_run_replay(self) -> None:
        """Replay the run that is shown."""
        if self.host.live is not None:
            self.open_replay(self.host.live.view, self.host.events)
