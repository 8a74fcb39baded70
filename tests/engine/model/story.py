"""A story: how the cluster is found, what is done, what breaks when, and what the operator chooses. Made from a seed."""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from ppsconsole.inventory.model import Inventory

Unit = Literal["boundary", "call"]


@dataclass(frozen=True, slots=True)
class Beat:
    """Something that happens.

    Attributes:
        at: Before the how many-th boundary of a step, or the how many-th time that a console reaches for something.
        fault: See `faults`.
        where: Node or host; empty where the fault needs none.
    """

    unit: Unit
    at: int
    fault: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """All that decides what happens.

    Attributes:
        opening: What is wrong when the plan is made; `fine` where nothing is.
        node: What `restart` is about.
        answers: What is said at gates, in their order; then everything is answered rightly.
        choices: What the operator does each time that the run stands still; then somebody finishes it.
        rung: Of the fencing ladder, that is asked for; empty takes the best.
        fence: How the operator's own fence command behaves (`World.fencing`); empty where none is declared.
        then: What is done later, about the old primary: `returns` (somebody starts it), or a runbook.
        later: What happens in each of those, counted from its beginning.
    """

    seed: int
    opening: str
    runbook: str
    node: str = ""
    beats: tuple[Beat, ...] = ()
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    rung: str = ""
    fence: str = ""
    then: tuple[str, ...] = ()
    later: tuple[Beat, ...] = ()

    def told(self) -> str:
        """Return the story in lines, to be read and to be played again."""
        lines = [f"seed {self.seed}: {self.runbook} {self.node}".rstrip() + f", found {self.opening}"]
        if self.rung or self.fence:
            lines.append(f"  rung {self.rung or 'as the facts allow'}, own fence command: {self.fence or 'none'}")
        lines += [f"  at {beat.unit} {beat.at}: {beat.fault} {beat.where}".rstrip() for beat in self.beats]
        if self.answers:
            lines.append(f"  answers: {', '.join(self.answers)}")
        if self.choices:
            lines.append(f"  choices: {', '.join(self.choices)}")
        if self.then:
            lines.append(f"  then: {', '.join(self.then)}")
        lines += [f"  in each of them at {beat.unit} {beat.at}: {beat.fault} {beat.where}".rstrip() for beat in self.later]
        return "\n".join([*lines, f"  replay: {self!r}"])


OPENINGS = {
    "fine": 12,
    "killed": 6,
    "machine-off": 4,
    "hung": 3,
    "killed-behind": 5,
    "disk-lost-behind": 4,
    "site-cut": 4,
    "console-cut": 1,
    "web-failed": 2,
    "front-stopped": 1,
    "standby-killed": 1,
    "job": 3,
}
"""What is wrong when the plan is made, and how often."""

DATABASE_FAULTS = ("crash", "hang", "wake", "sleepy", "pause")
HOST_FAULTS = ("power-off", "reboot", "cut-console", "full", "drop-before", "drop-after", "late")
SERVICE_FAULTS = ("broken", "kill-service")
LONE_FAULTS = ("cut-replication", "cut-users", "hold-back", "reload-dead", "cut-site", "mend", "journal-full")
CONSOLE_FAULTS = ("hold", "dies", "taken-over", "taken-over-back", "taken-over-abandon")
CHOICES = ("go", "go", "go", "back-out", "back-out", "abandon", "mend", "mend", "mark", "other", "wait", "replan")
ANSWERS = ("right", "right", "none", "wrong", "small")

FENCES = ("works", "works", "late", "lies", "fails", "denies", "mute")
RUNGS = ("fence-command", "quiesced", "attested", "kept-down")
THENS = (
    ("rejoin",),
    ("rejoin", "switchover"),
    ("lost-writes",),
    ("lost-writes", "rejoin"),
    ("returns", "fence"),
    ("returns", "fence", "rejoin"),
    ("re-clone",),
)

LAST_BOUNDARY, LAST_CALL = 70, 260


def story_of(seed: int, inventory: Inventory) -> Story:
    """Return the story of a seed: the same one for ever, as long as this function stays as it is."""
    random = Random(seed)
    opening = random.choices(list(OPENINGS), list(OPENINGS.values()))[0]
    runbook, node = _aim(random, opening)
    made = [_beat(random, inventory) for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3)))]
    beats = tuple(sorted(made, key=lambda beat: beat.at))
    answers = tuple(random.choice(ANSWERS) for _ in range(2)) if random.random() < 0.15 else ()
    choices = tuple(random.choice(CHOICES) for _ in range(random.choice((0, 1, 2, 3, 4))))
    return _varied(Story(seed, opening, runbook, node, beats, answers, choices), random, inventory)


def _varied(story: Story, random: Random, inventory: Inventory) -> Story:
    """Return the story with what was thought of later: it is drawn last, so that the rest stays what it was."""
    if story.opening in ("machine-off", "console-cut", "job") and random.random() < 0.25:
        story = replace(story, opening="host-cut", runbook="failover")
    if story.opening == "standby-killed" and random.random() < 0.5:
        story = replace(story, runbook="restart", node="db2")
    if story.runbook == "failover" and random.random() < 0.35:
        story = replace(story, fence=random.choice(FENCES))
    if story.runbook == "failover" and random.random() < 0.3:
        story = replace(story, rung=random.choice(RUNGS if story.fence else RUNGS[1:]))
    if story.runbook != "restart" and random.random() < 0.4:
        made = [_beat(random, inventory) for _ in range(random.choice((0, 0, 1, 1, 2)))]
        later = tuple(sorted((replace(beat, at=beat.at // 3) for beat in made), key=lambda beat: beat.at))
        story = replace(story, then=random.choice(THENS), later=later)
    return story


def _aim(random: Random, opening: str) -> tuple[str, str]:
    match opening:
        case "job":
            return "switchover", ""
        case "fine" | "standby-killed" | "console-cut":
            return ("failover", "") if random.random() < 0.05 else ("switchover", "")
        case "web-failed":
            return "restart", "pps1"
        case "front-stopped":
            return "restart", "lb1"
        case "killed" | "hung":
            return ("restart", "db1") if random.random() < 0.35 else ("failover", "")
    return "failover", ""


def _beat(random: Random, inventory: Inventory) -> Beat:
    databases = list(inventory.database.instances)
    hosts = [name for name in inventory.hosts if inventory.hosts[name].via]
    services = [*inventory.web_nodes, *databases, *inventory.balancers]
    sort = random.random()
    if sort < 0.2:
        fault, where = random.choice(DATABASE_FAULTS), random.choice(databases)
    elif sort < 0.5:
        fault, where = random.choice(HOST_FAULTS), random.choice(hosts)
    elif sort < 0.6:
        fault, where = random.choice(SERVICE_FAULTS), random.choice(services)
    elif sort < 0.75:
        fault, where = random.choice(LONE_FAULTS), ""
    else:
        return Beat("boundary", random.randrange(LAST_BOUNDARY), random.choice(CONSOLE_FAULTS))
    if random.random() < 0.5:
        return Beat("boundary", random.randrange(LAST_BOUNDARY), fault, where)
    return Beat("call", random.randrange(LAST_CALL), fault, where)
