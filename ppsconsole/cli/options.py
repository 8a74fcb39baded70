"""What the words before the command say; every command gets it as `ctx.obj`."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ppsconsole.values import dataclass

if TYPE_CHECKING:
    from ppsconsole.inventory.model import Inventory
    from ppsconsole.settings.file import GlyphSet, Settings


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the program itself.

    Attributes:
        inventory_path: What stood after `-i`, None when it was not given.
        theme: What stood after `--theme`.
        has_mouse: `--mouse` or `--no-mouse`; None when neither was given.
        glyphs: What drawings are made of; None when nothing was said.
    """

    inventory_path: str | None
    theme: str | None = None
    has_mouse: bool | None = None
    glyphs: "GlyphSet | None" = None

    def settings(self) -> "Settings":
        """Return how this person wants the console: the command line goes before the environment, that before the file.

        Raises:
            SettingsError: The file has mistakes; all of them.
        """
        from ppsconsole.settings.file import load_settings

        found = load_settings()
        if self.theme is not None:
            found = replace(found, theme=self.theme, lines={name: at for name, at in found.lines.items() if name != "theme"})
        if self.has_mouse is not None:
            found = replace(found, has_mouse=self.has_mouse)
        return replace(found, glyphs=self.glyphs) if self.glyphs is not None else found

    def load_inventory(self) -> "Inventory":
        """Find and return the inventory.

        Raises:
            UsageError: No inventory was found; says where it was looked for.
            InventoryError: It has mistakes; all of them.
        """
        # Imported here: commands that need no inventory do not pay for the YAML parser.
        from ppsconsole.inventory.find import find
        from ppsconsole.inventory.load import load

        return load(find(self.inventory_path))
