"""The first row of every screen: which cluster, lab or live, read-only or not, what runs, how many are down, how old it is."""

from ppsconsole.clock import duration, hhmmss
from ppsconsole.draw.first_look import bastion_of
from ppsconsole.draw.text import Glyphs, Line, Span
from ppsconsole.draw.words import fitted, mark, style_of, width_of
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.widgets.lines import LinesView


class HeaderBar(LinesView, inherit_bindings=False):
    """One row; what matters least is left out first when it does not fit."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="header")
        self.glyphs = glyphs
        self.scene: Scene | None = None

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`."""
        self.scene = scene
        self.redraw()

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return the row."""
        return () if self.scene is None else (header_line(self.scene, width, self.glyphs),)


def header_line(scene: Scene, width: int, glyphs: Glyphs) -> Line:
    """Return the header of a scene, at most `width` cells."""
    cluster = scene.inventory.cluster
    place = Span(" LAB " if scene.inventory.is_lab else "LIVE", "selected" if scene.inventory.is_lab else "title")
    # (how soon it is left out, what it says): 0 stays whatever happens
    parts: list[tuple[int, Line]] = [
        (4, (Span("ppsconsole", "dim"),)),
        (0, (Span(cluster.name, "title"),)),
        (3, (Span(cluster.mode, "dim"),)),
        (0, (place,)),
        (1, (Span("UNLOCKED", "warn") if scene.is_unlocked else Span("READ-ONLY"),)),
    ]
    if run := _run(scene):
        parts.append((0, (run,)))
    if counts := _counts(scene, glyphs):
        parts.append((2, counts))
    if age := _age(scene):
        parts.append((0, (age,)))
    if scene.banner:
        parts.append((5, (Span(scene.banner, "dim"),)))
    for least in range(5, 0, -1):
        if _width(parts) <= width:
            break
        parts = [part for part in parts if part[0] != least]
    separator = Span(f" {glyphs.junctions[5]} ", "dim")
    line: list[Span] = [Span(" ")]
    for number, (_, spans) in enumerate(parts):
        line.extend(((separator,) if number else ()) + spans)
    return fitted(tuple(line), width, glyphs)


def _run(scene: Scene) -> Span | None:
    """Say that there is a run, and how far it is; that it ended is said on its own screen."""
    live = scene.run
    if live is None or live.activity == "ended":
        return Span("UNFINISHED RUN: R", "warn") if scene.unfinished else None
    steps = live.view.plan.steps
    number = next((number for number, step in enumerate(steps, 1) if step.id == live.at_hand), len(steps))
    state = {"going": "", "asking": " ASKS", "standing": " HELD"}.get(live.activity, "")
    return Span(f"RUN {live.view.plan.runbook} step {number}/{len(steps)}{state}", "warn" if state else "title")


def _width(parts: list[tuple[int, Line]]) -> int:
    return 1 + sum(width_of(span.text) for _, line in parts for span in line) + 3 * (len(parts) - 1)


def _counts(scene: Scene, glyphs: Glyphs) -> Line:
    spans: list[Span] = []
    for verdict, count in scene.counts().items():
        if spans:
            spans.append(Span(" "))
        spans.append(Span(f"{mark(verdict, glyphs)} {count} {verdict.value.upper()}", style_of(verdict)))
    return tuple(spans)


def _age(scene: Scene) -> Span | None:
    """Say how old the picture is, or what is waited for; nothing while it is fresh, so that nothing ticks."""
    picture = scene.picture
    if scene.trouble:
        since = "" if picture is None else f", last look {hhmmss(picture.snapshot.at)}Z"
        return Span(f"NOT POLLING{since}", "down")
    if picture is None:
        return Span("first look", "dim")
    if scene.is_stale:
        return Span(f"polled {whole_seconds(scene.now - picture.snapshot.at)} ago", "warn")
    if picture.attempts:
        tried = {attempt.where for attempt in picture.attempts}
        # What waits for its bastion is not what is tried: the bastion is.
        first = min(picture.attempts, key=lambda each: (bool(bastion_of(each.where, scene.inventory, tried)), each.since))
        more = f" +{len(picture.attempts) - 1}" if len(picture.attempts) > 1 else ""
        return Span(f"still trying {first.where} ({whole_seconds(scene.now - first.since)}){more}", "unknown")
    return None


def whole_seconds(seconds: float) -> str:
    """Return a waiting time in whole seconds below a minute, so that it changes once a second and never shows `0.0s`."""
    return f"{max(0, round(seconds))}s" if seconds < 60 else duration(seconds)
