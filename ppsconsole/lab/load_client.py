"""A small client of the REST interface, as the load generator needs it: loopback only, one try, short reasons."""

import ipaddress
import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ppsconsole.errors import LabError, UsageError
from ppsconsole.masking import plain


class NotAnswered(Exception):
    """The operation was not acknowledged; the text is a short reason that failures are counted by."""


class TokenRefused(NotAnswered):
    """A new login is needed."""


class Missing(NotAnswered):
    """The front answered that there is no such thing."""


class PasswordRefused(Exception):
    """The account or its password is wrong: trying again could lock it."""


@dataclass(frozen=True, slots=True)
class Front:
    """Where the load goes: a URL whose host is on this machine.

    Attributes:
        url: Without a trailing slash.
        address: The loopback address that the host has, kept for the whole load.
    """

    url: str
    address: str

    @classmethod
    def of(cls, url: str) -> "Front":
        """Return the front at `url`.

        Raises:
            UsageError: When it is not an https URL, or its host is not, or not only, a loopback address: a load must
                never reach a server that people use.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise UsageError(f"'{plain(url)}' is not an https URL", remedy="give the front as https://ADDRESS:PORT")
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            raise UsageError(f"'{plain(parts.netloc)}' has no address: {error}") from None
        addresses = [str(each[4][0]) for each in found]
        if not all(ipaddress.ip_address(each).is_loopback for each in addresses):
            raise UsageError(
                f"'{parts.hostname}' is not on this machine ({', '.join(sorted(set(addresses)))})",
                remedy="the load generator sends to loopback addresses only: it is for the lab, never for a real server",
            )
        return cls(url.rstrip("/"), addresses[0])


class FrontClient:
    """Sends single requests; every failure is a `NotAnswered`. To be made inside a running event loop, and closed."""

    def __init__(self, front: Front, ca: Path | None, connections: int) -> None:
        self._front = front
        try:
            context = ssl.create_default_context(cafile=ca)
        except OSError as error:
            raise LabError(f"the CA file cannot be used: {error}", where=str(ca)) from None
        connector = aiohttp.TCPConnector(limit=connections, ssl=context, resolver=_Pinned(front.address))
        # No proxy from the environment, no redirects, no cookies: nothing leads away from the address that was checked.
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def login(self, account: str, password: str) -> str:
        """Return a token.

        Raises:
            PasswordRefused: When the server does not accept the account.
            NotAnswered: When it does not answer as it should.
        """
        form = {"grant_type": "password", "username": account, "password": password}
        try:
            answer = await self._request("POST", "/OAuth2/Token", data=form)
        except NotAnswered as failure:
            if str(failure) == "HTTP 400":
                raise PasswordRefused from None
            raise
        return _text(answer.get("access_token") if isinstance(answer, dict) else None)

    async def create_folder(self, token: str, name: str) -> str:
        """Create a folder below the root and return its id."""
        return _text(await self._request("POST", "/api/v5/rest/folders", token, json={"Name": name}))

    async def create_entry(self, token: str, folder_id: str, name: str, password: str) -> str:
        """Create an entry and return its id."""
        body = {"GroupId": folder_id, "Name": name, "Username": "load", "Password": password}
        return _text(await self._request("POST", "/api/v5/rest/entries", token, json=body))

    async def read_root(self, token: str) -> str:
        """Return the id of the root folder."""
        return _text(await self._request("GET", "/api/v5/rest/folders/root", token))

    async def read_entry(self, token: str, entry_id: str) -> str:
        """Return the name of an entry."""
        answer = await self._request("GET", f"/api/v5/rest/entries/{entry_id}", token)
        return _text(answer.get("Name") if isinstance(answer, dict) else None)

    async def read_folder(self, token: str, folder_id: str) -> list[tuple[str, str]]:
        """Return id and name of each entry in a folder."""
        answer = await self._request("GET", f"/api/v5/rest/folders/{folder_id}", token)
        try:
            return [(str(each["Id"]), str(each["Name"])) for each in answer["Credentials"]]
        except (KeyError, TypeError):
            raise NotAnswered("an answer that is not PPS's") from None

    async def _request(self, method: str, path: str, token: str = "", **content: Mapping[str, str]) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self._session.request(
                method,
                self._front.url + path,
                headers=headers,
                allow_redirects=False,
                **content,  # type: ignore[arg-type]
            ) as response:
                body = await response.read()
        except aiohttp.ClientError as error:
            raise NotAnswered(_reason(error)) from None
        match response.status:
            case 200:
                pass
            case 401:
                raise TokenRefused("HTTP 401")
            case 404:
                raise Missing("HTTP 404")
            case status:
                raise NotAnswered(f"HTTP {status}")
        try:
            return json.loads(body)
        except ValueError:
            raise NotAnswered("an answer that is not JSON") from None


class _Pinned(AbstractResolver):
    """Gives every name the one address that was checked."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        own = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        return [ResolveResult(hostname=host, host=self._address, port=port, family=own, proto=0, flags=socket.AI_NUMERICHOST)]

    async def close(self) -> None:
        pass


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise NotAnswered("an answer that is not PPS's")
    return value


def _reason(error: aiohttp.ClientError) -> str:
    """Return a reason without ports and addresses in it, so that equal failures are counted together."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"certificate refused: {plain(error.certificate_error.args[-1] if error.certificate_error.args else '', 120)}"
        case aiohttp.ClientSSLError():
            return "TLS failed"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno  # asyncio writes address and port into the text
            return f"no connection: {os.strerror(number) if number else type(error.os_error).__name__}"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | aiohttp.ClientPayloadError():
            return "connection lost"
    return type(error).__name__
