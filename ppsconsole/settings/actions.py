"""The one table of what can be done by key: bindings, key strip, help, cheat sheet and `console.yaml` are made from it.

Loading this module checks the table: a key with two meanings in one place, or one that terminals keep for themselves, is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from ppsconsole.settings.keys import why_forbidden
from ppsconsole.values import dataclass

Place = Literal[
    "everywhere",
    "home",
    "node",
    "log",
    "page",
    "choose",
    "plan",
    "run",
    "runs",
    "replay",
    "report",
    "dialog",
    "first",
    "mistakes",
    "wizard",
    "preview",
]

PLACES: dict[Place, str] = {
    "everywhere": "Everywhere but in a dialog",
    "home": "On the home screen",
    "node": "On a node",
    "log": "On a log",
    "page": "On a page (events, commands, help)",
    "choose": "Where a way out is chosen",
    "plan": "On a plan",
    "run": "On a run",
    "runs": "On the list of runs",
    "replay": "On a run that is replayed",
    "report": "On the report of a run",
    "dialog": "In a dialog",
    "first": "Where an inventory is chosen, before there is a cluster",
    "mistakes": "On the mistakes of an inventory",
    "wizard": "Where an inventory is written by questions",
    "preview": "On an inventory that is about to be written",
}
"""Where keys work, in the order of the help page."""

APART: frozenset[Place] = frozenset(("dialog", "first", "mistakes", "wizard", "preview"))
"""Places where the keys of `everywhere` do not work: what is typed there is an answer, or there is no cluster yet."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the operator can do.

    Attributes:
        id: Stable name, kebab-case: what `console.yaml` refers to.
        keys: The console's names of the keys, the first one is shown.
        run: Textual's action string.
        description: For the help page, what it does.
        where: The place in which the keys work.
        label: For the key strip, one or two words; empty keeps it out of the strip.
        is_locked: Greyed while the console is read-only; that it is refused then is not the screen's business.
        is_instant: What is typed next may be meant for what it opens: it acts before any later key is looked at.
        is_fixed: Its key is the same for everybody.
        not_in: Places that go their own way, where it works `everywhere` else.
    """

    id: str
    keys: tuple[str, ...]
    run: str
    description: str
    where: Place
    label: str = ""
    is_locked: bool = False
    is_instant: bool = False
    is_fixed: bool = False
    not_in: tuple[Place, ...] = ()

    @property
    def reach(self) -> tuple[Place, ...]:
        """The places in which its keys work."""
        if self.where != "everywhere":
            return (self.where,)
        return tuple(place for place in PLACES if place != "everywhere" and place not in (*APART, *self.not_in))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a key of a table.

    Attributes:
        ids: The actions that are concerned.
        key: The key, empty where an id is the matter.
        words: What is wrong.
    """

    ids: tuple[str, ...]
    key: str
    words: str


class KeymapError(ValueError):
    """The table of keys contradicts itself."""


