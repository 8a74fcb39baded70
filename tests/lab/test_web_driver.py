"""The web ladder against TLS servers in this process, with certificates of their own."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ppsconsole.drivers.base import Endpoint
from ppsconsole.drivers.web import look
from ppsconsole.errors import DriverError
from tests.unit.deadlines import within

PATIENT_S = 20.0
ADDRESS = "127.44.0.1"
DAY = datetime.timedelta(days=1)


class Authority:
    """Signs server certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        self.file = folder / "ca.pem"
        made = self._signed(self.name, self.key, True, [], datetime.timedelta(days=30))
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def _signed(self, subject, key, is_authority, names, ends_in):
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 30 * DAY)
            .not_valid_after(now + ends_in)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        if is_authority:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
            identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            builder = builder.add_extension(identifier, critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def context(self, names=("pps.example",), ends_in=10 * DAY) -> tuple[ssl.SSLContext, float]:
        key = ec.generate_private_key(ec.SECP256R1())
        covered = [*(x509.DNSName(name) for name in names), x509.IPAddress(ipaddress.ip_address(ADDRESS))]
        made = self._signed(x509.Name([]), key, False, covered, ends_in)
        path = self.folder / f"server-{time.monotonic_ns()}.pem"
        path.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context, made.not_valid_after_utc.timestamp()


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Served-By: web1\r\nSet-Cookie: session=tok\r\nX-Odd: a\x1b[31mb\r\n\r\nok"


@asynccontextmanager
async def served(handler, context: ssl.SSLContext | None = None):
    serving = set()

    async def serve(reader, writer):
        serving.add(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()

    made = await asyncio.start_server(serve, ADDRESS, 0, ssl=context)
    async with made:
        yield made.sockets[0].getsockname()[1]
        if serving:
            await asyncio.wait(serving, timeout=PATIENT_S)


def server(context: ssl.SSLContext | None, answer: bytes | None, asked: list[bytes] | None = None):
    """Answers each request with `answer`; None answers nothing and keeps the connection."""

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(head)
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        else:
            await reader.read()

    return served(serve, context)


def seen(context, answer=ANSWER, *, scheme="https", host="pps.example", suffix="", asked=None, **arguments):
    async def main():
        async with server(context, answer, asked) as port:
            arguments.setdefault("timeout_s", PATIENT_S)
            return await look(f"{scheme}://{host}:{port}{suffix}", connect=Endpoint(ADDRESS, port), **arguments)

    return asyncio.run(main())


def test_all_three_steps(authority):
    context, ends_at = authority.context(("pps.example", "*.pps.example"))
    asked: list[bytes] = []
    result = seen(context, ca=str(authority.file), asked=asked, headers={"X-Probe": "1"}, path="/Version", suffix="/base/")
    assert (result.tcp, result.tls, result.http_status, result.detail) == ("ok", "ok", 200, "")
    assert result.certificate_ends_at == ends_at
    assert result.certificate_names == ("pps.example", "*.pps.example", ADDRESS)
    assert all(0 <= each < PATIENT_S for each in (result.tcp_s, result.tls_s, result.http_s))
    headers = dict(result.headers)
    assert headers["x-served-by"] == "web1"
    assert "set-cookie" not in headers, "a cookie is a credential"
    assert "\x1b" not in "".join(headers.values())
    lines = asked[0].decode().split("\r\n")
    assert lines[0] == "GET /base/Version HTTP/1.1"
    assert lines[1].startswith("Host: pps.example:")
    assert "X-Probe: 1" in lines


def test_an_address_in_the_certificate_and_a_name_of_ones_own(authority):
    context, _ = authority.context()
    assert seen(context, host=ADDRESS, ca=str(authority.file)).tls == "ok"
    assert seen(context, host="elsewhere", server_name="pps.example", ca=str(authority.file)).tls == "ok"


@pytest.mark.parametrize(
    ("settings", "host", "is_known", "word", "words"),
    [
        ({"ends_in": -DAY}, "pps.example", True, "expired", "has expired"),
        ({}, "other.example", True, "wrong-name", "does not cover the name other.example"),
        ({}, "127.44.0.77", True, "wrong-name", "does not cover the name 127.44.0.77"),
        ({}, "pps.example", False, "bad-certificate", "is not trusted: unable to get local issuer"),
    ],
)
def test_a_certificate_that_is_refused_is_still_described(authority, settings, host, is_known, word, words):
    context, ends_at = authority.context(**settings)
    asked: list[bytes] = []
    result = seen(context, host=host, ca=str(authority.file) if is_known else None, asked=asked)
    assert (result.tcp, result.tls, result.http_status) == ("ok", word, None)
    assert words in result.detail
    assert result.certificate_ends_at == ends_at
    assert result.certificate_names == ("pps.example", ADDRESS)
    assert asked == [], "nothing is asked of a server that is not trusted"


def test_a_server_in_trouble_answers_with_its_status(authority):
    context, _ = authority.context()
    for status in (302, 404, 503):
        answer = f"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 {status} X\r\nConnection: close\r\n\r\nsorry".encode()
        assert seen(context, answer, ca=str(authority.file)).http_status == status


def test_plain_http_has_no_second_step():
    result = seen(None, scheme="http")
    assert (result.tcp, result.tls, result.tls_s, result.http_status) == ("ok", "not-tried", None, 200)


@pytest.mark.parametrize(
    ("context_wanted", "answer", "step"),
    [(True, None, "http"), (False, None, "tls"), (True, b"HTTP/1.1 200 OK\r\nContent-Le", "http")],
)
def test_a_server_that_says_nothing(authority, context_wanted, answer, step):
    context = authority.context()[0] if context_wanted else None
    with within(60):
        result = seen(context, answer, ca=str(authority.file), timeout_s=2.0)
    if step == "tls":
        assert (result.tcp, result.tls, result.http_status) == ("ok", "timed-out", None)
        assert "no TLS handshake within 2s" in result.detail
    else:
        assert (result.tcp, result.tls, result.http_status) == ("ok", "ok", None)
        assert "no answer in HTTP" in result.detail


def test_an_endless_or_stalling_body_takes_nothing_away(authority):
    context, _ = authority.context()
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000
    assert seen(context, endless, ca=str(authority.file)).http_status == 200
    stalled = seen(context, b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nx", ca=str(authority.file))
    assert (stalled.http_status, stalled.detail) == (200, "")


def test_answers_that_are_no_http(authority):
    context, _ = authority.context()
    for answer in (b"SSH-2.0-OpenSSH\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n" + b"x" * 200_000):
        result = seen(context, answer, ca=str(authority.file))
        assert (result.tls, result.http_status) == ("ok", None)
        assert result.detail.startswith("no answer in HTTP: ")


def test_a_port_that_is_closed_and_one_that_speaks_no_tls(authority):
    async def main():
        with socket.socket() as unused:
            unused.bind((ADDRESS, 0))
            closed = await look(f"https://{ADDRESS}:{unused.getsockname()[1]}", timeout_s=PATIENT_S)
        assert (closed.tcp, closed.tls, closed.http_status) == ("refused", "not-tried", None)
        assert "nothing listens there" in closed.detail
        nameless = await look("https://no-such-host.invalid", timeout_s=PATIENT_S)
        assert nameless.tcp == "unreachable"
        assert "does not resolve" in nameless.detail

        async def slam(reader, writer):
            writer.transport.abort()

        async def greet(reader, writer):
            writer.write(b"220 hello\r\n")
            await reader.read()

        for handler in (slam, greet):
            async with served(handler) as port:
                result = await look(f"https://{ADDRESS}:{port}", timeout_s=PATIENT_S)
            assert (result.tcp, result.tls) == ("ok", "error")
            assert result.detail.startswith("the TLS handshake failed: ")
            assert result.certificate_names == ()

    asyncio.run(main())


@pytest.mark.parametrize("url", ["ftp://x", "pps.example", "https://", "https://x:99999", "https://[x"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(DriverError, match="is no URL"):
        asyncio.run(look(url))


def test_a_ca_file_that_is_none(authority, tmp_path):
    with pytest.raises(DriverError, match="cannot be read: No such file"):
        asyncio.run(look("https://pps.example", ca=str(tmp_path / "none")))
    (tmp_path / "bad").write_text("nonsense")
    with pytest.raises(DriverError, match="cannot be used"):
        asyncio.run(look("https://pps.example", ca=str(tmp_path / "bad")))
