"""What to type where a preflight item is not as it should be: exact commands, as an admin would send them."""

import re
from collections.abc import Iterable

from ppsconsole.inventory.model import Inventory
from ppsconsole.runbooks.situation import service_of

LOOK_AGAIN = "Look again: ppsconsole status"


def psql(node: str, *statements: str) -> str:
    """Return how `statements` are sent to `node`, by a superuser on its own host."""
    return f"On {node}: psql " + " ".join(f'-c "{each}"' for each in statements)


def literals(names: Iterable[str]) -> str:
    """Return names that a server told as literals of SQL; one that might be more than a name stands as `NAME`.

    Remedies are copied into shells: what comes from a host is data, and must not turn into a command there.
    """
    return ", ".join(f"'{each}'" if re.fullmatch(r"[\w., -]+", each) else "'NAME'" for each in names)


def reloaded(node: str, name: str, value: str) -> str:
    """Return how a setting is changed that a reload brings into force."""
    return psql(node, f"ALTER SYSTEM SET {name} = {value}", "SELECT pg_reload_conf()")


def restarted(inventory: Inventory, node: str, **values: str) -> str:
    """Return how settings are changed that only a restart brings into force."""
    statements = [f"ALTER SYSTEM SET {name} = {value}" for name, value in values.items()]
    return f"{psql(node, *statements)}; then {restart(inventory, node)}"


def restart(inventory: Inventory, node: str) -> str:
    """Return how the service of `node` is restarted on its host."""
    service = service_of(inventory, node)
    if service is not None and service.kind == "systemd":
        return f"systemctl restart {service.name}"
    if service is not None and service.kind == "command":
        return f"{service.program} stop && {service.program} start"
    return f"restart {node}"


def may_see(inventory: Inventory, node: str) -> str:
    """Return how the console's account gets to see what a mere login may not."""
    return psql(node, f"GRANT pg_monitor TO {inventory.database.user or 'ppsconsole'}")
