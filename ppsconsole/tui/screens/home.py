"""The home screen: what is broken, what to do next, and what it rests on, in one glance."""

from functools import partial

from textual.app import ComposeResult
from textual.events import Resize
from textual.geometry import Size

from ppsconsole.draw.text import Glyphs, line_text
from ppsconsole.settings.sheet import key_of
from ppsconsole.tui.arrangement import PANES, arrange, form_of, left_of
from ppsconsole.tui.finding import Find
from ppsconsole.tui.jumping import Target
from ppsconsole.tui.keymap import actions_of, bindings
from ppsconsole.tui.scene import Scene
from ppsconsole.tui.screens.base import ConsoleScreen
from ppsconsole.tui.selection import end, most_urgent, neighbour
from ppsconsole.tui.widgets.advice import AdvicePanel
from ppsconsole.tui.widgets.commands import CommandsPanel
from ppsconsole.tui.widgets.events import EventsPanel
from ppsconsole.tui.widgets.gauges import GaugesPanel
from ppsconsole.tui.widgets.header_bar import HeaderBar
from ppsconsole.tui.widgets.key_strip import KeyStrip
from ppsconsole.tui.widgets.lines import LinesView
from ppsconsole.tui.widgets.node import NodePanel
from ppsconsole.tui.widgets.panel import Panel
from ppsconsole.tui.widgets.topology import TopologyPanel, rows_wanted

_WHOLE = {"node": "open-node", "events": "events", "commands": "commands"}
"""The actions that show the whole of what a small home has no pane for."""


