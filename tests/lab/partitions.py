"""Parted networks in the middle of runs, by the lab's relay: which line, from which step on, healed after how long.

    python -m tests.lab.partitions [RUNBOOK] [--cut NAME]... [--step ID]... [--heal SECONDS]... [--notes FILE] [--dir DIR]
        [--keep]

For each row the console stands still at the record with which a step begins; the line is cut, the console goes on, and the line
is healed later. A run that was left open by that is resumed, or backed out of, once all is well. Users are at work, somebody
looks at both databases all the time. Prints one line for each row: how consoles ended, how many writes were acknowledged and
how many are lost; for what is not right the command that repeats it. Ends with 1 where one was not right. All rows take an hour
or two: with --notes those that were right are noted in a file, and left out when it is called again.

In a `switchover` no write may be lost and each run has to end as a success or rolled back; where the old primary was left behind,
that is told, and it is rejoined by the way that status names. In a `failover` the site's primary is cut off, and comes back in
the middle of the run while nobody has stopped it: no such run may be a success in silence. What is lost has to lie in the window
that was announced, and it ends with one primary: backed out of, or the old one fenced and rejoined, as the console says.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ppsconsole.engine.state import state_of
from ppsconsole.plan.outcomes import EXIT_BLOCKED, RunVerdict
from tests.lab.conftest import Lab, wait_for
from tests.lab.kill_everywhere import shortened, users
from tests.lab.kill_notes import Notes
from tests.lab.kill_nursery import Nursery
from tests.lab.kill_scene import LIMIT_S, SIDE, KillScene, Story
from tests.lab.kill_witness import Witness
from tests.lab.test_asleep import asleep

Fault = tuple[str, ...]

CUTS: dict[str, Callable[[str, str], Fault]] = {
    "sites": lambda old, new: ("disconnect", old, "--link", "site"),
    "bastion": lambda old, new: ("kill", f"bastion-{'ab'[int(old[-1]) - 1]}"),
    "primary": lambda old, new: ("disconnect", old, "--link", "console"),
    "standby": lambda old, new: ("disconnect", new, "--link", "console"),
    "answers": lambda old, new: ("disconnect", old, "--link", "console", "--lost", "from"),
    "commands": lambda old, new: ("disconnect", old, "--link", "console", "--lost", "to"),
    "slow": lambda old, new: ("slow", old, "--link", "console", "--delay", "1500", "--loss", "20"),
}
"""What is cut, by old and new primary. `answers`: what the host sends is lost; `commands`: what is sent to it."""

STEPS = ("drain-lb1", "stop-primary", "promote", "follow")
"""The steps at which a cut begins; `follow` stands for the last one of the plan."""

HEALS_S = (2.0, 20.0)
COMES_BACK = ("fence", "promote")
"""The steps of a failover at whose begin the lost primary comes back; `fence` stands for the first one of the plan."""

_ENDED = (RunVerdict.SUCCESS.exit_code, RunVerdict.SUCCESS_WITH_ISSUES.exit_code, RunVerdict.ROLLED_BACK.exit_code)
_GATES = ("--accept-loss", "unlimited", "--attest", "the lab says that its network is cut")
_TRIES = 4


@dataclass(frozen=True)
class Row:
    """One partition.

    Attributes:
        cut: One of `CUTS`; for a failover `primary-back`.
        step: Of the plan, at whose begin it is cut, or at which the primary comes back.
        heal_s: How long after that it is healed, in seconds.
    """

    runbook: str
    cut: str
    step: str
    heal_s: float

    @property
    def name(self) -> str:
        """How it is called in what is printed and noted."""
        return f"{self.runbook:10}  {self.cut:12}  from {self.step:12}  healed after {self.heal_s:2.0f} s"

    @property
    def repeat(self) -> str:
        """The command that plays exactly this again."""
        words = f"python -m tests.lab.partitions {self.runbook} --step {self.step}"
        return words + (f" --cut {self.cut} --heal {self.heal_s:g}" if self.runbook == "switchover" else "")


def rows() -> list[Row]:
    """Return the whole matrix."""
    parted = [Row("switchover", cut, step, heal_s) for cut in CUTS for step in STEPS for heal_s in HEALS_S]
    return parted + [Row("failover", "primary-back", step, 0.0) for step in COMES_BACK]


@dataclass
class Trial:
    """Plays rows on a lab, one after the other."""

    scene: KillScene

    def play(self, row: Row) -> str:
        """Play one row, and return how it ended in one line.

        Raises:
            AssertionError: It was not right; the text says what.
        """
        with Witness(self.scene.superuser) as witness, users(self.scene) as verification:
            ends, said = self._switched_over(row) if row.runbook == "switchover" else self._failed_over(row)
        assert not witness.seen, witness.seen
        lost = len(verification["lost"])
        assert ends[-1] in _ENDED, said
        if row.runbook == "switchover" or ends[-1] == RunVerdict.ROLLED_BACK.exit_code:
            assert lost == 0, f"{lost} writes are lost"
            self.scene.aim()
        else:
            assert [name for name in SIDE if self.scene.is_primary(name)] == ["db2"], said
            self.scene.check_lost(verification["lost"])
        return f"consoles ended with {ends}, {verification['checked']} writes acknowledged, {lost} lost"

    def _switched_over(self, row: Row) -> tuple[list[int], str]:
        old, new = self.scene.aim()
        lab, fault = self.scene.lab, CUTS[row.cut](old, new)
        with self._stopped_at(row.step, "switchover", "--to", new) as console:
            lab.fault(*fault)
            try:
                console.send_signal(signal.SIGCONT)
                with suppress(subprocess.TimeoutExpired):
                    console.wait(row.heal_s)
            finally:
                self._mended(fault[1])
            said = "".join(console.communicate(timeout=LIMIT_S))
        ends, said = self._gone_on([int(console.returncode)], said)
        if ends[-1] == RunVerdict.SUCCESS_WITH_ISSUES.exit_code and self._phase("follow") != "done":
            self._rejoined(old, said)
        return ends, said

    def _phase(self, step: str) -> str:
        """Return how a step of the latest run stands."""
        record = self.scene.latest("here")
        assert record is not None
        return next(each.phase for each in state_of(record.plan, self.scene.events("here", record.id)).steps if each.id == step)

    def _rejoined(self, old: str, said: str) -> None:
        """Let the old primary follow where the run was left without: that was told, and status names the way."""
        assert f"{old} follow" in said, said
        looks: list[str] = []

        def is_advised() -> bool:
            looks.append(self.scene.console("here", "status").stdout)
            return f"ppsconsole run rejoin {old}" in looks[-1]

        try:
            wait_for(is_advised, f"status names the way back of {old}", LIMIT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {looks[-1]}") from error
        self.scene.ran("rejoin", old)

    @contextmanager
    def _stopped_at(self, wanted: str, *words: str, answers: tuple[str, ...] = ()) -> Iterator["subprocess.Popen[str]"]:
        """A console that stands still at the begin of a step; begun again where a busy machine left its looks unanswered."""
        limit, known = time.monotonic() + LIMIT_S, self.scene.latest("here")
        while True:
            plan = self.scene.planned(*words)
            ids = [step["id"] for step in plan["steps"]]
            step = wanted if wanted in ids else ids[0 if wanted == "fence" else -1]
            with ExitStack() as begun:
                try:
                    line = ("run", *words, "--approve", plan["hash"], *answers)
                    console = begun.enter_context(asleep(self.scene, f"step-started {step}", *line))
                except AssertionError:
                    found = self.scene.latest("here")  # a plan that was rolled back before has the same hash
                    if time.monotonic() > limit or (found and found.id) != (known and known.id):
                        raise
                    continue
                yield console
                return

    def _gone_on(self, ends: list[int], said: str, answers: tuple[str, ...] = ()) -> tuple[list[int], str]:
        """Take a run that is open up again, now that all is well."""
        for _ in range(_TRIES):
            record = self.scene.latest("here")
            if ends[-1] in _ENDED or record is None:
                break
            done = self.scene.console("here", "runs", "resume", record.id, "--approve", record.plan.hash, *answers)
            if done.returncode == EXIT_BLOCKED or "Back out" in done.stdout + done.stderr:
                done = self.scene.console("here", "runs", "back-out", record.id)
            ends.append(done.returncode)
            said = done.stdout + done.stderr
        return ends, said

    def _failed_over(self, row: Row) -> tuple[list[int], str]:
        lab = self.scene.lab
        old, new = self.scene.aim()
        assert old == "db1"
        self.scene.console("here", "status")  # what was seen just before bounds the loss
        lab.fault("disconnect", old)
        cut_at = time.time()
        with self._stopped_at(row.step, "failover", "--to", new, answers=_GATES) as console:
            self._mended(old)
            console.send_signal(signal.SIGCONT)
            said = "".join(console.communicate(timeout=LIMIT_S))
        self._announced(cut_at)
        assert console.returncode not in (0, 8), f"a second primary, and it ended with {console.returncode}: {said}"
        assert old in said, said
        ends = [int(console.returncode)]
        if json.loads(self.scene.console("here", "runs", "list", "--json").stdout)[0]["is_open"]:
            return self._gone_on(ends, said, _GATES)
        # It came back when all had been looked at, with nobody who writes to it: two servers, and users on one of them.
        assert f"ppsconsole run fence {old}" in said, said
        for way in ("fence", "rejoin"):
            self.scene.ran(way, old)
        return [*ends, 0], said

    def _mended(self, node: str) -> None:
        """Mend the lines of a node; in the middle of a run it need not be well by that, or was stopped and is to stay so."""
        healed = self.scene.lab.command("heal", node, "--dir", str(self.scene.lab.folder))
        assert f"{node}: " in healed.stderr, healed.stdout + healed.stderr
        assert " undone" in healed.stderr, healed.stdout + healed.stderr

    def _announced(self, dead_by: float) -> None:
        """Note what the latest run announced to be lost, of what was acknowledged before a time in seconds since 1970 UTC."""
        record = self.scene.latest("here")
        assert record is not None
        window_s = record.plan.loss.window_s
        lost_from = None if window_s is None else record.plan.made_at - window_s
        self.scene.stories.append(Story("failover", record.id, lost_from=lost_from, dead_by=dead_by))


@contextmanager
def stage(folder: Path, nursery: Nursery) -> Iterator[Trial]:
    """A lab of its own, and consoles beside it."""
    lab = Lab(folder / "lab", {"XDG_STATE_HOME": str(folder / "lab-state")})
    scene = KillScene(lab, folder / "consoles", nursery)
    scene.folder.mkdir()
    started = lab.up()
    try:
        assert started.returncode == 0, started.stderr
        yield Trial(scene)
    finally:
        lab.down()


def run(argv: Sequence[str]) -> int:
    """Play the rows that were asked for; return 0 when all of them were right."""
    chosen = _chosen(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it wants its lab to go, too
    wrong = 0
    notes = Notes(chosen.notes, {})
    left = [row for row in rows() if _is_wanted(row, chosen)]
    for noted in [row for row in left if row.name in notes.rows]:
        left.remove(noted)
        print(f"{noted.name}  right: {notes.rows[noted.name]['words']}; noted before")
    with Nursery() as nursery:
        while left:
            wrong += _on_one_lab(left, nursery, notes, chosen)
    print(f"{wrong} not right")
    return 1 if wrong else 0


def _on_one_lab(left: list[Row], nursery: Nursery, notes: Notes, chosen: argparse.Namespace) -> int:
    """Play rows, and take them out, as long as each leaves the lab to the next as that begins; return how many were not right."""
    folder = Path(tempfile.mkdtemp(prefix="ppsconsole-partitions-", dir=chosen.dir))
    folder.chmod(0o755)
    wrong = 0
    with stage(folder, nursery) as trial:
        is_usable = True
        while left and is_usable:
            row = left.pop(0)
            began = time.monotonic()
            is_usable = row.runbook == "switchover"
            try:
                words = f"{trial.play(row)}; {time.monotonic() - began:.0f} s"
            except Exception as error:  # a scene that cannot be brought about is not right either
                wrong, is_usable = 1, False
                if chosen.keep:
                    print(error, file=sys.stderr)
                said = shortened(f"{type(error).__name__}: {error}")
                print(f"{row.name}  NOT RIGHT: {said}\n  again: {row.repeat}", flush=True)
                continue
            print(f"{row.name}  right: {words}", flush=True)
            notes.end({"runbook": row.name, "words": words})
    if not chosen.keep:
        shutil.rmtree(folder)
    return wrong


def _is_wanted(row: Row, chosen: argparse.Namespace) -> bool:
    return (
        chosen.runbook in (None, row.runbook)
        and (not chosen.cut or row.cut in chosen.cut)
        and (not chosen.step or row.step in chosen.step)
        and (not chosen.heal or row.heal_s in chosen.heal)
    )


def _chosen(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab.partitions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runbook", nargs="?", choices=("switchover", "failover"))
    parser.add_argument("--cut", action="append", choices=(*CUTS, "primary-back"))
    parser.add_argument("--step", action="append", choices=tuple(dict.fromkeys((*STEPS, *COMES_BACK))))
    parser.add_argument("--heal", action="append", type=float, metavar="SECONDS", help=f"of {', '.join(map(str, HEALS_S))}")
    parser.add_argument("--notes", type=Path, metavar="FILE", help="note there what was right, and leave out what is")
    parser.add_argument("--dir", help="where lab and journals lie meanwhile")
    parser.add_argument("--keep", action="store_true", help="leave the journals of the consoles")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
