"""Plan and journal, copied beside the lease while the run goes on, so that another console on another machine can take over."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ppsconsole.cluster.told import told_json
from ppsconsole.drivers.base import Shell
from ppsconsole.engine.lease import LOST, Lease
from ppsconsole.engine.lease_script import CANNOT_WRITE, NOT_OURS, ours, run_folder, sh
from ppsconsole.engine.recorder import WORDS_LIMIT
from ppsconsole.errors import DriverError
from ppsconsole.inventory.model import Host
from ppsconsole.masking import plain
from ppsconsole.plan.event import RunEvent
from ppsconsole.plan.plan import Plan

SETTLE_S = 3.0
"""How long an act waits for the copies; a host that hangs must not hold up a failover."""

_ANSWER_S = 8.0

FIRST_S = 20.0
"""How long the first act of a console waits, in seconds: then its run, and that it has that now, are known to another one."""

KEEPS_NO_COPY = " keeps no copy of the journal: "
"""Between a host and what failed there, in the words of an issue."""

GATHER_S = 1.0
"""How long lines for the other hosts are gathered before they are sent."""

REQUIRED_GATHER_S = 0.15
"""How long those for the required hosts are, when nobody waits for them: while nobody can write, nothing is sent but what
acts. That an act was begun stands on its host before it acts (`guard`), whatever its copy has."""


@dataclass(slots=True)
class _Copy:
    """What one host still lacks.

    Attributes:
        sent: How many lines it has.
        settled: Set while it lacks nothing, and after a try that failed.
        moved: Set when something was sent, or its sending has stopped.
        wanted: Set when somebody waits for it: nothing is gathered any more.
    """

    host: Host
    sent: int = 0
    has_plan: bool = False
    is_failing: bool = False
    is_late: bool = False
    is_required: bool = False
    task: "asyncio.Task[None] | None" = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: asyncio.Event = field(default_factory=asyncio.Event)


class Copies:
    """Sends plan and events of a run to every host where its lease is held.

    A host that fails is an issue and not a stop: it is tried again with each further event, and once it has all, it is none.
    """

    def __init__(
        self,
        plan: Plan,
        lease: Lease,
        shell: Shell,
        on_issue: Callable[[str], None],
        events: Iterable[RunEvent] = (),
        on_kept: Callable[[str], None] = lambda host: None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            plan: Of the run.
            lease: Held by the run; its hosts get copies.
            shell: Sends them.
            on_issue: Called once for each host that fails.
            events: What the journal has already; hosts may have some of it, and get all of it.
            on_kept: Called with the name of a host that has a copy for the first time, or again after it failed.
        """
        self._lease, self._shell, self._on_issue, self._on_kept = lease, shell, on_issue, on_kept
        self._plan = json.dumps(plan.as_json()) + "\n"
        self._lines = [_line(event) for event in events]
        self._copies: dict[str, _Copy] = {}
        self._is_closed = False
        self._before: int | None = None

    def add(self, event: RunEvent) -> None:
        """Send `event`, which is durable here, soon."""
        self._lines.append(_line(event))
        self._send()

    async def settle(self, *, is_whole: bool = False) -> None:
        """Wait until the required hosts have what was there at the last settling, or fail, or `SETTLE_S` have passed.

        An act does not wait for the news of itself: each host notes by itself which steps were begun on it, before it acts, and
        whoever goes on from a copy looks at what was begun first. Only the first act waits for all that is there, up to
        `FIRST_S`: a journal elsewhere that ends before this console took over must not pass for the whole. A host that was late
        is not waited for again before it has caught up.

        Args:
            is_whole: Wait as the first act does, whoever was late.
        """
        self._send()
        now, is_whole = len(self._lines), is_whole or self._before is None
        upto = now if is_whole else self._before or 0
        self._before = now
        copies = [copy for copy in self._copies.values() if copy.is_required and (is_whole or not copy.is_late)]
        await self._wait(copies, upto, FIRST_S if is_whole else SETTLE_S)

    async def flush(self) -> None:
        """Send what is left to all hosts now, and wait as long as for a settling."""
        self._send()
        await self._wait(list(self._copies.values()), len(self._lines), SETTLE_S)

    async def aclose(self) -> None:
        """Send what is left to all hosts, for as long as a settling may take, and stop."""
        await self.flush()
        self._is_closed = True
        tasks = [copy.task for copy in self._copies.values() if copy.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, copies: list[_Copy], upto: int, limit_s: float) -> None:
        behind = [copy for copy in copies if not copy.settled.is_set() and not (copy.has_plan and copy.sent >= upto)]
        waits = {asyncio.ensure_future(_reached(copy, upto)): copy for copy in behind}
        if not waits:
            return
        for copy in behind:
            copy.wanted.set()
        _, late = await asyncio.wait(waits, timeout=limit_s)
        for each in late:
            waits[each].is_late = True
            each.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _send(self) -> None:
        for host in self._lease.hosts:
            copy = self._copies.get(host.name)
            if copy is None:
                copy = self._copies[host.name] = _Copy(host, is_required=host.name in self._lease.claim.required)
            if copy.has_plan and copy.sent == len(self._lines):
                copy.settled.set()
                continue
            copy.settled.clear()
            if (copy.task is None or copy.task.done()) and not self._is_closed:
                copy.task = asyncio.ensure_future(self._bring(copy))

    async def _bring(self, copy: _Copy) -> None:
        """Send one host all that it lacks; gives up at the first failure."""
        while not copy.has_plan or copy.sent < len(self._lines):
            if copy.has_plan:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(copy.wanted.wait(), REQUIRED_GATHER_S if copy.is_required else GATHER_S)
                copy.wanted.clear()
            upto = len(self._lines)
            failure = await self._sent(copy, self._lines[copy.sent : upto])
            if failure:
                if not copy.is_failing:
                    self._on_issue(f"{copy.host.name}{KEEPS_NO_COPY}{failure}")
                copy.is_failing = True
                break
            is_news = copy.is_failing or not copy.has_plan
            copy.has_plan, copy.sent, copy.is_failing = True, upto, False
            if is_news:
                self._on_kept(copy.host.name)
            copy.moved.set()
        copy.is_late = False
        copy.settled.set()
        copy.moved.set()

    async def _sent(self, copy: _Copy, lines: list[str]) -> str:
        """Send the plan, where it is missing, and some lines; return why that failed, or nothing."""
        script = _append_script(self._lease, not copy.has_plan)
        # An earlier try may have left half a line: a line break of our own comes before the first.
        text = (self._plan if not copy.has_plan else "") + "\n" + "".join(lines)
        try:
            result = await self._shell.run(copy.host, script, stdin=text, timeout_s=_ANSWER_S)
        except DriverError as error:
            return plain(error.what)
        if result.exit_status == NOT_OURS:
            await self._lease.lost_on(copy.host.name)
            return LOST
        return "" if result.exit_status == 0 else plain(result.stderr, 160) or f"exit {result.exit_status}"