class HomeScreen(ConsoleScreen, inherit_bindings=False):
    """Topology, gauges, advice and events; node detail and commands where there is room.

    Args:
        size: Of the terminal at first.

    Attributes:
        selected: Name of the selected node. Until the operator selects one it is the node to look at first.
    """

    BINDINGS = bindings("home")
    AUTO_FOCUS = "#topology"

    def __init__(self, scene: Scene, glyphs: Glyphs, size: Size) -> None:
        super().__init__(scene, glyphs, f"-{form_of(*size)}")  # another form later styles everything again
        self.selected: str | None = None
        self._is_chosen = False
        self.header = HeaderBar(glyphs)
        self.keys = KeyStrip(glyphs, "home")
        self.topology = TopologyPanel(glyphs, id="topology")
        self.panels: dict[str, Panel] = {
            "topology": self.topology,
            "gauges": GaugesPanel(glyphs, id="gauges"),
            "advice": AdvicePanel(glyphs, id="advice"),
            "node": NodePanel(glyphs, id="node"),
            "events": EventsPanel(glyphs, id="events"),
            "commands": CommandsPanel(glyphs, id="commands"),
        }

    def compose(self) -> ComposeResult:
        """Put header, panes and keys on the screen."""
        yield self.header
        yield from self.panels.values()
        yield self.keys

    def on_mount(self) -> None:
        """Show what there is already."""
        self.show_scene(self.scene)

    def show_scene(self, scene: Scene) -> None:
        """Draw `scene`."""
        before = self._counts()
        self.scene = scene
        if not self._is_chosen and scene.snapshot is not None:
            self.selected = most_urgent(scene.snapshot)
        if self._counts() != before:
            self._arrange()
        self.header.show_scene(scene)
        self.keys.show_lock(scene.is_unlocked)
        self._show_panels()

    def on_resize(self, event: Resize) -> None:
        """Give each pane its place."""
        self._arrange()

    def on_descendant_focus(self) -> None:
        """Give the pane that was clicked at the room of the only one."""
        if self._form() == "single":
            self._arrange()

    # keys -----------------------------------------------------------------------------------------------------------

    def action_move(self, dx: int, dy: int) -> None:
        """Select the next node in that direction; in another pane than the topology, scroll."""
        if self.current is self.topology:
            self._choose(neighbour(self.topology.centres, self.selected, dx, dy))
        elif isinstance(self.current, GaugesPanel):
            self.current.move(dy or dx)
        else:
            self.current.go_to(self.current.top + dy)

    def action_leap(self, which: int) -> None:
        """Go to the first node or row when `which` is 0, else to the last."""
        if self.current is self.topology:
            self._choose(end(self.topology.centres, which))
        elif isinstance(self.current, GaugesPanel):
            self.current.leap(which)
        else:
            self.current.go_to(len(self.current.lines) if which else 0)

    def action_open(self) -> None:
        """Open what is selected: a gauge in its pane, what the advice rests on in its own, the whole of events and commands."""
        name = self._current_name()
        if isinstance(self.current, GaugesPanel):
            self.open_gauge(self.current.gauge)
        elif name == "advice":
            self.action_why()
        elif name in ("events", "commands"):
            self.app.call_later(self.app.run_action, f"open_page({name!r})", self.app)
        else:
            self.app.call_later(self.app.run_action, "open_node", self.app)

    def open_gauge(self, name: str | None) -> None:
        """Show the history of a gauge."""
        if name is not None:
            from ppsconsole.tui.screens.gauge import GaugeScreen  # not needed for the first frame

            self.app.push_screen(GaugeScreen(self.scene, self.glyphs, name))

    def action_why(self) -> None:
        """Show the rules and facts behind the advice."""
        from ppsconsole.tui.screens.why import WhyScreen  # not needed for the first frame

        self.app.push_screen(WhyScreen(self.scene, self.glyphs))

    def action_next_pane(self, step: int) -> None:
        """Give the keys to the next pane, or the one before; with room for one pane only, that one is shown."""
        names = [name for name in PANES if self._form() == "single" or (self.panels[name].display and not self._is_line(name))]
        self._focus(names[(names.index(self._current_name()) + step) % len(names)])

    def action_pane(self, name: str) -> None:
        """Give the keys to a pane, where it is shown or can be; else say what shows the same."""
        if self._form() == "single" or (self.panels[name].display and not self._is_line(name)):
            self._focus(name)
        else:
            key = key_of(_WHOLE[name], actions_of(self.app))
            self.notify(f"No room for the {name} pane at this size: {key} shows all of it.", markup=False)

    def _is_line(self, name: str) -> bool:
        """Return whether a pane has no frame that could carry the pointer, as the newest event of the compact form."""
        return (self._form(), name) == ("compact", "events")

    def action_to_topology(self) -> None:
        """Give the keys back to the topology."""
        self._focus("topology")

    # finding and choosing -------------------------------------------------------------------------------------------

    def find_view(self) -> LinesView:
        """Return the pane that the keys act on."""
        return self.current

    def show_found(self, found: Find) -> None:
        """Select the first node that was found; in another pane, mark the words."""
        if self.current is self.topology:
            self.found = found
            names = self._found_nodes()
            if names and self.selected not in names:
                self._choose(names[0])
            self.topology.decorate("found", (lambda _, line: found.marked(line)) if found else None)
        else:
            super().show_found(found)

    def next_found(self, step: int) -> None:
        """Select the next node that was found; in another pane, go to the next row."""
        if self.current is not self.topology:
            super().next_found(step)
        elif names := self._found_nodes():
            at = names.index(self.selected) if self.selected in names else -1 if step > 0 else 0
            self._choose(names[(at + step) % len(names)])

    def found_words(self) -> str:
        """Return which of the nodes that were found is selected."""
        if self.current is not self.topology:
            return super().found_words()
        names = self._found_nodes()
        noun = "node" if len(names) == 1 else "nodes"
        return f"{names.index(self.selected) + 1} of {len(names)} {noun}" if self.selected in names else f"{len(names)} {noun}"

    def _found_nodes(self) -> list[str]:
        """Return the nodes whose name, kind, role, site (as `site-a`), host or state has the words, in reading order."""
        if not self.found or self.scene.snapshot is None:
            return []
        names = [
            node.name
            for node in self.scene.snapshot.nodes
            if self.found.matches(
                node.name,
                node.kind,
                node.role,
                f"site-{node.site}",
                node.host or "",
                node.words,
                node.verdict.value,
                node.verdict.name,
            )
        ]
        spots = self.topology.spots
        return sorted((name for name in names if name in spots), key=lambda name: spots[name][:2])

    def jump_targets(self) -> list[Target]:
        """Return nodes and ways out."""
        from ppsconsole.advice.choices import choice_of  # not needed for the first frame

        nodes = [
            Target(self.topology, row, column, width, partial(self._pick, name))
            for name, (row, column, width) in self.topology.spots.items()
        ]
        nodes.sort(key=lambda each: (each.row, each.column))
        advice = self.panels["advice"]
        texts = [line_text(line) for line in advice.lines]
        open_ways = [choice_of(way).title for each in self.scene.advice for way in each.ways if not way.is_blocked]
        ways = [
            Target(advice, row, 2, advice.size.width, partial(self._plan_way, title))
            for title in dict.fromkeys(open_ways)
            for row in [number for number, text in enumerate(texts) if f" {title}: " in text][:1]
        ]
        return nodes + ways

    def _pick(self, name: str) -> None:
        self._choose(name)
        self._focus("topology")

    def _plan_way(self, title: str) -> None:
        self.app.call_later(self.app.run_action, f"plan_words({title!r})", self.app)

    # how ------------------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Panel:
        """The pane that the keys act on."""
        return self.panels[self._current_name()]

    def _current_name(self) -> str:
        return self.focused.id if isinstance(self.focused, Panel) and self.focused.id else "topology"

    def _focus(self, name: str) -> None:
        self._arrange(name)
        self.panels[name].focus(scroll_visible=False)

    def _choose(self, name: str | None) -> None:
        if name is not None:
            self._is_chosen = True
            self.selected = name
            self._show_panels()

    def _show_panels(self) -> None:
        for panel in self.panels.values():
            panel.show_scene(self.scene, self.selected)

    def _counts(self) -> tuple[int, int]:
        """Return how many gauges and nodes there are."""
        snapshot = self.scene.snapshot
        return (0, 0) if snapshot is None else (len(snapshot.gauges), len(snapshot.nodes))

    def _form(self) -> str:
        return form_of(*self.size)

    def _arrange(self, current: str | None = None) -> None:
        width, height = self.size
        for form in ("single", "compact", "full"):
            self.set_class(self._form() == form, f"-{form}")
        snapshot, is_full = self.scene.snapshot, self._form() == "full"
        wanted = rows_wanted(snapshot, left_of(width), self.glyphs) if snapshot is not None and is_full else height
        places = arrange(width, height, self._counts()[0], current or self._current_name(), wanted)
        for name, panel in self.panels.items():
            place = places.get(name)
            panel.display = place is not None
            if name == "advice":
                panel.set_class(place is not None and place.height == 1, "-line")
            if place is not None:
                panel.styles.offset = place.offset
                panel.styles.width, panel.styles.height = place.size
        if not self.current.display:
            # The pane that had the keys has no place at this size.
            self.panels["topology"].focus(scroll_visible=False)
