"""What a host says of itself and of the services on it: one SSH command for all that is due.

The command is a list of parts, each between two marker lines, so that one round trip serves many questions and a part that
fails takes nothing else along.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from ppsconsole.clock import Clock
from ppsconsole.cluster.facts import Fact, host_subject
from ppsconsole.drivers.base import CommandResult, Shell
from ppsconsole.errors import DriverError, SecretError
from ppsconsole.inventory.model import Host, Inventory
from ppsconsole.masking import plain
from ppsconsole.probes.base import FAILURES, Stamp, stamp, word_for, words_of

_MARK = "@@ppsconsole"


@dataclass(frozen=True, slots=True)
class Part:
    """One question to a host.

    Attributes:
        key: Names the part in the command's output; letters, digits, dots and dashes.
        subject: Whom the facts are about.
        names: The facts that this part answers for.
        command: Shell text.
        every_s: How often it is asked.
        parse: Its output to values by fact name; raises ValueError when it makes no sense.
    """

    key: str
    subject: str
    names: tuple[str, ...]
    command: str
    every_s: float
    parse: Callable[[CommandResult], dict[str, object]]


class HostProbe:
    """Looks at one host over SSH.

    Args:
        inventory: Gives limits of time and freshness.
        host: Whom to ask.
        shell: How.
        clock: Time.
        parts: What to ask beside whether a login works.
        fingerprint: Returns the key that the host proved, by the host's name; None before the first login.
    """

    def __init__(
        self,
        inventory: Inventory,
        host: Host,
        shell: Shell,
        clock: Clock,
        parts: tuple[Part, ...],
        fingerprint: Callable[[str], str | None],
    ) -> None:
        self._polling = inventory.polling
        self._host = host
        self._shell = shell
        self._clock = clock
        self._parts = (*system_parts(host, inventory.polling.slow_every_s, data_directories(inventory, host)), *parts)
        self._asked: dict[str, float] = {}
        self._fingerprint = fingerprint

    @property
    def target(self) -> str:
        """The host's name."""
        return self._host.name

    @property
    def every_s(self) -> float:
        """The shortest interval of its parts; a login is tried that often."""
        return min([self._polling.every_s * 2, *(part.every_s for part in self._parts)])

    async def read(self) -> tuple[Fact, ...]:
        """Ask what is due; on a failed login everything that this host answers for becomes unknown."""
        started = self._clock.monotonic()
        due = [part for part in self._parts if started - self._asked.get(part.key, -1e9) >= part.every_s * 0.9]
        try:
            result = await self._shell.run(
                self._host, compose_command(due), timeout_s=self._polling.timeout_s, limit_bytes=1 << 20
            )
        except FAILURES as error:
            self._asked.clear()  # ask everything again at the next look that gets through
            return self._lost(error)
        # Connecting is not part of the command's own duration; `date` is the first thing that it runs.
        sent_at = self._clock.now() - result.duration_s
        for part in due:
            self._asked[part.key] = started
        outputs = split_output(result)
        facts = [self._login("ssh", "ok"), self._login("host_key", self._fingerprint(self._host.name))]
        for part in due:
            facts += self._facts(part, outputs.get(part.key), sent_at)
        return tuple(facts)

    def _stamp(self, subject: str, every_s: float) -> Stamp:
        polling = self._polling
        return stamp(self._clock, subject, f"{self._host.name} over SSH", every_s, polling.fresh_for, polling.timeout_s)

    def _login(self, name: str, value: str | None, detail: str = "") -> Fact:
        return self._stamp(host_subject(self._host.name), self.every_s).fact(name, value, detail)

    def _lost(self, error: DriverError | SecretError) -> tuple[Fact, ...]:
        words = words_of(error)
        facts = [self._login("ssh", word_for(error), words), self._login("host_key", None, words)]
        for part in self._parts:
            facts += self._stamp(part.subject, part.every_s).unknown(part.names, words)
        return tuple(facts)

    def _facts(self, part: Part, output: CommandResult | None, sent_at: float) -> tuple[Fact, ...]:
        made = self._stamp(part.subject, part.every_s)
        if output is None:
            return made.unknown(part.names, "the host did not answer this part")
        try:
            values = part.parse(output)
        except (ValueError, IndexError) as error:
            said = plain(output.stderr or output.stdout or str(error), 160)
            return made.unknown(part.names, f"exit {output.exit_status}: {said}")
        remark = plain(str(values.pop("detail", "")), 200)
        if "clock_at" in values:
            # The way there and the start of a shell lie in between, some tens of milliseconds: a bound, not a measurement.
            values["clock_skew_s"] = round(float(str(values.pop("clock_at"))) - sent_at, 3)
        told = {name for name in part.names if values.get(name) is None} | {part.names[0]}
        return tuple(made.fact(name, values.get(name), remark if name in told else "") for name in part.names)


