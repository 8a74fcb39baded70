"""A stand-in as its own process, with what it needs around it, for tests."""

import http.client
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.lab.postgres_server import PASSWORD, PostgresServer, free_port

ADMIN_PASSWORD = "lab-admin-secret"
_DEADLINE_S = 120.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class StandinNode:
    """One stand-in: `start` waits until it listens, `stop` ends it as a service manager would."""

    def __init__(self, folder: Path, database: PostgresServer, *, address: str = "127.0.0.11", name: str = "web1") -> None:
        self.folder = folder
        self.address = address
        self.port = free_port(address)
        folder.mkdir(exist_ok=True)
        self.certificate = make_certificate(folder, address)
        (folder / "database-password").write_text(PASSWORD)
        (folder / "admin-password").write_text(ADMIN_PASSWORD)
        (folder / "hosts").write_text(f"# the lab's names\n{database.address} db1.lab db1\n")
        self.point_at(database)
        config = {
            "name": name,
            "address": address,
            "port": self.port,
            "certificate": "certificate.pem",
            "key": "key.pem",
            "connection_file": "connection.json",
            "hosts_file": "hosts",
            "pid_file": "run/standin.pid",
            "log_file": "standin.log",
            "version": "9.1.11.0",
            "admin_password_file": "admin-password",
        }
        (folder / "run").mkdir(exist_ok=True)
        if os.geteuid() == 0:
            config["user"] = [65534, 65534]
            os.chown(folder / "run", 65534, 65534)
            (folder / "key.pem").chmod(0o600)  # readable before the privileges are dropped, and only then
        (folder / "config.json").write_text(json.dumps(config))
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.port}"

    @property
    def pid_file(self) -> Path:
        return self.folder / "run/standin.pid"

    @property
    def log(self) -> str:
        return (self.folder / "standin.log").read_text()

    def point_at(self, database: PostgresServer, *, dbname: str = "postgres") -> None:
        setting = {
            "host": "db1",
            "port": database.port,
            "dbname": dbname,
            "user": "pps",
            "password_file": "database-password",
        }
        (self.folder / "connection.json").write_text(json.dumps(setting))

    def start(self) -> float:
        """Return how long it took until the pid file was there, in seconds."""
        began = time.monotonic()
        command = [sys.executable, "-m", "ppsconsole.lab.standin", str(self.folder / "config.json")]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while not self.pid_file.exists():
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() - began < _DEADLINE_S, "the stand-in did not start in time"
            time.sleep(0.01)
        return time.monotonic() - began

    def stop(self) -> int:
        """End it, if that has not been done, and return its exit code."""
        assert self.process is not None
        assert self.process.stderr is not None
        if not self.process.stderr.closed:
            self.process.terminate()
            _, errors = self.process.communicate(timeout=_DEADLINE_S)
            assert errors == ""
        return self.process.returncode

    def ask(
        self, method: str, path: str, *, token: str = "", body: object = None, form: dict[str, str] | None = None, **headers: str
    ) -> Answer:
        content = urllib.parse.urlencode(form) if form is not None else json.dumps(body) if body is not None else None
        if token:
            headers["Authorization"] = f"Bearer {token}"
        context = ssl.create_default_context(cafile=str(self.certificate))
        connection = http.client.HTTPSConnection(self.address, self.port, context=context, timeout=60)
        try:
            connection.request(method, path, body=content, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read().decode())
        finally:
            connection.close()

    def token(self, password: str = ADMIN_PASSWORD) -> str:
        """Log in, as soon as it has its tables: it listens before that."""
        form = {"grant_type": "password", "username": "admin", "password": password}
        answer = self.wait_for(200, "POST", "/OAuth2/Token", form=form)
        return str(answer.json["access_token"])

    def wait_for(self, status: int, method: str = "GET", path: str = "/", **arguments: Any) -> Answer:
        """Ask until the status is that; the deadline is generous, since the machine may be busy."""
        until = time.monotonic() + _DEADLINE_S
        while (answer := self.ask(method, path, **arguments)).status != status:
            assert time.monotonic() < until, answer
            time.sleep(0.02)
        return answer


@contextmanager
def running_standin(folder: Path, database: PostgresServer, **arguments: str) -> Iterator[StandinNode]:
    node = StandinNode(folder, database, **arguments)
    node.start()
    try:
        yield node
    finally:
        node.stop()


def make_certificate(folder: Path, address: str) -> Path:
    """Write `certificate.pem` and `key.pem` for `address` and return the first, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem"
