"""Looks at a web server step by step: TCP (L1), TLS (L2), HTTP (L3) over one connection, each with its own result and time."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal
from urllib.parse import urlsplit

from ppsconsole.drivers import certificates
from ppsconsole.drivers.base import Endpoint
from ppsconsole.drivers.sockets import refused_socket
from ppsconsole.errors import BadAnswer, DriverError, TimedOut
from ppsconsole.masking import plain

StepWord = Literal["ok", "refused", "unreachable", "timed-out", "bad-certificate", "expired", "wrong-name", "error", "not-tried"]

BODY_LIMIT_BYTES = 64 * 1024
_HEADERS_LIMIT = 64
_HEADER_LIMIT = 200


@dataclass(frozen=True, slots=True)
class WebLook:
    """What one look at a web server came to. Times are in seconds, each for its own step; None when the step was not reached.

    Attributes:
        tcp: Whether the port could be connected to.
        tls: Whether the handshake succeeded and the certificate was accepted; `not-tried` for plain HTTP, too.
        http_status: Status code; None without an answer in HTTP.
        http_s: From the request to the status line.
        certificate_ends_at: Seconds since 1970 UTC; also known of a certificate that was not accepted.
        certificate_names: DNS names and addresses that it covers; likewise.
        headers: Of the answer, names in lower case, without cookies.
        detail: Why a step failed; empty when none did.
        body: Of the answer, at most `BODY_LIMIT_BYTES`, where it was asked to be kept; it may hold a credential.
    """

    tcp: StepWord = "not-tried"
    tls: StepWord = "not-tried"
    http_status: int | None = None
    tcp_s: float | None = None
    tls_s: float | None = None
    http_s: float | None = None
    certificate_ends_at: float | None = None
    certificate_names: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    detail: str = ""
    body: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class _Climb:
    """The ladder while it is climbed: what was seen survives when the time is up."""

    url: str
    endpoint: Endpoint
    server_name: str
    host_header: str
    is_tls: bool
    target: str
    headers: tuple[tuple[str, str], ...]
    form: bytes | None = field(default=None, repr=False)
    seen: WebLook = WebLook()
    step: Literal["tcp", "tls", "http", "done"] = "tcp"
    began: float = 0.0

    def enter(self, step: Literal["tcp", "tls", "http", "done"]) -> None:
        self.step, self.began = step, time.monotonic()

    @property
    def took_s(self) -> float:
        return time.monotonic() - self.began


async def look(
    url: str,
    *,
    connect: Endpoint | None = None,
    ca: str | None = None,
    server_name: str | None = None,
    timeout_s: float = 4.0,
    path: str = "/",
    headers: dict[str, str] | None = None,
    form: bytes | None = None,
) -> WebLook:
    """Look at `url` once. Whatever is wrong with the server is a result, not an error.

    Args:
        url: `https://host:port`, or `http://`; a path in it goes before `path`.
        connect: Where to connect to instead, such as a forwarded port.
        ca: PEM file with the authorities to trust; None for the system's.
        server_name: Name that the certificate must cover; None takes the host of `url`.
        timeout_s: Limit for all steps together.
        path: What is asked for with GET.
        headers: Sent in addition.
        form: Sent as a form by POST, once, and the answer's body is kept; None asks with GET and throws the body away.

    Returns:
        What was seen, up to the step that failed.

    Raises:
        DriverError: The request itself is impossible: no URL, or `ca` cannot be read.
    """
    climb = _prepared(url, connect, server_name, path, headers or {})
    climb.form = form
    try:
        async with asyncio.timeout(timeout_s):
            context = await _context(ca) if climb.is_tls else None
            await _climb(climb, context)
    except TimeoutError:
        _time_is_up(climb, timeout_s)
    return climb.seen


def _prepared(url: str, connect: Endpoint | None, server_name: str | None, path: str, headers: dict[str, str]) -> _Climb:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise DriverError(f"{plain(url)} is no URL: {error}") from None
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        raise DriverError(f"{plain(url)} is no URL of a web server", remedy="Write https://host:port")
    return _Climb(
        url=url,
        endpoint=connect or Endpoint(host, port),
        server_name=server_name or host,
        host_header=parts.netloc.rpartition("@")[2],
        is_tls=parts.scheme == "https",
        target=(parts.path.rstrip("/") + path) or "/",
        headers=tuple(headers.items()),
    )


def _time_is_up(climb: _Climb, timeout_s: float) -> None:
    if climb.step == "tcp":
        climb.seen = replace(climb.seen, tcp="timed-out", detail=f"no TCP connection within {timeout_s:g}s")
    elif climb.step == "tls" and climb.seen.tls == "not-tried":
        climb.seen = replace(climb.seen, tls="timed-out", detail=f"connected, but no TLS handshake within {timeout_s:g}s")
    elif climb.step == "http":
        climb.seen = replace(climb.seen, detail=f"connected, but no answer in HTTP within {timeout_s:g}s")


async def _climb(climb: _Climb, context: ssl.SSLContext | None) -> None:
    climb.enter("tcp")
    try:
        connected = await _connected(climb.endpoint)
    except OSError as error:
        reason = refused_socket(error, "", f"{climb.endpoint.address}:{climb.endpoint.port}")
        word: StepWord = "refused" if getattr(reason, "is_refused", False) else "unreachable"
        climb.seen = replace(climb.seen, tcp="timed-out" if isinstance(reason, TimedOut) else word, detail=reason.what)
        return
    climb.seen = replace(climb.seen, tcp="ok", tcp_s=climb.took_s)
    try:
        streams = await _handshake(climb, connected, context)
        if streams is None:
            return
    except BaseException:
        connected.close()
        raise
    reader, writer = streams
    try:
        await _ask(climb, reader, writer)
    finally:
        writer.transport.abort()


async def _connected(endpoint: Endpoint) -> socket.socket:
    """A connected socket; of several addresses of a name the first that answers."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(endpoint.address, endpoint.port, type=socket.SOCK_STREAM)
    last: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in found:
        made = socket.socket(family, kind, protocol)
        try:
            made.setblocking(False)
            await loop.sock_connect(made, address)
            return made
        except OSError as error:
            made.close()
            last = error
        except BaseException:
            made.close()
            raise
    raise last


