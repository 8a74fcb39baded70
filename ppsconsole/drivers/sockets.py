"""Says why a TCP connection did not come about, whoever tried it and in whatever words."""

import asyncio
import re
import socket

from ppsconsole.errors import DriverError, TimedOut, Unreachable
from ppsconsole.masking import plain

# 111 is ECONNREFUSED on Linux, 61 on macOS; asyncio says "Connect call failed", OpenSSH's sshd "Connection refused".
_REFUSED = re.compile(r"(?i)refused|\[Errno (?:111|61)\]")
_TIMED_OUT = re.compile(r"(?i)timed out|timeout|\[Errno (?:110|60)\]")


def says_refused(text: str) -> bool:
    """Return whether `text`, from an error, means that the port is closed."""
    return _REFUSED.search(text) is not None


def says_timed_out(text: str) -> bool:
    """Return whether `text`, from an error, means that nothing answered."""
    return _TIMED_OUT.search(text) is not None


def refused_socket(error: OSError, where: str, place: str) -> DriverError:
    """Return the error for a TCP connection, made from here, that did not come about."""
    if isinstance(error, socket.gaierror):
        return Unreachable(f"the name in {place} does not resolve: {plain(error.strerror or str(error))}", where=where)
    if isinstance(error, TimeoutError) or says_timed_out(str(error)):
        return TimedOut(f"no answer from {place}", where=where)
    if isinstance(error, ConnectionRefusedError) or says_refused(str(error)):
        return Unreachable(f"{place} refused the connection: nothing listens there", where=where, is_refused=True)
    return Unreachable(f"no way to {place}: {plain(error.strerror or str(error))}", where=where)


async def reach_directly(where: str, address: str, port: int, timeout_s: float) -> None:
    """Connect from here to `address:port`, and close again.

    Raises:
        Unreachable: With `is_refused` when the port is closed.
        TimedOut: Nothing answered within `timeout_s`.
    """
    place = f"{address}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(address, port)
    except OSError as error:  # TimeoutError is one, too
        raise refused_socket(error, where, place) from error
    writer.transport.abort()
