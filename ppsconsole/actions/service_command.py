"""Commands for services on their hosts. No IO."""

import shlex
from typing import Literal

from ppsconsole.drivers.service import systemctl
from ppsconsole.errors import Blocked
from ppsconsole.inventory.model import Service

ServiceVerb = Literal["start", "stop", "enable", "disable"]


def service_command(service: Service, verb: ServiceVerb, node: str) -> str:
    """Return the shell command that does `verb`.

    `disable` leaves a running service as it is; with systemd the unit is masked as well where that is possible, since a unit
    that a generator or another unit pulls in starts at boot even when it is disabled.

    Raises:
        Blocked: The kind is not supported yet, or its program or unit is not declared.
    """
    if service.kind == "command" and service.program is not None:
        return f"{shlex.quote(service.program)} {verb}"
    if service.kind == "systemd" and service.name is not None:
        if verb == "disable":
            # A unit file in /etc cannot be masked, a generated one cannot be disabled: what counts is looked at afterwards.
            return f"{systemctl('disable', service.name)}; {systemctl('mask', service.name)} 2>/dev/null || :"
        if verb == "enable":
            return f"{systemctl('unmask', service.name)} && {systemctl('enable', service.name)}"
        return systemctl(verb, service.name)
    raise Blocked(
        f"services of kind {service.kind} are not supported yet"
        if service.kind not in ("command", "systemd")
        else f"the {service.kind} service has no name or program",
        where=node,
        remedy="Do this step by hand, or declare the service",
    )