ACTIONS: tuple[Action, ...] = (
    Action("select-up", ("up", "k"), "move(0, -1)", "Select the node above; in another pane, scroll up", "home"),
    Action("select-down", ("down", "j"), "move(0, 1)", "Select the node below; in another pane, scroll down", "home"),
    Action("select-left", ("left", "h"), "move(-1, 0)", "Select the node to the left", "home"),
    Action("select-right", ("right", "l"), "move(1, 0)", "Select the node to the right", "home"),
    Action("select-first", ("g", "home"), "leap(0)", "Select the first node; in another pane, go to its top", "home"),
    Action("select-last", ("G", "end"), "leap(1)", "Select the last node; in another pane, go to its end", "home"),
    Action("way-out", ("f",), "app.way_out", "Plan the way out that the advice ranks first", "home", "Way out"),
    Action("choose", ("F",), "app.choose", "Choose among all ways: switchover, failover, restart", "home"),
    Action(
        "open-node", ("enter",), "open", "Open what is selected: a node with all its facts, a gauge's history", "home", "Open"
    ),
    Action("why", ("d",), "why", "Why: the rules behind the advice, their facts, what each way's cost rests on", "home", "Why"),
    Action(
        "open-log", ("L",), "app.open_log", "Open the log of the selected node; without one, the console's own", "home", "Log"
    ),
    Action("next-pane", ("tab",), "next_pane(1)", "Go to the next pane", "home"),
    Action("previous-pane", ("shift+tab",), "next_pane(-1)", "Go to the previous pane", "home"),
    Action("to-topology", ("escape",), "to_topology", "Go back to the topology", "home"),
    Action("node-back", ("escape",), "back", "Go back", "node", "Back"),
    Action("node-log", ("l", "L"), "app.open_log", "Open its log", "node", "Log"),
    Action("node-ways", ("enter",), "app.choose", "Choose among what can be done about it, and see the plan", "node", "Ways"),
    Action("next-section", ("tab",), "next_section(1)", "Go to the next section", "node", "Section"),
    Action("previous-section", ("shift+tab",), "next_section(-1)", "Go to the section before", "node"),
    Action("node-up", ("up", "k"), "scroll(-1)", "Scroll up one line", "node"),
    Action("node-down", ("down", "j"), "scroll(1)", "Scroll down one line", "node"),
    Action("node-page-up", ("pageup", "b"), "scroll_page(-1)", "Scroll up one page", "node"),
    Action("node-page-down", ("pagedown", "space"), "scroll_page(1)", "Scroll down one page", "node"),
    Action("node-top", ("g", "home"), "scroll_to_end(0)", "Go to the top", "node"),
    Action("node-end", ("G", "end"), "scroll_to_end(1)", "Go to the end", "node"),
    Action("poll-node", ("r",), "poll", "Look at everything again now", "node", "Poll now"),
    Action("log-back", ("escape",), "back", "Leave the search or the filter; without one, go back", "log", "Back"),
    Action("log-follow", ("f",), "follow", "Follow the log as it grows, or stop at what is shown", "log", "Follow"),
    Action("log-search", ("slash",), "search", "Search; capitals matter where the text has some", "log", "Search"),
    Action("log-next-match", ("n",), "next_match(1)", "Go to the next match", "log"),
    Action("log-previous-match", ("N",), "next_match(-1)", "Go to the match before", "log"),
    Action(
        "log-filter", ("ampersand",), "filter", "Show only lines with a text in them; an empty text shows all", "log", "Filter"
    ),
    Action("log-next", ("tab", "right_square_bracket"), "next_source(1)", "Go to the next log", "log", "Next log"),
    Action("log-previous", ("shift+tab", "left_square_bracket"), "next_source(-1)", "Go to the log before", "log"),
    Action("log-pager", ("o",), "pager", "Open everything that was read in $PAGER", "log", "Pager"),
    Action("log-wrap", ("z",), "wrap", "Wrap long lines, or cut them off", "log", "Wrap"),
    Action("log-left", ("left", "h"), "scroll_aside(-1)", "Go left in long lines that are cut off", "log"),
    Action("log-right", ("right", "l"), "scroll_aside(1)", "Go right in long lines that are cut off", "log"),
    Action("log-up", ("up", "k"), "scroll(-1)", "Scroll up one row; it no longer follows", "log"),
    Action("log-down", ("down", "j"), "scroll(1)", "Scroll down one row", "log"),
    Action("log-page-up", ("pageup", "b"), "scroll_page(-1)", "Scroll up one page", "log"),
    Action("log-page-down", ("pagedown", "space"), "scroll_page(1)", "Scroll down one page", "log"),
    Action("log-top", ("g", "home"), "scroll_to_end(0)", "Go to the oldest line", "log"),
    Action("log-end", ("G", "end"), "scroll_to_end(1)", "Go to the newest line, and follow it", "log"),
    Action("back", ("escape",), "back", "Go back to the home screen", "page", "Back"),
    Action("scroll-up", ("up", "k"), "scroll(-1)", "Scroll up one line", "page"),
    Action("scroll-down", ("down", "j"), "scroll(1)", "Scroll down one line", "page"),
    Action("page-up", ("pageup", "b"), "scroll_page(-1)", "Scroll up one page", "page"),
    Action("page-down", ("pagedown", "space"), "scroll_page(1)", "Scroll down one page", "page", "Page"),
    Action("to-top", ("g", "home"), "scroll_to_end(0)", "Go to the top", "page"),
    Action("to-end", ("G", "end"), "scroll_to_end(1)", "Go to the end", "page"),
    Action("poll-page", ("r",), "app.poll", "Look at everything again now", "page", "Poll now"),
    Action("choose-up", ("up", "k"), "move(-1)", "Select the way above", "choose"),
    Action("choose-down", ("down", "j"), "move(1)", "Select the way below", "choose"),
    Action("choose-first", ("g", "home"), "leap(0)", "Select the first way", "choose"),
    Action("choose-last", ("G", "end"), "leap(1)", "Select the last way", "choose"),
    Action("choose-it", ("enter",), "choose", "Plan the selected way; nothing is changed by that", "choose", "Plan it"),
    Action("choose-back", ("escape",), "back", "Go back", "choose", "Back"),
    Action("run-plan", ("x",), "app.confirm_plan", "Run this plan: asks first what its gates demand", "plan", "Run", True),
    Action("plan-commands", ("enter",), "toggle_commands", "Show or hide the selected step's commands", "plan", "Commands"),
    Action("plan-preflight", ("p",), "toggle_preflight", "Show or hide what preflight found well", "plan", "Preflight"),
    Action("plan-again", ("r",), "app.plan_again", "Make the plan again from fresh facts", "plan", "Again"),
    Action("plan-ways", ("o",), "app.choose", "Choose another way", "plan", "Ways"),
    Action("plan-how", ("f",), "app.choose_manner", "Choose how: the rung, the way, the source, the bundle", "plan", "How"),
    Action("plan-up", ("up", "k"), "move(-1)", "Select the step above; above the first one, scroll up", "plan"),
    Action("plan-down", ("down", "j"), "move(1)", "Select the step below", "plan"),
    Action("plan-page-up", ("pageup",), "scroll_page(-1)", "Scroll up one page", "plan"),
    Action("plan-page-down", ("pagedown", "space"), "scroll_page(1)", "Scroll down one page", "plan"),
    Action("plan-top", ("g", "home"), "scroll_to_end(0)", "Go to the top", "plan"),
    Action("plan-end", ("G", "end"), "scroll_to_end(1)", "Go to the end", "plan"),
    Action("plan-back", ("escape",), "back", "Go back", "plan", "Back"),
    Action("hold", ("space",), "app.run_hold", "Hold after the step at hand", "run", "Hold"),
    Action("retry", ("r",), "app.run_retry", "Go on: resume, or try the step again; verified first", "run", "Go on", True),
    Action("back-out", ("b",), "app.run_back_out", "Undo what was done, before the point of no return", "run", "Back out", True),
    Action("mark-done", ("m",), "app.run_mark_done", "Mark the step done; runs its verification", "run", "Mark done", True),
    Action("abandon", ("a",), "app.run_abandon", "End the run where it stands; touches nothing", "run", "Abandon", True),
    Action("hand-over", ("h",), "app.run_hand_over", "Hand the run over to the next console", "run", "Hand over", True),
    Action("run-report", ("o",), "app.run_report", "Open its report", "run", "Report"),
    Action("run-replay", ("v",), "app.run_replay", "Replay it step by step", "run", "Replay"),
    Action("run-pane", ("tab",), "next_pane", "Scroll the steps, or the output again", "run"),
    Action("run-up", ("up", "k"), "scroll(-1)", "Scroll the output up; it no longer follows", "run"),
    Action("run-down", ("down", "j"), "scroll(1)", "Scroll the output down", "run"),
    Action("run-page-up", ("pageup",), "scroll_page(-1)", "Scroll the output up one page", "run"),
    Action("run-page-down", ("pagedown",), "scroll_page(1)", "Scroll the output down one page", "run"),
    Action("run-top", ("g", "home"), "scroll_to_end(0)", "Go to the first output", "run"),
    Action("run-end", ("G", "end"), "scroll_to_end(1)", "Go to the newest output, and follow it", "run"),
    Action("run-back", ("escape",), "back", "Leave this screen; the run goes on", "run", "Leave"),
    Action("runs-up", ("up", "k"), "move(-1)", "Select the run above", "runs"),
    Action("runs-down", ("down", "j"), "move(1)", "Select the run below", "runs"),
    Action("runs-page-up", ("pageup",), "move(-5)", "Select the fifth run above", "runs"),
    Action("runs-page-down", ("pagedown", "space"), "move(5)", "Select the fifth run below", "runs"),
    Action("runs-first", ("g", "home"), "leap(0)", "Select the first run", "runs"),
    Action("runs-last", ("G", "end"), "leap(1)", "Select the last run", "runs"),
    Action("runs-open", ("enter",), "open", "Open it: an open run to follow or go on with, another one replayed", "runs", "Open"),
    Action("runs-replay", ("v",), "replay", "Replay it step by step", "runs", "Replay"),
    Action("runs-report", ("o",), "report", "Open its report", "runs", "Report"),
    Action("runs-again", ("r",), "read_again", "Read journal and hosts again", "runs", "Read again"),
    Action("runs-back", ("escape",), "back", "Go back", "runs", "Back"),
    Action("replay-next", ("right", "l", "space"), "step(1)", "Go to the next event", "replay", "Next"),
    Action("replay-previous", ("left", "h"), "step(-1)", "Go to the event before", "replay", "Previous"),
    Action(
        "replay-next-step", ("right_square_bracket", "tab"), "leap_step(1)", "Go to where the next step begins", "replay", "Step"
    ),
    Action("replay-previous-step", ("left_square_bracket", "shift+tab"), "leap_step(-1)", "Go to the step before", "replay"),
    Action("replay-first", ("g", "home"), "to_end(0)", "Go to the first event", "replay"),
    Action("replay-last", ("G", "end"), "to_end(1)", "Go to the last event", "replay"),
    Action("replay-up", ("up", "k"), "scroll(-1)", "Scroll the output up", "replay"),
    Action("replay-down", ("down", "j"), "scroll(1)", "Scroll the output down", "replay"),
    Action("replay-page-up", ("pageup",), "scroll_page(-1)", "Scroll the output up one page", "replay"),
    Action("replay-page-down", ("pagedown",), "scroll_page(1)", "Scroll the output down one page", "replay"),
    Action("replay-report", ("o",), "report", "Open its report", "replay", "Report"),
    Action("replay-back", ("escape",), "back", "Go back", "replay", "Back"),
    Action("report-pager", ("o",), "pager", "Open it in $PAGER", "report", "Pager"),
    Action(
        "report-markdown", ("m",), "markdown", "Show it as Markdown, for a ticket or a wiki, or as text", "report", "Markdown"
    ),
    Action("report-save", ("s",), "save", "Save it to a file, and say where", "report", "Save"),
    Action("report-up", ("up", "k"), "scroll(-1)", "Scroll up one line", "report"),
    Action("report-down", ("down", "j"), "scroll(1)", "Scroll down one line", "report"),
    Action("report-page-up", ("pageup", "b"), "scroll_page(-1)", "Scroll up one page", "report"),
    Action("report-page-down", ("pagedown", "space"), "scroll_page(1)", "Scroll down one page", "report"),
    Action("report-top", ("g", "home"), "scroll_to_end(0)", "Go to the top", "report"),
    Action("report-end", ("G", "end"), "scroll_to_end(1)", "Go to the end", "report"),
    Action("report-back", ("escape",), "back", "Go back", "report", "Back"),
    Action("dialog-interrupt", ("ctrl+c",), "cancel", "Cancel: nothing is done", "dialog", is_instant=True, is_fixed=True),
    Action("dialog-next", ("tab", "down"), "app.focus_next", "Go to the next field or button", "dialog", "Next"),
    Action("dialog-previous", ("shift+tab", "up"), "app.focus_previous", "Go to the one before", "dialog"),
    Action("dialog-cancel", ("escape",), "cancel", "Cancel: nothing is done", "dialog", "Cancel"),
    Action("pane-topology", ("1",), "pane('topology')", "Go to the topology", "home"),
    Action("pane-gauges", ("2",), "pane('gauges')", "Go to the gauges", "home"),
    Action("pane-advice", ("3",), "pane('advice')", "Go to the advice", "home"),
    Action("pane-node", ("4",), "pane('node')", "Go to the selected node's facts", "home"),
    Action("pane-events", ("5",), "pane('events')", "Go to the events", "home"),
    Action("pane-commands", ("6",), "pane('commands')", "Go to the commands we ran", "home"),
    Action("unlock", ("w",), "app.unlock", "Unlock the console, or make it read-only again", "everywhere", "Unlock"),
    Action(
        "command",
        ("colon",),
        "app.command_line",
        "Type a command: an action, a node, a way out, a theme; Tab completes, Esc leaves",
        "everywhere",
        "Command",
        is_instant=True,
    ),
    Action(
        "find",
        ("slash",),
        "app.find",
        "Find words on this screen; lists show only what has them; Esc clears",
        "everywhere",
        "Find",
        is_instant=True,
        not_in=("log",),
    ),
    Action("next-found", ("n",), "app.next_found(1)", "Go to the next place that was found", "everywhere", not_in=("log",)),
    Action("previous-found", ("N",), "app.next_found(-1)", "Go to the one before", "everywhere", not_in=("log",)),
    Action(
        "jump",
        ("apostrophe", "semicolon"),
        "app.jump",
        "Put a letter on everything that can be chosen; the letter chooses it",
        "everywhere",
        is_instant=True,
    ),
    Action("first-up", ("up", "k"), "move(-1)", "Select the line above", "first"),
    Action("first-down", ("down", "j"), "move(1)", "Select the line below", "first"),
    Action("first-first", ("g", "home"), "leap(0)", "Select the first line", "first"),
    Action("first-last", ("G", "end"), "leap(1)", "Select the last line", "first"),
    Action("first-choose", ("enter",), "choose", "Do what the line says", "first", "Choose"),
    Action("first-back", ("escape",), "back", "Go back", "first", "Back"),
    Action("first-quit", ("q",), "app.leave", "Leave", "first", "Quit"),
    Action("first-interrupt", ("ctrl+c",), "app.leave", "Leave", "first", is_fixed=True),
    Action("mistakes-edit", ("e",), "edit", "Open the file in $EDITOR, and check it again after that", "mistakes", "Edit"),
    Action("mistakes-check", ("r",), "check", "Check the file again", "mistakes", "Check again"),
    Action("mistakes-up", ("up", "k"), "scroll(-1)", "Scroll up one line", "mistakes"),
    Action("mistakes-down", ("down", "j"), "scroll(1)", "Scroll down one line", "mistakes"),
    Action("mistakes-page-up", ("pageup", "b"), "scroll_page(-1)", "Scroll up one page", "mistakes"),
    Action("mistakes-page-down", ("pagedown", "space"), "scroll_page(1)", "Scroll down one page", "mistakes"),
    Action("mistakes-top", ("g", "home"), "scroll_to_end(0)", "Go to the top", "mistakes"),
    Action("mistakes-end", ("G", "end"), "scroll_to_end(1)", "Go to the end", "mistakes"),
    Action("mistakes-back", ("escape",), "back", "Go back", "mistakes", "Back"),
    Action("mistakes-quit", ("q",), "app.leave", "Leave", "mistakes", "Quit"),
    Action("mistakes-interrupt", ("ctrl+c",), "app.leave", "Leave", "mistakes", is_fixed=True),
    Action("wizard-take", ("enter",), "take", "Take the answer", "wizard", "Take", is_fixed=True),
    Action("wizard-back", ("escape",), "back", "Go back to the question before", "wizard", "Back"),
    Action("wizard-page-up", ("pageup",), "scroll_page(-1)", "Scroll up one page", "wizard"),
    Action("wizard-page-down", ("pagedown",), "scroll_page(1)", "Scroll down one page", "wizard"),
    Action(
        "wizard-interrupt",
        ("ctrl+c",),
        "app.leave",
        "Leave; the answers are kept",
        "wizard",
        "Leave",
        is_instant=True,
        is_fixed=True,
    ),
    Action("preview-write", ("w",), "write", "Write this inventory", "preview", "Write"),
    Action("preview-up", ("up", "k"), "scroll(-1)", "Scroll up one line", "preview"),
    Action("preview-down", ("down", "j"), "scroll(1)", "Scroll down one line", "preview"),
    Action("preview-page-up", ("pageup", "b"), "scroll_page(-1)", "Scroll up one page", "preview"),
    Action("preview-page-down", ("pagedown", "space"), "scroll_page(1)", "Scroll down one page", "preview", "Page"),
    Action("preview-top", ("g", "home"), "scroll_to_end(0)", "Go to the top", "preview"),
    Action("preview-end", ("G", "end"), "scroll_to_end(1)", "Go to the end", "preview"),
    Action("preview-back", ("escape",), "back", "Go back to the questions", "preview", "Back"),
    Action("preview-quit", ("q",), "app.leave", "Leave; the answers are kept", "preview", "Quit"),
    Action("preview-interrupt", ("ctrl+c",), "app.leave", "Leave; the answers are kept", "preview", is_fixed=True),
    Action("to-run", ("R",), "app.open_run", "Go to the run; with none going, to one left unfinished", "everywhere"),
    Action(
        "runs", ("H",), "app.open_runs", "All runs of this cluster: open ones, history, replay, reports", "everywhere", "Runs"
    ),
    Action("events", ("e",), "open_page('events')", "All events, newest first", "everywhere", "Events"),
    Action("commands", ("c",), "open_page('commands')", "Every command and query that was sent", "everywhere", "Commands"),
    Action("poll", ("r",), "app.poll", "Look at everything again now, without waiting for the next round", "home", "Poll now"),
    Action("copy", ("y",), "copy", "Copy the text of this screen to the clipboard and to a file", "everywhere", "Copy"),
    Action("repaint", ("ctrl+l",), "repaint", "Draw the whole screen again: something else wrote on the terminal", "everywhere"),
    Action("help", ("question_mark",), "open_page('help')", "This page", "everywhere", "Help"),
    Action("quit", ("q",), "quit", "Leave the console", "everywhere", "Quit"),
    Action("interrupt", ("ctrl+c",), "quit", "Leave the console, whatever else the keys mean", "everywhere", is_fixed=True),
)


