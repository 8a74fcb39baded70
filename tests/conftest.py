"""What all tests share: nothing of the user's own configuration, and no skips where they are forbidden."""

import os
from pathlib import Path

import pytest

from ppsconsole import masking

_skipped: list[str] = []


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the configuration, state and inventories of whoever runs them."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    for name in ("PPSCONSOLE_INVENTORY", "NO_COLOR", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    masking.masker._secrets.clear()  # the masker is the process's own: one test's secrets must not mask another's text
    masking.masker._pattern = None


# What works on real clusters takes minutes for a file: begun last, one worker would be at it long after the others have ended.
# As measured, the longest first; none of the others takes half a minute.
_LONGEST = tuple(
    f"test_{name}.py"
    for name in (
        *("steps_broken", "fencing", "property", "rejoin", "kills", "loss_truth", "netns", "restore", "other_standbys"),
        *("run_commands", "status", "every_key", "leaving_everywhere", "console_tmux", "actions", "lab_life", "alternate"),
        *("faults_remedied", "every_step", "fault_stories", "backup", "model_truth"),
    )
)
_LONG = ("lab", "engine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> tuple[int, int]:
        name, package = item.path.name, item.path.parent.name
        return (
            _LONGEST.index(name) if name in _LONGEST else len(_LONGEST),
            _LONG.index(package) if package in _LONG else len(_LONG),
        )

    items.sort(key=rank)  # stable: a file's tests stay together, in their order


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _skipped and os.environ.get("PPSCONSOLE_NO_SKIPS"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped and os.environ.get("PPSCONSOLE_NO_SKIPS"):
        terminalreporter.write_line("skipped although PPSCONSOLE_NO_SKIPS is set: " + ", ".join(_skipped), red=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the top folder of the project."""
    return Path(__file__).resolve().parents[1]
