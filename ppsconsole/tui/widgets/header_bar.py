"""The first row of every screen: which cluster, lab or live, read-only or not, what runs, how many are down, how old it is."""

from collections.abc import Mapping

from ppsconsole.clock import duration, hhmmss
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.draw.first_look import bastion_of
from ppsconsole.draw.text import Glyphs, Line, Span, Style
from ppsconsole.draw.words import fitted, mark, shortened, style_of, width_of
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.widgets.lines import LinesView


class HeaderBar(LinesView, inherit_bindings=False):
    """One row; what does not fit is said shorter, step by step, before anything of it is left out."""

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


_SHORTER = (
    "banner",
    "program",
    "mode",
    "counts",
    "age",
    "run",
    "counts",
    "lock",
    "age",
    "cluster",
    "run",
    "gap",
    "cluster",
    "age",
    "counts",
    "cluster",
)
"""Which part takes its next shorter form, one after the other, until the row fits."""


def header_line(scene: Scene, width: int, glyphs: Glyphs) -> Line:
    """Return the header of a scene, at most `width` cells.

    From 40 cells on it says at any rate: which cluster, lab or live, read-only or not, how far a run is, how many nodes are
    down, warn or are unknown, and how old the picture is when it is old.
    """
    forms = _forms(scene, glyphs)
    chosen = dict.fromkeys(forms, 0)
    line = _joined(forms, chosen)
    for part in _SHORTER:
        if _width(line) <= width:
            break
        chosen[part] = min(chosen[part] + 1, len(forms[part]) - 1)
        line = _joined(forms, chosen)
    return fitted(line, width, glyphs)


def _forms(scene: Scene, glyphs: Glyphs) -> dict[str, tuple[Line, ...]]:
    """Return the forms of each part from the longest to the shortest; an empty one leaves the part out."""
    cluster = scene.inventory.cluster
    is_lab = scene.inventory.is_lab
    names = (cluster.name, *(shortened(cluster.name, wide, glyphs) for wide in (16, 10, 6)))
    lock = ("UNLOCKED", "RW") if scene.is_unlocked else ("READ-ONLY", "RO")
    return {
        "program": ((Span("ppsconsole", "dim"),), ()),
        "cluster": tuple((Span(name, "title"),) for name in names),
        "mode": ((Span(cluster.mode, "dim"),), ()),
        "place": ((Span(" LAB ", "selected") if is_lab else Span("LIVE", "title"),),),
        "lock": tuple((Span(words, "warn" if scene.is_unlocked else "text"),) for words in lock),
        "run": _run(scene),
        "counts": _counts(scene, glyphs),
        "age": _age(scene),
        "banner": ((Span(scene.banner, "dim"),) if scene.banner else (), ()),
        "gap": ((Span(f" {glyphs.junctions[5]} ", "dim"),), (Span(glyphs.junctions[5], "dim"),)),
    }


def _joined(forms: Mapping[str, tuple[Line, ...]], chosen: Mapping[str, int]) -> Line:
    (gap,) = forms["gap"][chosen["gap"]]
    line: list[Span] = [Span(" ")]
    for name, variants in forms.items():
        spans = variants[chosen[name]]
        if spans and name != "gap":
            line.extend(((gap,) if len(line) > 1 else ()) + spans)
    return tuple(line)


def _width(line: Line) -> int:
    return sum(width_of(span.text) for span in line)


def _run(scene: Scene) -> tuple[Line, ...]:
    """Say that there is a run, and how far it is; that it ended is said on its own screen."""
    live = scene.run
    if live is None or live.activity == "ended":
        words = ("UNFINISHED RUN: R", "OPEN RUN: R", "RUN: R") if scene.unfinished else ()
        return tuple((Span(each, "warn"),) for each in words) or ((),)
    steps = live.view.plan.steps
    number = next((number for number, step in enumerate(steps, 1) if step.id == live.at_hand), len(steps))
    state = {"going": "", "asking": " ASKS", "standing": " HELD"}.get(live.activity, "")
    far = f"{number}/{len(steps)}{state}"
    style: Style = "warn" if state else "title"
    return tuple((Span(each, style),) for each in (f"RUN {live.view.plan.runbook} step {far}", f"RUN {far}", far))


def _counts(scene: Scene, glyphs: Glyphs) -> tuple[Line, ...]:
    """Say how many nodes there are of each verdict; shorter, only those that are not well, and then without the words."""
    counts = scene.counts()
    if not counts:
        return ((),)
    bad: Mapping[Verdict, int] = {verdict: count for verdict, count in counts.items() if verdict not in (Verdict.OK, Verdict.OFF)}
    loud = bad or counts

    def said(chosen: Mapping[Verdict, int], form: str) -> Line:
        spans: list[Span] = []
        for verdict, count in chosen.items():
            words = form.format(mark=mark(verdict, glyphs), count=count, word=verdict.value.upper())
            spans += [Span(" ")] if spans else []
            spans.append(Span(words, style_of(verdict)))
        return tuple(spans)

    loudest = dict(list(loud.items())[:1])
    whole, short = _apart(scene, glyphs)
    return (
        whole + said(counts, "{mark} {count} {word}"),
        whole + said(loud, "{mark} {count} {word}"),
        short + said(loud, "{mark}{count}"),
        short or said(loudest, "{mark}{count}"),
    )


def _apart(scene: Scene, glyphs: Glyphs) -> tuple[Line, Line]:
    """Say that the cluster is worse than its nodes, long and short: nothing may look well above advice that is loud."""
    verdict = scene.apart()
    if verdict is None:
        return (), ()
    sign, style = mark(verdict, glyphs), style_of(verdict)
    return (Span(f"{sign} CLUSTER {verdict.value.upper()} ", style),), (Span(f"{sign}cluster ", style),)


def _age(scene: Scene) -> tuple[Line, ...]:
    """Say how old the picture is, or what is waited for; nothing while it is fresh, so that nothing ticks."""
    picture = scene.picture
    if scene.trouble:
        at = "" if picture is None else hhmmss(picture.snapshot.at)
        since = f", last look {at}Z" if at else ""
        return tuple(
            (Span(each, "down"),) for each in (f"NOT POLLING{since}", f"NOT POLLING {at}".rstrip(), "NOT POLLING", "STOPPED")
        )
    if picture is None:
        return ((Span("first look", "dim"),),)
    if scene.is_stale:
        old = whole_seconds(scene.now - picture.snapshot.at)
        return tuple((Span(each, "warn"),) for each in (f"polled {old} ago", f"{old} old"))
    if picture.attempts:
        tried = {attempt.where for attempt in picture.attempts}
        # What waits for its bastion is not what is tried: the bastion is.
        first = min(picture.attempts, key=lambda each: (bool(bastion_of(each.where, scene.inventory, tried)), each.since))
        more = f" +{len(picture.attempts) - 1}" if len(picture.attempts) > 1 else ""
        waited = whole_seconds(scene.now - first.since)
        words = (f"still trying {first.where} ({waited}){more}", f"trying {first.where} {waited}", f"trying {waited}", "")
        return tuple((Span(each, "unknown"),) if each else () for each in words)
    return ((),)


def whole_seconds(seconds: float) -> str:
    """Return a waiting time in whole seconds below a minute, so that it changes once a second and never shows `0.0s`."""
    return f"{max(0, round(seconds))}s" if seconds < 60 else duration(seconds)
