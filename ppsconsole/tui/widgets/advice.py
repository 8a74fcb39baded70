"""What happened, what to do next, and who says so."""

from typing import TYPE_CHECKING

from ppsconsole.cluster.verdicts import Verdict, worst
from ppsconsole.draw.first_look import first_look_lines, first_look_words
from ppsconsole.draw.text import Glyphs, Line, Span, line_text
from ppsconsole.draw.words import fitted, hanging, mark, style_of, width_of
from ppsconsole.settings.sheet import key_of
from ppsconsole.tui.badge import badge
from ppsconsole.tui.keymap import actions_of
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.ways import first_open, way_title, way_words
from ppsconsole.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from ppsconsole.advice.diagnosis import Advice
    from ppsconsole.advice.ways import Way


class AdvicePanel(Panel, inherit_bindings=False):
    """The advice, what stands nearest to the cause first; with room for one row, that of the loudest."""

    TITLE = "What happened, what next"

    def draw(self, width: int, height: int) -> tuple[Line, ...]:
        """Return headline, next step and evidence of each advice."""
        if self.scene is None:
            return ()
        key = key_of("way-out", actions_of(self.app))
        if height == 1:
            return (advice_line(self.scene, width, self.glyphs, key),)
        return tuple(advice_lines(self.scene, width, self.glyphs, key))


def advice_lines(scene: Scene, width: int, glyphs: Glyphs, key: str = "f") -> list[Line]:
    """Return the advice of a scene; where there is none, say why.

    Headlines with the open ways come first and together: on a small screen the evidence is what has to be scrolled to.
    """
    shown = _shown(scene)
    lines: list[Line] = [] if shown and _is_complete(scene) else _without_advice(scene, width, glyphs)
    first = first_open(tuple(shown))
    for each in shown:
        lines.extend(hanging((badge(each.verdict, glyphs), Span("  ")), each.headline, "text", width, glyphs))
        for way in each.ways:
            if not way.is_blocked:
                lines.extend(_way(way, key if way is first else "", width, glyphs))
        if each.remedy:
            lines.extend(hanging((Span("  NEXT     ", "title"),), each.remedy, "text", width, glyphs))
    for each in shown:
        for way in each.ways:
            if way.is_blocked:
                lines.extend(_way(way, "", width, glyphs))
        for words in each.evidence:
            lines.extend(hanging((Span("  why      ", "dim"),), words, "dim", width, glyphs))
    return lines


def advice_line(scene: Scene, width: int, glyphs: Glyphs, key: str = "f") -> Line:
    """Return the headline of the loudest advice, with the way out behind it where it fits; without any, why there is none."""
    shown = _shown(scene)
    if not shown:
        (sign, _, *words), *_ = _without_advice(scene, 1_000, glyphs)
        return fitted((Span(f"{sign.text.rstrip()} ", sign.style), *words), width, glyphs)
    verdict = worst(each.verdict for each in shown)
    headline = next(each.headline for each in shown if each.verdict is verdict)
    head: Line = (Span(f"{mark(verdict, glyphs)} {verdict.value.upper()} ", style_of(verdict)), Span(headline))
    way = first_open(tuple(shown))
    whole = head if way is None else (*head, Span(f"  {key} ", "title"), Span(way_title(way)))
    return fitted(whole if width_of(line_text(whole)) <= width else head, width, glyphs)


def _is_complete(scene: Scene) -> bool:
    return scene.snapshot is not None and scene.snapshot.is_complete


def _shown(scene: Scene) -> "list[Advice]":
    """Return what is worth saying: before everything was looked at once, "unknown" is no news and would only hide what is."""
    return [each for each in scene.advice if _is_complete(scene) or each.verdict is not Verdict.UNKNOWN]


def _way(way: "Way", key: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a way with what it costs; the key stands before the one that it plans."""
    head = Span("  BLOCKED  ", "down") if way.is_blocked else Span(f"  {key or 'or':<8} ", "title")
    return [*hanging((head,), way_words(way), "dim" if way.is_blocked else "text", width, glyphs)]


def _without_advice(scene: Scene, width: int, glyphs: Glyphs) -> list[Line]:
    snapshot = scene.snapshot
    if snapshot is None or not snapshot.is_complete:
        looks = scene.picture.first_looks if scene.picture is not None else ()
        head = (badge(Verdict.UNKNOWN, glyphs), Span("  "))
        lines = [*hanging(head, first_look_words(looks), "text", width, glyphs)]
        return [*lines, *first_look_lines(looks, scene.inventory, scene.now, width, glyphs)]
    words = {
        Verdict.OK: "Nothing to do: everything that is looked at is well.",
        Verdict.OFF: "Nothing to do: everything that is looked at is switched off on purpose.",
    }.get(snapshot.verdict, "No advice for this state; the topology and the events show what is known.")
    return [*hanging((badge(snapshot.verdict, glyphs), Span("  ")), words, "text", width, glyphs)]
