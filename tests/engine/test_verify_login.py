"""The login that ends a run: a front in motion is asked again, a login that was refused never is."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ppsconsole.actions import verify_service
from ppsconsole.clock import SystemClock
from ppsconsole.drivers.web_login import LoginAnswer
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.plan.step import Step

STEP = Step(id="verify-lb1", title="See that users get in", verb="verify-service", node="lb1", timeout_s=20.0)
BUSY, IN = LoginAnswer(False, "HTTP 502"), LoginAnswer(True, "ok")
REFUSED = LoginAnswer(False, "HTTP 400 invalid_grant", is_refused=True)


def logged_in(monkeypatch: pytest.MonkeyPatch, *answers: LoginAnswer) -> tuple[Any, list[str]]:
    """Return what the step's login comes to where the front answers with `answers`, and the accounts that were tried."""
    left: Iterator[LoginAnswer] = iter(answers)
    tried: list[str] = []

    async def log_in(url: str, account: str, password: str, **_: Any) -> LoginAnswer:
        tried.append(account)
        return next(left)

    async def resolve(_: SecretRef) -> str:
        return "no secret"

    monkeypatch.setattr(verify_service, "log_in", log_in)
    monkeypatch.setattr(verify_service.secrets, "resolve", resolve)
    bench: Any = SimpleNamespace(inventory=SimpleNamespace(cluster=SimpleNamespace(ca=None)), clock=SystemClock())
    node: Any = SimpleNamespace(name="pps2", account="drill", account_password=object())
    return asyncio.run(verify_service._login(bench, node, "https://pps.example", STEP)), tried


def test_a_front_that_was_moved_just_now_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found, tried = logged_in(monkeypatch, BUSY, BUSY, IN)
    assert (found.state, len(tried)) == ("yes", 3)


def test_a_login_that_was_refused_is_never_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found, tried = logged_in(monkeypatch, BUSY, REFUSED, IN)
    assert (found.state, len(tried)) == ("no", 2)
    assert "invalid_grant" in found.words