async def _handshake(
    climb: _Climb, connected: socket.socket, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """The streams to go on with, None when the handshake failed and that was noted."""
    if context is None:
        return await asyncio.open_connection(sock=connected)
    climb.enter("tls")
    try:
        reader, writer = await asyncio.open_connection(sock=connected, ssl=context, server_hostname=climb.server_name)
    except ssl.SSLCertVerificationError as error:
        connected.close()
        word, words = certificates.refusal(error, climb.server_name)
        climb.seen = replace(climb.seen, tls=word, tls_s=climb.took_s, detail=words)
        await _learn(climb)
        return None
    except (OSError, ssl.CertificateError) as error:  # ssl.SSLError is an OSError
        connected.close()
        reason = getattr(error, "reason", None) or error.strerror or str(error) or "the server closed the connection"
        words = f"the TLS handshake failed: {plain(str(reason))}"
        climb.seen = replace(climb.seen, tls="error", tls_s=climb.took_s, detail=words)
        return None
    ends_at, names = certificates.of_verified(writer.get_extra_info("peercert"))
    climb.seen = replace(climb.seen, tls="ok", tls_s=climb.took_s, certificate_ends_at=ends_at, certificate_names=names)
    return reader, writer


async def _learn(climb: _Climb) -> None:
    """Read the certificate that was not accepted, over a connection of its own that is used for nothing else."""
    try:
        connected = await _connected(climb.endpoint)
    except OSError:
        return
    try:
        _, writer = await asyncio.open_connection(
            sock=connected, ssl=certificates.unverified_context(), server_hostname=climb.server_name
        )
    except OSError:
        connected.close()
        return
    except BaseException:
        connected.close()
        raise
    try:
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True)
        ends_at, names = certificates.of_der(der) if der else (None, ())
        climb.seen = replace(climb.seen, certificate_ends_at=ends_at, certificate_names=names)
    finally:
        writer.transport.abort()


async def _ask(climb: _Climb, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    import h11

    climb.enter("http")
    talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=BODY_LIMIT_BYTES)
    sent = [("Host", climb.host_header), ("User-Agent", "ppsconsole"), ("Accept", "*/*"), ("Connection", "close"), *climb.headers]
    method = "GET"
    if climb.form is not None:
        method = "POST"
        sent += [("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", str(len(climb.form)))]
    try:
        writer.write(talk.send(h11.Request(method=method, target=climb.target, headers=sent)) or b"")
        if climb.form is not None:
            writer.write(talk.send(h11.Data(data=climb.form)) or b"")
        writer.write(talk.send(h11.EndOfMessage()) or b"")
        body = 0
        while body < BODY_LIMIT_BYTES:
            event = talk.next_event()
            if event is h11.NEED_DATA:
                talk.receive_data(await reader.read(16 * 1024))
            elif isinstance(event, h11.Response):
                climb.seen = replace(climb.seen, http_status=event.status_code, http_s=climb.took_s, headers=_kept(event.headers))
                climb.enter("done")  # what comes now is thrown away: a body that stalls takes nothing from what was seen
            elif isinstance(event, h11.Data):
                body += len(event.data)
                if climb.form is not None:
                    climb.seen = replace(climb.seen, body=(climb.seen.body + bytes(event.data))[:BODY_LIMIT_BYTES])
            elif not isinstance(event, h11.InformationalResponse):
                return
    except h11.LocalProtocolError as error:
        raise BadAnswer(f"{method} {plain(climb.target)} cannot be asked: {plain(str(error))}") from error
    except (h11.RemoteProtocolError, OSError) as error:
        if climb.seen.http_status is None:
            climb.seen = replace(climb.seen, detail=f"no answer in HTTP: {plain(str(error)) or 'the connection was closed'}")


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """The headers as harmless text; cookies are credentials and are left out."""
    return tuple(
        (plain(name.decode("latin-1"), _HEADER_LIMIT), plain(value.decode("latin-1"), _HEADER_LIMIT))
        for name, value in islice(headers, _HEADERS_LIMIT)
        if name not in (b"set-cookie", b"set-cookie2")
    )


_contexts: dict[tuple[str, int, int] | None, ssl.SSLContext] = {}


async def _context(ca: str | None) -> ssl.SSLContext:
    """The context that trusts `ca`: made once for each state of the file, since reading authorities takes milliseconds."""
    key = None
    if ca is not None:
        path = os.path.expanduser(ca)  # noqa: ASYNC240 - one stat of a local file
        try:
            state = os.stat(path)
        except OSError as error:
            raise DriverError(f"the CA file {path} cannot be read: {error.strerror}") from error
        key = (path, state.st_mtime_ns, state.st_size)
    if key not in _contexts:
        try:
            _contexts[key] = await asyncio.to_thread(ssl.create_default_context, cafile=key[0] if key else None)
        except (OSError, ValueError) as error:
            raise DriverError(f"the CA file {ca} cannot be used: {plain(str(error))}", remedy="It must be PEM") from error
        _contexts[key].set_alpn_protocols(["http/1.1"])
    return _contexts[key]