async def _reached(copy: _Copy, upto: int) -> None:
    """Wait until the host has `upto` lines, or its sending has stopped."""
    while not copy.settled.is_set() and not (copy.has_plan and copy.sent >= upto):
        copy.moved.clear()
        await copy.moved.wait()


def _append_script(lease: Lease, has_plan: bool) -> str:
    plan = 'IFS= read -r p && printf "%s\\n" "$p" >"$r/plan.new" && mv "$r/plan.new" "$r/plan.json" || exit "$x"\n'
    return sh(
        f"d={lease.folder}; x={CANNOT_WRITE}\numask 077\n"
        f"{ours(lease.line)} || exit {NOT_OURS}\n"
        f"{run_folder(lease.claim.run)}"
        f'{plan if has_plan else ""}cat >>"$r/events.jsonl" || exit "$x"\n'
    )


def _line(event: RunEvent) -> str:
    return json.dumps(event.as_json(), default=str) + "\n"


@dataclass(frozen=True, slots=True)
class CopiedRun:
    """A run as a host has it.

    Attributes:
        events: Without a gap from the first; what came behind a gap or half a line is left out.
    """

    host: str
    run: str
    plan: Plan
    events: tuple[RunEvent, ...]


Begun = Mapping[str, Mapping[str, Any]]
"""Steps of a run of which an act was begun, by id: what was there before, as far as that was noted."""


async def fetch_runs(shell: Shell, host: Host, folder: str) -> tuple[tuple[CopiedRun, ...], dict[str, Begun]]:
    """Return the runs of a cluster that `host` has copies of, and by run what was begun on it, whether it has a copy or not.

    Copies that cannot be read are left out. That something is begun is noted on the host itself: a copy comes later.

    Args:
        shell: Reaches the host.
        host: Whom to ask.
        folder: As `lease_script.folder_of` returns it.

    Raises:
        DriverError: The host could not be asked.
    """
    script = sh(
        f"d={folder}\n"
        'for p in "$d"/runs/*; do\n'
        '  [ -f "$p/plan.json" ] || [ -f "$p/begun" ] || continue\n'
        f'  echo "{_MARK} ${{p##*/}}"; cat "$p/plan.json" 2>/dev/null; echo; cat "$p/events.jsonl" 2>/dev/null; echo\n'
        '  sed "s/^/begun /" "$p/begun" 2>/dev/null\n'
        "done\nexit 0\n"
    )
    result = await shell.run(host, script, timeout_s=_ANSWER_S * 2, limit_bytes=32 << 20)
    found: list[CopiedRun] = []
    begun: dict[str, Begun] = {}
    for block in f"\n{result.stdout}".split(f"\n{_MARK} ")[1:]:
        head, _, body = block.partition("\n")
        name = head.strip()
        begun[name] = _begun_in(body)
        if (run := _copied(host.name, name, body)) is not None:
            found.append(run)
    return tuple(found), begun


_MARK = "@@ppsconsole-copy"


def _copied(host: str, name: str, body: str) -> CopiedRun | None:
    head, _, rest = body.partition("\n")
    try:
        plan = Plan.from_json(told_json(head))
    except (ValueError, KeyError, TypeError):
        return None
    by_number = events_in(rest, name)
    events: list[RunEvent] = []
    while len(events) + 1 in by_number:
        events.append(by_number[len(events) + 1])
    return CopiedRun(host, name, plan, tuple(events)) if events else None


def _begun_in(text: str) -> Begun:
    """Return the steps that a host noted as begun, with what the first note of each says was there before."""
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        if not line.startswith("begun "):
            continue
        head, _, told = line.removeprefix("begun ").partition(" ")
        try:
            values = told_json(told) if told else {}
        except ValueError:
            values = {}  # half a line: that it was begun counts all the same
        step = head.partition("/")[0]
        if not found.get(step):
            found[step] = values if isinstance(values, dict) else {}
    return found


def events_in(text: str, run: str) -> dict[int, RunEvent]:
    """Return the events of `run` in the lines of a copy, by number; what is none, such as half a line, is left out."""
    by_number: dict[int, RunEvent] = {}
    for line in text.splitlines():
        event = _event_in(line)
        if event is not None and event.run == run:
            by_number[event.number] = event
    return by_number


def _event_in(line: str) -> RunEvent | None:
    try:
        event = RunEvent.from_json(told_json(line))
    except (ValueError, KeyError, TypeError):
        return None  # half a line, which was sent again, or the end of what came over
    return replace(event, words=plain(event.words, WORDS_LIMIT))
