"""The JSON schema of the inventory file, for editors: made from the loader's own table."""

from typing import Any

from ppsconsole.inventory.table import NAMED, ROOT

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12).

    It says what may stand in each place. What takes the whole file to know (names that lead nowhere, chains, doubles)
    only the loader can tell. What the loader takes fits the schema, with one exception: text that YAML itself would read as a
    number or a truth value needs quotes for the schema and none for the loader, which knows that text is meant.
    """
    definitions = {record.definition: record.schema() for record in NAMED}
    return {"$schema": DIALECT, "title": "Inventory of ppsconsole", **ROOT.schema(), "$defs": definitions}
