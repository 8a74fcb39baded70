"""Is the program running, and would it start by itself at boot? Asked of the host's service manager and process table."""

from functools import partial

from ppsconsole.cluster.facts import node_subject
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.service import parse_status, status_command
from ppsconsole.inventory.model import Service
from ppsconsole.probes.host import Part

NAMES = ("service", "service_enabled", "service_pid")
PRODUCT_NAMES = ("product_version",)


def service_part(node: str, service: Service, every_s: float, *, is_product: bool = False) -> Part | None:
    """Return the question about the service of `node`; None for kinds that are not probed yet.

    Args:
        node: Whose service it is.
        service: What starts and stops it.
        every_s: How often it is asked.
        is_product: It is a web node's, whose program may tell its version.
    """
    command = status_command(service)
    if command is None:
        return None
    names = (*NAMES, *PRODUCT_NAMES) if is_product else NAMES
    return Part(f"service.{node}", node_subject(node), names, command, every_s, partial(_parse, service))


def _parse(service: Service, result: CommandResult) -> dict[str, object]:
    status = parse_status(service, result)
    known = {"service": status.state, "service_enabled": status.enabled}
    return {
        **{name: None if value == "unknown" else value for name, value in known.items()},
        "service_pid": status.pid,
        "product_version": status.version or None,
        "detail": status.detail,
    }
