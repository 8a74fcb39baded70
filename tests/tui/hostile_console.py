"""Opens the console on a cluster whose hosts say what is meant to harm, in the terminal that it is run in."""

import os

from ppsconsole.__main__ import leave
from ppsconsole.clock import HeldClock
from ppsconsole.settings.file import Settings
from ppsconsole.tui.app import PpsConsoleApp
from ppsconsole.tui.opening import driver_class, end, glyphs_for
from tests.tui.scripted import ScriptedSource, inventory
from tests.tui.test_hostile_text import SAID, hostile_desk, hostile_picture
from tests.unit.snapshots import AT

if __name__ == "__main__":
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    app = PpsConsoleApp(
        inventory(),
        ScriptedSource(hostile_picture(SAID)),
        glyphs=glyphs_for(Settings()),
        clock=HeldClock(AT),
        desk=lambda: hostile_desk(SAID),
        driver_class=driver_class(os.environ),
    )
    leave(end(app))