def compose_command(parts: list[Part]) -> str:
    """Return the shell text that runs all parts, each between marker lines with its exit status."""
    # The first line does nothing: it tells people who read the list of commands what is asked.
    lines = [f": ppsconsole asks for {' '.join(shlex.quote(part.key) for part in parts) or 'nothing but a login'}"]
    lines.append("PATH=$PATH:/usr/sbin:/sbin")
    for part in parts:
        lines.append(f"printf '{_MARK} %s\\n' {shlex.quote(part.key)}")
        lines.append(f"( {part.command}\n)")
        lines.append(f"printf '\\n{_MARK}-end %s\\n' $?")
    return "\n".join(lines)


def split_output(result: CommandResult) -> dict[str, CommandResult]:
    """Return the result of each part by its key; a part without its end marker was cut off and is left out."""
    found: dict[str, CommandResult] = {}
    key = ""
    body: list[str] = []
    for line in result.stdout.split("\n"):
        if line.startswith(f"{_MARK}-end "):
            status = line.rpartition(" ")[2]
            if key and status.isdigit():
                # What went to standard error is one stream for all parts: it serves as a remark, never as an answer.
                found[key] = CommandResult(int(status), "\n".join(body).strip("\n"), result.stderr, result.duration_s)
            key = ""
        elif line.startswith(f"{_MARK} "):
            key, body = line.partition(" ")[2].strip(), []
        elif key:
            body.append(line)
    return found


def data_directories(inventory: Inventory, host: Host) -> tuple[str, ...]:
    """Return where the databases of `host` lie: often on file systems of their own, which nobody thought of declaring."""
    found = (each for each in inventory.database.instances.values() if each.host == host.name)
    return tuple(each.data_directory for each in found if each.data_directory is not None)


def system_parts(host: Host, every_s: float, data: tuple[str, ...] = ()) -> tuple[Part, ...]:
    """Return the questions about the machine itself, and about the file systems of `data`; Windows hosts are not asked yet."""
    if host.platform != "linux":
        return ()
    subject = host_subject(host.name)
    disks = " ".join(shlex.quote(path) for path in host.disks)
    names = ("hostname", "boot_id", "clock_skew_s", "disk_percent", "disk_free_bytes")
    # How that of the data ends does not count: the login may not be let in there, and what was declared decides what is known.
    own = f"df -Pk {' '.join(shlex.quote(path) for path in data)} 2>/dev/null; " if data else ""
    command = f"date +%s.%N; uname -n; cat /proc/sys/kernel/random/boot_id; {own}df -Pk {disks}"
    return (Part("system", subject, names, command, every_s, parse_system),)


def parse_system(result: CommandResult) -> dict[str, object]:
    """Return clock_at (seconds since 1970), hostname, boot_id, disk_percent and disk_free_bytes of the fullest file system.

    Raises:
        ValueError: The output is not what `date`, `uname` and `df -P` print.
    """
    lines = result.stdout.splitlines()
    if len(lines) < 3:
        raise ValueError("too few lines")
    fullest: tuple[float, int] | None = None
    for line in lines[3:]:
        cells = line.split()
        if len(cells) >= 6 and cells[-2].endswith("%"):
            percent, free = float(cells[-2][:-1]), int(cells[-3]) * 1024
            if fullest is None or percent > fullest[0]:
                fullest = (percent, free)
    return {
        "clock_at": float(lines[0]),
        "hostname": plain(lines[1], 80),
        "boot_id": plain(lines[2], 40),
        # A path that is not there must not be hidden by the others: then the disk is unknown, and df's own words say why.
        "disk_percent": fullest[0] if fullest is not None and result.exit_status == 0 else None,
        "disk_free_bytes": fullest[1] if fullest is not None and result.exit_status == 0 else None,
        "detail": plain(result.stderr) if result.exit_status else "",
    }
