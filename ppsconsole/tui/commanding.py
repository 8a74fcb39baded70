"""What can be typed behind `:`, and which of it a half-typed line means: pure values, ranked by simple rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ppsconsole.advice.choices import choices
from ppsconsole.runbooks.building import NOTHING_KNOWN
from ppsconsole.settings.actions import PLACES, Action, Place
from ppsconsole.settings.keys import shown_key
from ppsconsole.tui.scene import Scene

Kind = Literal["action", "node", "way", "log", "run", "theme"]

_ALIASES = {
    "quit": ("q", "q!", "qa", "qa!", "wq", "x", "exit"),
    "help": ("h",),
    "find": ("search",),
}
"""What hands that are used to vim type."""

_FEWEST_LOOSE = 2
"""A single letter is looked for at the start of words alone: anywhere in them it would find everything."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something that can be typed.

    Attributes:
        words: What is typed for it.
        about: What it does.
        kind: What it is.
        act: The console's action string.
        is_of_app: Whether the application acts; the screen otherwise.
        key: The key that does the same; empty without one.
        aliases: What may be typed as well.
    """

    words: str
    about: str
    kind: Kind
    act: str
    is_of_app: bool = True
    key: str = ""
    aliases: tuple[str, ...] = ()


def commands(
    scene: Scene, place: Place, actions: Sequence[Action], themes: Sequence[str], extra: Sequence[Command] = ()
) -> tuple[Command, ...]:
    """Return everything that can be typed in `place`: its actions, nodes, ways out, runs and themes.

    Args:
        scene: What is shown.
        place: Where the line is typed.
        actions: The table, with the user's own keys.
        themes: Names of themes.
        extra: What the screen itself offers.
    """
    found = list(extra)
    for choice in choices(scene.advice, scene.snapshot, scene.inventory, scene.background or NOTHING_KNOWN):
        words = f"BLOCKED: {choice.words}" if choice.is_blocked else choice.words
        found.append(Command(choice.title, words, "way", f"plan_words({choice.title!r})"))
    for node in scene.snapshot.nodes if scene.snapshot is not None else ():
        role = node.role if node.role != node.kind else ""
        site = f"site {node.site}" if node.site else ""
        about = " ".join(part for part in (node.kind, role, site) if part)
        found.append(
            Command(node.name, f"{about}, {node.verdict.value.upper()}: open it", "node", f"open_node_named({node.name!r})")
        )
    found.extend(
        Command(f"log {node.name}", f"Open the log of {node.name}", "log", f"open_log_named({node.name!r})")
        for node in (scene.snapshot.nodes if scene.snapshot is not None else ())
        if node.host
    )
    for each in scene.unfinished:
        found.append(
            Command(f"run {each.run}", f"{each.title}, of {each.holder}: look at it", "run", f"open_run_named({each.run!r})")
        )
    here = [each for each in actions if place in each.reach and each.id not in ("command", "interrupt")]
    # What only moves about comes last: nobody types it.
    found.extend(_of_action(each) for each in sorted(here, key=lambda each: not each.label))
    found.extend(Command(f"theme {name}", "Use these colours", "theme", f"use_theme({name!r})") for name in themes)
    return tuple(found)


def _of_action(action: Action) -> Command:
    is_of_app = action.where == "everywhere" or action.run.startswith("app.")
    act = action.run.removeprefix("app.")
    keys = shown_key(action.keys[0])
    return Command(action.id, action.description, "action", act, is_of_app, keys, _ALIASES.get(action.id, ()))


def matching(typed: str, all_commands: Sequence[Command]) -> list[Command]:
    """Return what a half-typed line may mean, the likeliest first; everything where nothing was typed."""
    line = " ".join(typed.lower().split())
    if not line:
        return list(all_commands)
    ranked = [(rank, number) for number, each in enumerate(all_commands) if (rank := _rank(line, each)) is not None]
    return [all_commands[number] for _, number in sorted(ranked)]


def refusal(typed: str, place: Place, actions: Sequence[Action]) -> str:
    """Say why a line that means nothing here is refused."""
    elsewhere = next((each for each in actions if each.id == typed.strip() and place not in each.reach), None)
    if elsewhere is not None:
        return f"{elsewhere.id} works elsewhere: {PLACES[elsewhere.where].lower()}; nothing was done"
    return f"no command {typed.strip()!r}; nothing was done"


def _rank(line: str, command: Command) -> int | None:
    """Return how well a line fits, 0 the best; None where it does not."""
    words = command.words.lower()
    if line == words or line in command.aliases:
        return 0
    if words.startswith(line):
        return 1
    parts = line.split()
    tests: tuple[Callable[[str], bool], ...] = (
        lambda part: any(word.startswith(part) for word in words.replace("-", " ").split()),
        lambda part: part in words,
        lambda part: len(part) >= _FEWEST_LOOSE and part in command.about.lower(),
        lambda part: len(part) >= _FEWEST_LOOSE and _is_within(part, words),
    )
    worst = 0
    for part in parts:
        found = next((number for number, test in enumerate(tests) if test(part)), None)
        if found is None:
            return None
        worst = max(worst, found)
    return 2 + worst


def _is_within(part: str, words: str) -> bool:
    """Return whether the letters of `part` stand in `words` in this order."""
    rest = iter(words)
    return all(letter in rest for letter in part)