def faults(actions: Iterable[Action]) -> tuple[Fault, ...]:
    """Return everything by which a table contradicts itself: forbidden keys, two meanings in one place, an id used twice."""
    wrong: list[Fault] = []
    seen_ids: set[str] = set()
    taken: dict[tuple[Place, str], str] = {}
    for action in actions:
        if action.id in seen_ids:
            wrong.append(Fault((action.id,), "", f"the action {action.id!r} is there twice"))
        seen_ids.add(action.id)
        for key in action.keys:
            if why := why_forbidden(key):
                wrong.append(Fault((action.id,), key, f"{key} of {action.id!r} is forbidden: {why}"))
            for place in action.reach:
                other = taken.setdefault((place, key), action.id)
                if other != action.id:
                    words = f"{key} means both {other!r} and {action.id!r} ({PLACES[place].lower()})"
                    wrong.append(Fault((other, action.id), key, words))
    # A key that clashes everywhere is told once, not once for each place.
    return tuple({(each.ids, each.key): each for each in reversed(wrong)}.values())[::-1]


def check(actions: Iterable[Action]) -> None:
    """Refuse a table that contradicts itself.

    Raises:
        KeymapError: Names everything that is wrong.
    """
    if wrong := faults(actions):
        raise KeymapError("; ".join(each.words for each in wrong))


def changed(keys: Mapping[str, tuple[str, ...]], actions: tuple[Action, ...] = ACTIONS) -> tuple[Action, ...]:
    """Return the table with other keys for some actions.

    Args:
        keys: The keys by the id of the action; those that are missing keep theirs.
        actions: The table to start from.
    """
    return tuple(replace(each, keys=keys[each.id]) if each.id in keys else each for each in actions)


check(ACTIONS)
