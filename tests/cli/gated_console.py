"""`ppsconsole` on the hosts of `tests.cli.served_hosts`, with a step that waits until somebody has seen it at work.

python -m tests.cli.gated_console FOLDER GATE WORD...

It is the command line with these words. GATE is `act` or `undo` and a step: there it makes the file `GATE.met`, and goes on when
`GATE.go` is there and the run is to be held. Its exit code is written to `GATE.left`: a terminal that is gone tells nobody.
"""

import os
import pickle
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.cli import main
from ppsconsole.cli.options import Options
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.engine.desk import Desk
from ppsconsole.engine.session import Surroundings
from ppsconsole.plan.plan import Plan
from ppsconsole.runbooks.request import Request
from tests.cli.served_hosts import INVENTORY
from tests.engine.conftest import be_patient
from tests.engine.hosts import DEADLINE_S, until
from tests.engine.test_session import Touch, hostless, touching_plan
from tests.unit.observations import facts, look


def plan_now() -> Plan:
    """Return the plan that is run; made just now, so that nobody makes it again."""
    plan = hostless(touching_plan())
    return replace(plan, made_at=time.time(), steps=tuple(replace(each, timeout_s=DEADLINE_S) for each in plan.steps))


class Gated(Touch):
    """Waits before one command is sent, to act or to undo."""

    def __init__(self, folder: Path, gate: str) -> None:
        self.folder, self.gate = folder, gate

    async def act(self, bench, step) -> None:
        await self.pass_gate(f"act {step.id}", bench)
        await super().act(bench, step)

    async def undo(self, bench, step) -> None:
        await self.pass_gate(f"undo {step.id}", bench)
        await super().undo(bench, step)

    async def pass_gate(self, at: str, bench) -> None:
        """Wait at the gate until the signal has come in, and whoever sent it has seen that nothing came of it yet."""
        if at == self.gate:
            (self.folder / f"{at}.met").touch()
            await until(lambda: (self.folder / f"{at}.go").exists() and bench.is_hold_wanted())


class GatedDesk(Desk):
    """A desk with one plan, whose looks at the cluster cost nothing."""

    touch: Gated

    async def look(self) -> Snapshot:
        return look(facts())

    async def plan_to_run(self, request: Request) -> Plan:
        return plan_now()

    async def _surroundings(self) -> Surroundings:
        return replace(await super()._surroundings(), actions={"touch": self.touch})


def console(folder: Path, gate: str, words: list[str]) -> int:
    """Be the command line, and return its exit code."""
    inventory = pickle.loads((folder / INVENTORY).read_bytes())
    GatedDesk.touch = Gated(folder, gate)
    with pytest.MonkeyPatch.context() as patch:
        be_patient(patch)
        patch.setattr(Options, "load_inventory", lambda options: inventory)
        for name in ("run", "runs"):
            patch.setattr(f"ppsconsole.cli.{name}.Desk", GatedDesk)
        code = main.run(words)
    (folder / "code").write_text(str(code))
    (folder / "code").rename(folder / f"{gate}.left")
    return code


if __name__ == "__main__":
    os.environ.pop("SSH_AUTH_SOCK", None)
    where, at, *rest = sys.argv[1:]
    sys.exit(console(Path(where), at, rest))
