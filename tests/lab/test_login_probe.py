"""Logins through the front, against a real TLS server: time, success, and never twice after a refusal."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from ppsconsole.clock import HeldClock
from ppsconsole.cluster.facts import CLUSTER_SUBJECT, Fact, Observations
from ppsconsole.cluster.picture import CommandRecord
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.drivers.web_login import log_in
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.masking import mask
from ppsconsole.probes.compose import compose
from ppsconsole.probes.login import LoginProbe, login_account, login_probe
from tests.lab.test_web_driver import ADDRESS, PATIENT_S, Authority, served
from tests.unit.observations import NOW, facts, inventory, observe

PASSWORD = "Tr0ub4dor&3 ä"


class Front:
    """Answers logins as PPS does; counts them."""

    def __init__(self) -> None:
        self.status, self.password, self.asked, self.headers = 0, PASSWORD, [], ""

    async def serve(self, reader: Any, writer: Any) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(next(line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length")))
        form = (await reader.readexactly(length)).decode()
        self.asked.append((head.split("\r\n", 1)[0], form))
        is_right = parse_qs(form)["password"] == [self.password]
        status = self.status or (200 if is_right else 400)
        found = {"access_token": "bearer-of-all", "token_type": "bearer"} if status == 200 else {"error": "invalid_grant"}
        body = json.dumps(found)
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n{self.headers}\r\n{body}".encode())
        await writer.drain()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD)
    path.chmod(0o600)
    return path


class Story:
    """A probe, a front that it asks, and a clock that stands."""

    def __init__(self, front: Front, port: int, secret: Path, folder: Path, ca: str | None = None) -> None:
        declared = inventory()
        declared = replace(declared, cluster=replace(declared.cluster, ca=ca))
        self.front, self.clock = front, HeldClock(NOW)
        self.sent: list[CommandRecord] = []
        self._arguments = (declared, f"http://{ADDRESS}:{port}", ("check", SecretRef("file", str(secret))))
        self._folder = folder
        self.again()

    def again(self) -> None:
        """Begin a new process, as the next command does."""
        self.probe = LoginProbe(*self._arguments, self.clock, self.sent.append, self._folder)

    async def look(self, after_s: float = 60.0) -> dict[str, Any]:
        self.clock.advance(after_s)
        self.found = await self.probe.read()
        return {fact.name: fact.value for fact in self.found}


def play(test: Any, secret: Path, tmp_path: Path) -> None:
    async def main() -> None:
        front = Front()
        async with served(front.serve) as port:
            await test(Story(front, port, secret, tmp_path / "state"))

    asyncio.run(main())


def test_time_and_share_of_logins(secret: Path, tmp_path: Path) -> None:
    async def story(it: Story) -> None:
        first = await it.look()
        assert (first["login"], first["login_percent"]) == ("ok", 100.0)
        assert 0 < first["login_s"] < PATIENT_S
        it.front.status = 503
        second = await it.look()
        assert second == {"login": "failed", "login_s": None, "login_percent": 50.0}
        assert it.probe.every_s < 30.0, "what failed is looked at sooner"
        it.again()
        it.front.status = 0
        assert (await it.look())["login_percent"] == 66.7, "trouble of the server is no refusal: it is tried again"
        assert it.front.asked[0][0] == "POST /OAuth2/Token HTTP/1.1"
        assert [(each.where, each.outcome) for each in it.sent] == [("front", "ok"), ("front", "failed"), ("front", "ok")]
        assert (await it.look(700.0))["login_percent"] == 100.0, "what was long ago does not count"

    play(story, secret, tmp_path)


def test_a_refused_login_is_never_repeated_until_somebody_asks_or_mends_the_password(secret: Path, tmp_path: Path) -> None:
    async def story(it: Story) -> None:
        it.front.password = "changed"
        assert (await it.look())["login"] == "refused"
        assert "poll by hand" in it.found[0].detail
        assert it.probe.every_s == 30.0
        for _ in range(3):
            assert (await it.look())["login"] == "refused"
        it.again()  # also not by the next command
        assert (await it.look())["login"] == "refused"
        assert len(it.front.asked) == 1
        it.probe.allow()
        assert (await it.look())["login"] == "refused"
        assert (await it.look())["login"] == "refused"
        assert len(it.front.asked) == 2, "asked for once is tried once"
        secret.write_text("changed")  # noqa: ASYNC240 - one small file
        assert (await it.look())["login"] == "ok"
        it.again()
        assert (await it.look())["login"] == "ok"

    play(story, secret, tmp_path)


def test_commands_in_a_row_share_one_login(secret: Path, tmp_path: Path) -> None:
    async def story(it: Story) -> None:
        await it.look()
        it.again()
        found = await it.look(after_s=2.0)
        assert (found["login"], len(it.front.asked)) == ("ok", 1)
        assert it.found[0].at < it.clock.now(), "it is told how old that is"

    play(story, secret, tmp_path)


def test_neither_password_nor_token_is_kept_anywhere(secret: Path, tmp_path: Path) -> None:
    async def story(it: Story) -> None:
        await it.look()
        it.front.password = "x"
        await it.look()
        kept = "".join(path.read_text() for path in (tmp_path / "state").iterdir())
        said = kept + repr(it.found) + repr(it.sent) + repr(vars(it.probe))
        assert PASSWORD not in said
        assert "bearer-of-all" not in said
        assert PASSWORD not in mask(f"it is {PASSWORD}")

    play(story, secret, tmp_path)


def test_a_secret_that_does_not_resolve_is_not_sent(secret: Path, tmp_path: Path) -> None:
    async def story(it: Story) -> None:
        secret.unlink()  # noqa: ASYNC240 - one small file
        assert (await it.look())["login"] == "no-secret"
        assert it.front.asked == []

    play(story, secret, tmp_path)


@pytest.mark.parametrize(("status", "headers", "is_refused"), [(0, "", False), (400, "", True), (500, "", False)])
def test_over_tls_with_the_authority_that_is_declared(authority: Authority, status: int, headers: str, is_refused: bool) -> None:
    async def main() -> None:
        front = Front()
        front.status = status
        context, _ = authority.context()
        async with served(front.serve, context) as port:
            url = f"https://{ADDRESS}:{port}"
            said = await log_in(url, "check", PASSWORD, ca=str(authority.file), timeout_s=PATIENT_S)
            assert (said.is_in, said.is_refused) == (status == 0, is_refused)
            count = len(front.asked)
            untrusted = await log_in(url, "check", PASSWORD, timeout_s=PATIENT_S)
            assert not untrusted.is_in
            assert "no answer" in untrusted.words
            assert len(front.asked) == count, "an untrusted server is not sent a password"

    asyncio.run(main())


def test_a_second_factor_is_said_to_be_one(secret: Path, tmp_path: Path) -> None:
    async def story(it: Story) -> None:
        it.front.status, it.front.headers = 400, "X-Pleasant-OTP: required\r\n"
        assert (await it.look())["login"] == "refused"
        assert "second factor" in it.found[0].detail

    play(story, secret, tmp_path)


def test_without_an_account_it_is_not_checked_and_never_ok() -> None:
    declared = inventory()
    assert login_account(declared) is None
    assert login_probe(declared, HeldClock(NOW), lambda _: None) is None
    shown = compose(declared, observe(facts()), NOW)
    gauge = next(each for each in shown.gauges if each.name == "login")
    assert (gauge.value, gauge.text, gauge.verdict) == (None, "not checked", Verdict.OFF)
    assert shown.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("values", "login", "rules"),
    [
        ({"login": "ok", "login_s": 0.21, "login_percent": 100.0}, ("0.2s", Verdict.OK), []),
        ({"login": "ok", "login_s": 4.0, "login_percent": 100.0}, ("4s", Verdict.WARN), ["login_s"]),
        ({"login": "ok", "login_s": 0.2, "login_percent": 75.0}, ("0.2s", Verdict.OK), []),
        ({"login": "refused", "login_s": None}, ("refused", Verdict.WARN), ["login"]),
        ({"login": "failed", "login_s": None, "login_percent": 40.0}, ("failed", Verdict.DOWN), ["login"]),
        ({}, ("unknown", Verdict.UNKNOWN), []),
    ],
)
def test_logins_are_judged(values: dict[str, Any], login: tuple[str, Verdict], rules: list[str]) -> None:
    declared = inventory()
    web = {name: replace(each, account="c", account_password=SecretRef("env", "P")) for name, each in declared.web_nodes.items()}
    known = [Fact(CLUSTER_SUBJECT, name, value, "login", NOW, 99.0, "why") for name, value in values.items()]
    shown = compose(replace(declared, web_nodes=web), Observations(observe(facts())._facts).having(known), NOW)
    gauge = next(each for each in shown.gauges if each.name == "login")
    assert (gauge.text, gauge.verdict) == login
    assert [each.rule for each in shown.judgements] == rules
