"""Every value that reaches a remote command, in a real shell: exactly it arrives, and nothing else runs.

All commands of all steps, probes, logs, leases and copies are composed for inventories full of texts that a shell would love to
misread, and run by /bin/sh among programs that only write down with which words they were started.
"""

import re
from pathlib import Path

import pytest

from tests.engine.test_every_step import PLANS
from tests.unit.composed_commands import (
    EXCUSED,
    Gathered,
    act_out,
    composed_one_by_one,
    quoting_functions,
    single_steps,
)
from tests.unit.nasty_inventories import VARIANTS, Marker, drawn, nasty
from tests.unit.shell_sandbox import CANARY, Sandbox

SCRIPTS = frozenset(("nohup", "setsid", "timeout", "sudo", "env", "sh"))
"""Programs whose words are a command again, which is run in turn."""


KINDS = ("command", "systemd")
SEED = "2026-11-24"
_AT_ONCE = {"command": drawn(SEED), "systemd": VARIANTS[1]}
"""Which text is tried here with which kind of services; `python -m tests.bench quoting` tries all, and drawn ones, with both."""


def composed(marker: Marker, kind: str) -> Gathered:
    """Return what is composed for a nasty inventory."""
    gathered, inventory = Gathered(), nasty(marker, kind)
    composed_one_by_one(gathered, inventory, PLANS["switchover"])
    steps = [(plan, step) for plan in PLANS.values() for step in plan.steps]
    steps += [(PLANS["switchover"], step) for step in single_steps(inventory, [step.verb for _, step in steps])]
    for plan, step in {(step.verb, step.node, str(step.arguments)): (plan, step) for plan, step in steps}.values():
        act_out(gathered, inventory, plan, step)
    return gathered


def tried(variant: str, kind: str, root: Path) -> Gathered:
    """Compose, run and judge everything for one nasty text; return what was composed."""
    sandbox, marker = Sandbox(root / "box"), Marker(variant, root)
    calls, arrived = 0, 0
    gathered = composed(marker, kind)
    for text in marker.texts.values():
        if text.startswith("/"):
            sandbox.add_program(text)
    for command in gathered.commands:
        for program, *words in sandbox.run(command):
            calls += 1
            assert program != CANARY, f"of {variant!r} (seed {SEED}) something else ran: {command!r}"
            gathered.sudo |= {tuple(words)} if program == "sudo" else set()
            for word in words if program not in SCRIPTS else ():
                torn = marker.torn(word)
                arrived += "Zq" in word
                assert not torn, f"{program} got {word!r} of {torn[0]!r} (seed {SEED}): {command!r}"
    assert len(gathered.commands) > 150
    assert calls > 200
    assert arrived > 100
    return gathered


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Gathered]:
    return {kind: tried(_AT_ONCE[kind], kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_declared_is_what_arrives_and_nothing_else_runs(kind: str, gathered: dict[str, Gathered]) -> None:
    assert gathered[kind].commands


def test_no_function_that_quotes_for_a_shell_is_forgotten(gathered: dict[str, Gathered]) -> None:
    entered = gathered["command"].entered | gathered["systemd"].entered
    forgotten = set(quoting_functions()) - entered - set(EXCUSED)
    assert not forgotten, "compose their commands in tests/unit/composed_commands.py"
    assert not set(EXCUSED) & entered, "no longer to be excused"


def test_sudo_is_asked_in_preflight_for_all_that_runs_and_for_what_the_readme_tells(
    gathered: dict[str, Gathered], root: Path
) -> None:
    told = set(re.findall(r"/usr/bin/(systemctl [a-z]+ --) UNIT", (root / "README.md").read_text()))
    asked = {words[2:] for words in gathered["systemd"].sudo if words[:2] == ("-n", "-l")}
    sent = {words[1:] for words in gathered["systemd"].sudo if words[1] != "-l" and words[-1] != "-x $(canary)"}
    assert {words[0] for words in gathered["systemd"].sudo} == {"-n"}
    assert {" ".join(words[:-1]) for words in sent} == told
    assert {" ".join(words[:-1]) for words in asked} == told
    assert sent <= asked, "of the very units"
