"""What the words before the command say; every command gets it as `ctx.obj`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppsconsole.inventory.model import Inventory


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the program itself.

    Attributes:
        inventory_path: What stood after `-i`, None when it was not given.
    """

    inventory_path: str | None

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
