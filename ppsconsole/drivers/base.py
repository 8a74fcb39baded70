"""Values and protocols that drivers share: IO behind small interfaces, so that a double can stand in for each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.errors import Unreachable
from ppsconsole.inventory.model import Host

OnCommand = Callable[[CommandRecord], None]
"""Called for every command and query sent, after it ended; must not block."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command on a host came to.

    Attributes:
        exit_status: As the shell reported it; -1 when a signal ended it.
        stdout: Decoded as UTF-8, what is not valid replaced.
        stderr: Likewise.
    """

    exit_status: int
    stdout: str
    stderr: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A TCP address that can be connected to from here: the thing itself, or a forwarded port of a bastion."""

    address: str
    port: int


class OpenCommand(Protocol):
    """A command that runs on a host and is talked to meanwhile, line by line."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or its line was lost, as far as is known here."""
        ...

    def send(self, text: str) -> None:
        """Send `text` to its standard input; never waits."""
        ...

    async def line(self) -> str:
        """Return the next line of its standard output without the line break; empty at the end of the output."""
        ...

    async def end(self) -> CommandResult:
        """Close its standard input and wait for its end; the result has the output that `line` did not return.

        Raises:
            LineDropped: The connection was lost; whether it ran to its end is unknown.
            OutputTooLong: It printed too much.
        """
        ...

    def cut(self) -> None:
        """Let go of it: its standard input ends. May be called more than once."""
        ...


class Shell(Protocol):
    """Runs commands on hosts and reaches what is behind them."""

    async def run(
        self, host: Host, command: str, *, stdin: str | None = None, timeout_s: float = 5.0, limit_bytes: int = 1 << 20
    ) -> CommandResult:
        """Run one shell command on `host`.

        Raises:
            DriverError: With the subclass that says what went wrong; a non-zero exit status is a result, not an error.
        """
        ...

    async def open(self, host: Host, command: str, *, timeout_s: float = 5.0) -> OpenCommand:
        """Start one shell command on `host` and leave it running, to be talked to.

        Raises:
            DriverError: As `run`.
        """
        ...

    async def endpoint(self, host: Host, address: str, port: int, *, timeout_s: float = 5.0) -> Endpoint:
        """Return where `address:port`, as seen from the last bastion before `host`, can be connected to from here.

        A connection to a forwarded port is accepted at once and closed when the far side cannot be reached: `reach` tells why.

        Raises:
            DriverError: The bastions could not be logged in to; mostly `BastionDown`.
        """
        ...

    async def reach(self, host: Host, address: str, port: int, *, timeout_s: float = 5.0) -> None:
        """Connect to `address:port`, as seen from the last bastion before `host`, and close again.

        Raises:
            Unreachable: With `is_refused` when the port is closed; `BastionDown` when a bastion failed.
            TimedOut: Nothing answered.
        """
        ...


ServiceState = Literal["running", "stopped", "frozen", "failed", "starting", "unknown"]
EnabledState = Literal["enabled", "disabled", "unknown"]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What a service manager says of one service.

    Attributes:
        version: Of what it starts, where the service program tells; empty where it does not.
    """

    state: ServiceState
    enabled: EnabledState
    pid: int | None = None
    detail: str = ""
    version: str = ""


class LineDropped(Unreachable):
    """The connection was lost after a command had been sent: nobody knows whether it ran to its end."""
