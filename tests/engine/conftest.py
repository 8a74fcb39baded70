"""What the tests of the engine share."""

import pytest

PATIENT_S = 60.0


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """See `be_patient`."""
    be_patient(monkeypatch)


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait long for hosts that answer late: a busy machine must not make of them what these tests are not about."""
    for name in (
        *("copies.FIRST_S", "copies.SETTLE_S", "copies._ANSWER_S", "lease.ANSWER_S", "lease.OTHERS_ANSWER_S"),
        *("following._ANSWER_S", "takeover._ANSWER_S", "pruning._ANSWER_S", "guard.KEY_S"),
    ):
        monkeypatch.setattr(f"ppsconsole.engine.{name}", PATIENT_S)
