"""What the keys do that lead to a plan and through a run: the part of the application that asks before it moves anything."""

import asyncio
import shlex
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any

from ppsconsole.clock import hhmmss
from ppsconsole.cluster.picture import Event
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.text import Glyphs
from ppsconsole.errors import PpsConsoleError
from ppsconsole.settings.sheet import key_of
from ppsconsole.tui.keymap import actions_of
from ppsconsole.tui.leaving import LeavingApp
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.ways import first_open

if TYPE_CHECKING:  # the screens of plans and runs, and what they rest on, are loaded by the keys that lead there
    from ppsconsole.plan.plan import Plan
    from ppsconsole.plan.step import Gate, Step
    from ppsconsole.runbooks.request import Request
    from ppsconsole.tui.engine_host import EngineHost
    from ppsconsole.tui.question import Question
    from ppsconsole.tui.screens.choose import ChooseScreen
    from ppsconsole.tui.screens.dialog import Dialog
    from ppsconsole.tui.screens.plan import PlanScreen

MOVED = "The world moved since this was shown: this is a new plan, read it again."
HERE_ALREADY = "This is it: it is open already."
HOW_TO_UNLOCK = "The console is read-only. Press {key} to unlock it; nothing runs unasked even then."


class MovingApp(LeavingApp[None], inherit_bindings=False):
    """Plans, confirms and runs; none of it is decided here: the engine refuses what is not safe.

    Attributes:
        is_leaving: Whether nothing new is begun or asked any more.
    """

    glyphs: Glyphs
    is_leaving = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._errands: set[asyncio.Task[None]] = set()
        self._questions: list[Dialog] = []
        self._is_planning = False
        self._host: EngineHost | None = None

    @property
    def host(self) -> "EngineHost":
        """What owns the run; made on first use. Its tasks and ours are the application's: popping a screen ends none of them."""
        if self._host is None:
            self._host = self.made_host()
        return self._host

    def made_host(self) -> "EngineHost":
        """Return what will own the runs."""
        raise NotImplementedError

    @property
    def scene(self) -> Scene:
        """What is shown now."""
        raise NotImplementedError

    def keep_event(self, event: Event) -> None:
        """Put an event of the console itself among the others."""
        raise NotImplementedError

    def lock_changed(self) -> None:
        """Show whether the console is read-only."""
        raise NotImplementedError

    # plans ----------------------------------------------------------------------------------------------------------

    def action_way_out(self) -> None:
        """Plan what the advice ranks first; choose where it ranks nothing."""
        way = first_open(self.scene.advice)
        if way is None:
            self.action_choose()
        else:
            from ppsconsole.advice.choices import request_of

            self._plan(request_of(way))

    def action_choose(self) -> None:
        """Show all ways; on a node's page those that are about it."""
        from ppsconsole.tui.screens.choose import ChooseScreen, all_ways, ways_about
        from ppsconsole.tui.screens.node import NodeScreen

        if not isinstance(self.screen, ChooseScreen):
            offer = ways_about(self.screen.node) if isinstance(self.screen, NodeScreen) else all_ways()
            self.push_screen(ChooseScreen(self.scene, self.glyphs, offer))

    def action_choose_manner(self) -> None:
        """Show in which manner what is planned can be done: the rung, the way, the source, the bundle."""
        from ppsconsole.tui.screens.choose import ChooseScreen, manners_of
        from ppsconsole.tui.screens.plan import PlanScreen

        if not isinstance(self.screen, PlanScreen):
            return
        offer = manners_of(self.screen.plan, self.screen.request)
        if offer is not None:
            self.push_screen(ChooseScreen(self.scene, self.glyphs, offer))
        else:
            runbook = self.screen.plan.runbook
            self._say(
                f"There is one manner of {runbook} only: a fence, a rejoin, a restore and an alternate server have several."
            )

    def on_choose_screen_chosen(self, message: "ChooseScreen.Chosen") -> None:
        """Plan what was chosen."""
        self._plan(message.request)

    def action_plan_again(self) -> None:
        """Make the plan again."""
        from ppsconsole.tui.screens.plan import PlanScreen

        if isinstance(self.screen, PlanScreen):
            self._plan(self.screen.request)

    def _plan(self, request: "Request") -> None:
        if self._is_planning:
            self._say("Still reading facts for a plan.")
            return
        from ppsconsole.tui.screens.choose import ChooseScreen
        from ppsconsole.tui.screens.plan import PlanScreen

        async def plan() -> None:
            plan = await self._planned(request)
            if plan is None:
                return
            if isinstance(self.screen, ChooseScreen) and isinstance(self.screen_stack[-2], PlanScreen):
                await self.pop_screen()  # another plan in the place of the one that it was chosen for
            if isinstance(self.screen, PlanScreen):
                self.screen.request = request
                self.screen.show_plan(plan)
            else:
                self.push_screen(PlanScreen(self.scene, self.glyphs, plan, request))

        self.start_errand(plan())

    async def _planned(self, request: "Request") -> "Plan | None":
        """Return a plan from fresh facts; None when there is none, and that was said."""
        self._is_planning = True
        self._say(f"Reading fresh facts for {request.runbook} ...")
        try:
            return await self.host.desk.plan(request)
        except PpsConsoleError as error:
            self._refused(f"no plan for {request.runbook}", error)
            return None
        finally:
            self._is_planning = False

    # a run begins ---------------------------------------------------------------------------------------------------

    def action_confirm_plan(self) -> None:
        """Read everything again, ask, and run."""
        from ppsconsole.tui.screens.plan import PlanScreen

        if not isinstance(self.screen, PlanScreen):
            return
        if not self.host.lock.is_open:
            self._say(HOW_TO_UNLOCK.format(key=self.key_of("unlock")))
        elif not self._is_planning:
            self.start_errand(self._confirmed(self.screen))

    async def _confirmed(self, shown: "PlanScreen") -> None:
        from ppsconsole.tui.question import run_question
        from ppsconsole.tui.screens.plan import PlanScreen

        found: list[Plan] = []

        async def read() -> "Question | None":
            fresh = await self._planned(shown.request)
            if fresh is None or not self._still_stands(shown, fresh):
                return None
            found.append(fresh)
            return run_question(fresh, self.scene.snapshot, is_lab=self.scene.inventory.is_lab)

        first = run_question(shown.plan, self.scene.snapshot, is_lab=self.scene.inventory.is_lab)
        asked = await self.ask(first, read())
        if asked is None or not found:
            return
        fresh = found[0]
        answers = await self._answers(fresh, asked)
        if answers is None:
            return
        self._say("Taking the lease and opening the run ...")
        try:
            await self.host.begin(fresh, answers)
        except PpsConsoleError as error:
            self._refused("the run did not begin", error)
            return
        if isinstance(self.screen, PlanScreen):
            await self._show_run(in_place=True)
        self.host.go_on()  # not before: a gate may ask at once, and nothing may hide where the run stands

    async def _show_run(self, *, in_place: bool = False) -> None:
        """Show the run, with `in_place` instead of the screen that led to it."""
        from ppsconsole.tui.screens.run import RunScreen  # not needed for the first frame

        if isinstance(self.screen, RunScreen) and self.screen.PLACE == "run":  # a replay is one too
            return
        screen = RunScreen(self.scene, self.glyphs)
        await (self.switch_screen(screen) if in_place else self.push_screen(screen))
        screen.show_scene(self.scene)  # what happened while it was being opened

    def _still_stands(self, shown: "PlanScreen", fresh: "Plan") -> bool:
        """Show the plan as it is now; return whether it is the one that was read, and may run."""
        is_same = fresh.hash == shown.plan.hash
        shown.show_plan(fresh, "" if is_same else MOVED)
        if is_same and fresh.blockers:
            names = ", ".join(item.name for item in fresh.blockers)
            self._say(f"This plan does not run: blocked by {names}.", "warning")
        return is_same and not fresh.blockers

    async def _answers(self, plan: "Plan", answer: str) -> dict[str, str] | None:
        """Ask everything else now, before anything is touched; None when something was not answered."""
        from ppsconsole.tui.question import gate_question, run_gate

        first = run_gate(plan)
        found = {} if first is None else {first[0]: answer}  # by step id
        for step in plan.steps:
            if step.gate is None or step.id in found:
                continue
            question = gate_question(step.gate, step, plan, self.scene.snapshot, is_ahead=True)
            given = await self.ask(question, self._read_again(step, plan))
            if given is None:
                return None
            found[step.id] = given
        return found

    async def _read_again(self, step: "Step", plan: "Plan") -> "Question | None":
        from ppsconsole.tui.question import gate_question

        try:
            gate, now = await self.host.read_again(step, plan)
        except PpsConsoleError as error:
            self._refused("what the question rests on cannot be read", error)
            return None
        return gate_question(gate, step, now, self.scene.snapshot, is_ahead=True)

    async def ask_at_gate(self, gate: "Gate", step: "Step", plan: "Plan") -> str | None:
        """Ask at a gate of a run that is going, over its screen: one that was resumed, or whose loss has grown."""
        from ppsconsole.tui.question import gate_question

        if not self.is_leaving:
            await self._show_run()
        return await self.ask(gate_question(gate, step, plan, self.scene.snapshot))

    async def ask(self, question: "Question", again: "Coroutine[Any, Any, Question | None] | None" = None) -> str | None:
        """Show a dialog and return what was answered; None when it was cancelled, or nobody is there any more.

        Args:
            question: What is asked.
            again: Reads again what it rests on, while the dialog is open and locked; a question that does not stand any more is
                withdrawn.
        """
        if self.is_leaving:
            if again is not None:
                again.close()
            return None
        from ppsconsole.tui.screens.dialog import Dialog  # its input field is not needed for the first frame

        head = self.screen.show_head() if isinstance(self.screen, ConsoleScreen) else 1
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        is_lab, is_reading = self.scene.inventory.is_lab, again is not None
        dialog = Dialog(question, self.glyphs, future, is_lab=is_lab, is_reading=is_reading, head=head)
        self._questions.append(dialog)
        future.add_done_callback(lambda _: self._questions.remove(dialog))
        await self.push_screen(dialog)
        reading = None if again is None else asyncio.create_task(again)
        if reading is not None:
            waited: set[asyncio.Future[Any]] = {reading, future}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            elif (fresh := reading.result()) is None:
                dialog.withdraw()
            else:
                dialog.show_question(fresh)
        return await future

    def withdraw_questions(self) -> None:
        """Cancel every open question: nobody will answer it. Its screen may be gone already."""
        for dialog in reversed(self._questions):
            dialog.withdraw()

    # lock and leaving -----------------------------------------------------------------------------------------------

    def action_unlock(self) -> None:
        """Unlock the console in place, or make it read-only again."""
        try:
            self.host.lock.turn()
        except PpsConsoleError as error:
            self._refused("it stays read-only", error)
        self.lock_changed()

    async def action_quit(self) -> None:
        """Leave; while something is being done, ask first."""
        if self.is_leaving:
            self._say("Leaving as soon as the step at hand is verified.")
        elif self._host is not None and self._host.is_acting:
            self.start_errand(self._asked_to_leave())
        else:
            self.exit()  # what is left to do then, such as giving the lease back, is waited for

    async def _asked_to_leave(self) -> None:
        from ppsconsole.engine.gates import YES
        from ppsconsole.tui.question import Question

        question = Question(
            "A run is going",
            "Leaving finishes and verifies the step at hand, writes down that the run is held, and then leaves. "
            "The cluster stays half way until somebody resumes it. Esc in the run's screen leaves only that screen.",
            button="Hold and leave",
            stay="Stay",
        )
        if await self.ask(question) == YES:
            await self.leave_in_order(0)

    def leave_with(self, code: int, *, is_line_lost: bool = False) -> None:
        """Leave at once, or as soon as the step at hand is verified."""
        if self._host is None or not self._host.is_busy:
            self.exit(return_code=code)
            return
        if is_line_lost:
            self.let_go()
        self.start_errand(self.leave_in_order(code))

    def why_not_stop(self) -> str:
        """Refuse while a run is at a step: a stopped process would leave it half way, with its lease, and verify nothing."""
        if self._host is None or not self._host.is_busy:
            return ""
        return "A run is at a step: stopping now would leave it half way, unwatched. Space holds it after this step; then Ctrl-Z."

    def standing(self) -> str:
        """Return where the open run stands and how to go on with it; empty where there is none."""
        live = None if self._host is None else self._host.live
        if live is None or live.activity == "ended":
            return ""
        view = live.view
        title = next((step.title for step in view.plan.steps if step.id == live.at_hand), "")
        words = f"Run {view.run} ({view.plan.runbook}) is {view.state}" + (f", at: {title}." if title else ".")
        if view.users.is_on and view.users.began_at is not None:
            words += f" Users are OUT since {hhmmss(view.users.began_at)}Z."
        where = shlex.quote(self.scene.inventory.path)
        return f"{words}\nGo on with it: ppsconsole -i {where} runs resume {view.run}"

    async def leave_in_order(self, code: int) -> None:
        """Finish and verify the step at hand, hold, and leave with `code`."""
        if self.is_leaving:
            return
        self.is_leaving = True
        self.withdraw_questions()
        self._say("Leaving: the step at hand is finished and verified first.", "warning")
        if self._host is not None:
            await self._host.leave()
        self.exit(return_code=code)

    def key_of(self, action: str) -> str:
        """Return the key that the person at the console has for an action, as it is printed on a keyboard."""
        return key_of(action, actions_of(self))

    # how ------------------------------------------------------------------------------------------------------------

    def start_errand(self, errand: Coroutine[Any, Any, None]) -> None:
        """Do something that takes time beside the keys, in a task of the application's own."""
        task = asyncio.create_task(self._guarded(errand))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _guarded(self, errand: Awaitable[None]) -> None:
        try:
            await errand
        except Exception as error:  # a mistake of ours must be seen, and must not take the run along
            self._refused("a mistake in the console", error)

    async def end_errands(self) -> None:
        """Cancel what is still under way: nothing of it acts on the cluster."""
        for task in self._errands:
            task.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    def _say(self, words: str, severity: Any = "information") -> None:
        self.notify(words, severity=severity, markup=False)

    def _refused(self, what: str, error: Exception) -> None:
        words = str(error) if isinstance(error, PpsConsoleError) else f"{type(error).__name__}: {error}"
        self.keep_event(Event(self.scene.now, "console", Verdict.WARN, f"{what}: {words}"))
        self.notify(words, title=what.capitalize(), severity="warning", timeout=12, markup=False)
