"""The line between `ppsconsole lab ...` commands and a running lab: JSON, one line a message, on a loopback port."""

import asyncio
import contextlib
import hmac
import json
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from ppsconsole.errors import LabError, PpsConsoleError, UsageError
from ppsconsole.lab.state import LabState

Handler = Callable[[dict[str, Any], Callable[[str], None]], Awaitable[dict[str, Any]]]
"""Takes the request and a function for progress lines; returns the answer."""


class ControlServer:
    """Answers commands of whoever can read the token in lab.json.

    Attributes:
        token: The secret.
        port: Where it listens.
    """

    def __init__(self, listener: socket.socket, handler: Handler) -> None:
        self.token = secrets.token_hex(24)
        self.port: int = listener.getsockname()[1]
        self._listener, self._handler = listener, handler
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_server(self._serve, sock=self._listener)

    def close(self) -> None:
        """Stop answering."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(message: dict[str, Any]) -> None:
            writer.write(json.dumps(message).encode() + b"\n")

        with contextlib.suppress(OSError):
            say(await self._answered(reader, lambda words: say({"progress": words})))
            await writer.drain()
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, progress: Callable[[str], None]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(5.0):
                request = json.loads(await reader.readline())
            if not hmac.compare_digest(str(request.get("token", "")), self.token):
                return {"error": "wrong token"}
            return await self._handler(request, progress)
        except PpsConsoleError as error:
            is_usage = isinstance(error, UsageError)
            return {"error": error.what, "where": error.where, "remedy": error.remedy, "is_usage": is_usage}
        except (ValueError, AttributeError, TimeoutError) as error:
            return {"error": f"not understood: {error}"}
        except OSError as error:
            return {"error": f"the lab could not do it: {error}"}


def call(state: LabState, request: dict[str, Any], *, timeout_s: float = 120.0) -> Iterator[str | dict[str, Any]]:
    """Send one request to a running lab.

    Yields:
        Progress lines as text, then the answer as a mapping.

    Raises:
        UsageError: The lab has nothing of that name.
        LabError: It is not there, or says no.
    """
    place = f"{state.control.get('address')}:{state.control.get('port')}"
    try:
        line = socket.create_connection((state.control["address"], state.control["port"]), timeout=timeout_s)
    except (OSError, KeyError) as error:
        raise LabError(f"the lab does not answer at {place}: {error}", where=str(state.folder)) from error
    with line, line.makefile("rw", encoding="utf-8") as stream:
        try:
            stream.write(json.dumps({**request, "token": state.control["token"]}) + "\n")
            stream.flush()
            for received in stream:
                message = json.loads(received)
                if "progress" in message:
                    yield str(message["progress"])
                    continue
                if "error" in message:
                    kind = UsageError if message.get("is_usage") else LabError
                    raise kind(message["error"], where=message.get("where", ""), remedy=message.get("remedy", ""))
                yield message
                return
        except OSError as error:
            raise LabError(f"the lab stopped answering: {error}", where=str(state.folder)) from error
    raise LabError("the lab hung up without an answer", where=str(state.folder), remedy="See lab.log in its folder")
