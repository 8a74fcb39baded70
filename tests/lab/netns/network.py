"""Hosts as namespaces, and the wires between them. Needs root; what it makes lives as long as its owner, and not a moment longer.

Each host is a shell that reads from a pipe: when the test ends, in whatever way, the pipe ends, the shell with it, and since the
shell is the first process of its own process namespace the kernel ends everything else there, and takes the network away.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LIMIT_S = 120.0

_NAMESPACES = ("--net", "--mount", "--uts", "--pid", "--ipc")
_NEEDED = ("ip", "unshare", "nsenter", "bash")

# What a host has for itself. Programs that are put into /usr/bin are seen by this host alone.
_FIRST_PROCESS = """
set -e
mount -t tmpfs -o mode=755 tmpfs /srv
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /srv/overlay/upper /srv/overlay/work
mount -t overlay overlay -o lowerdir=/usr/bin,upperdir=/srv/overlay/upper,workdir=/srv/overlay/work /usr/bin
hostname "$1"
echo ready
read -r _ || exit 0
"""

_ENV = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
_NOBODY_HAS = "02:77:ff:ff:ff:ff"


def lacking(programs: Iterable[str]) -> str:
    """Return why no cluster can be made here, empty where one can."""
    if os.geteuid() != 0:
        return "network namespaces take root"
    missing = [each for each in (*_NEEDED, *programs) if shutil.which(each, path=_ENV["PATH"]) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    try:
        Host("trial").end()
    except AssertionError as error:
        return f"no namespaces here: {error}"
    return ""


@dataclass
class Host:
    """A machine of its own as far as network, mounts, name and processes go; the rest is this machine's.

    Attributes:
        pid: Its first process.
        addresses: By network.
    """

    name: str
    pid: int = 0
    addresses: dict[str, str] = field(default_factory=dict)
    _first: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        line = [
            "unshare",
            *_NAMESPACES,
            "--mount-proc",
            "--fork",
            "--kill-child",
            "bash",
            "-c",
            _FIRST_PROCESS,
            "host",
            self.name,
        ]
        with tempfile.TemporaryFile("w+") as said:
            self._first = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, env=_ENV)
            assert self._first.stdout is not None
            is_ready = self._first.stdout.readline() == "ready\n"
            said.seek(0)
            words = said.read().strip()
        if not is_ready:
            self.end()
        assert is_ready, words
        self.pid = int(Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children").read_text())

    @property
    def root(self) -> Path:
        """Its file system, seen from here."""
        return Path(f"/proc/{self.pid}/root")

    def inside(self, *command: str) -> list[str]:
        """Return the command line that runs `command` on it, as root."""
        return ["nsenter", f"--target={self.pid}", *_NAMESPACES, "--wd=/", *command]

    def over_its_network(self, *command: str) -> list[str]:
        """Return the command line that runs `command` with its network and name, and else as here, in the very process begun."""
        return ["nsenter", f"--target={self.pid}", "--net", "--uts", *command]

    def run(self, *command: str, stdin: str = "", is_checked: bool = True) -> str:
        """Run `command` on it as root, and return what it prints."""
        done = subprocess.run(self.inside(*command), input=stdin, capture_output=True, text=True, timeout=LIMIT_S, env=_ENV)
        assert done.returncode == 0 or not is_checked, f"{self.name}: {command}: {done.stderr}{done.stdout}"
        return done.stdout

    def write(self, path: str, text: str, mode: int = 0o644, owner: int = 0) -> None:
        """Write a file on it."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        os.chown(file, owner, owner)
        file.write_text(text)
        file.chmod(mode)

    def end(self) -> None:
        """End it, and everything on it."""
        assert self._first is not None
        assert self._first.stdin is not None
        assert self._first.stdout is not None
        self._first.stdin.close()
        self._first.stdout.close()
        self._first.wait(LIMIT_S)


@dataclass
class Network:
    """Some wires, each a bridge in a switch; a host may be at several.

    Attributes:
        prefixes: The first three numbers of each one's addresses, by its name.
    """

    prefixes: dict[str, str]
    hosts: dict[str, Host] = field(default_factory=dict)
    _switch: Host | None = field(default=None, repr=False)

    def start(self, places: dict[str, Sequence[tuple[str, int]]]) -> None:
        """Make all hosts.

        Args:
            places: For each host the wires that it is at, and the last number of its address there.
        """
        self._switch = Host("switch")
        self.hosts = {name: Host(name) for name in places}
        self._batch(self._switch, [f"link add {wire} type bridge" for wire in self.prefixes])
        made, plugged = [], [f"link set {wire} up" for wire in self.prefixes]
        for number, (name, at) in enumerate(places.items()):
            host = self.hosts[name]
            for wire, last in at:
                host.addresses[wire] = f"{self.prefixes[wire]}.{last}"
                port = f"{wire}{number}"
                made.append(
                    f"link add {wire} address {_hardware(host.addresses[wire])} netns {host.pid} "
                    f"type veth peer name {port} netns {self._switch.pid}"
                )
                plugged += [f"link set {port} master {wire}", f"link set {port} up"]
        subprocess.run(["ip", "-batch", "-"], input="\n".join(made), check=True, text=True, timeout=LIMIT_S, env=_ENV)
        self._batch(self._switch, plugged)
        for host in self.hosts.values():
            lines = ["link set lo up"]
            for wire, address in host.addresses.items():
                lines += [f"addr add {address}/24 dev {wire}", f"link set {wire} up"]
            self._batch(host, lines + [self._way(each, wire) for each, wire in self._neighbours(host)])

    def address(self, name: str) -> str:
        """Return the address of a host on the innermost wire that it is at."""
        return list(self.hosts[name].addresses.values())[-1]

    def lose(self, origin: str, destination: str) -> None:
        """Lose every packet from `origin` to `destination` on the way; neither is told, and the other way stays whole."""
        self._send(origin, destination, _NOBODY_HAS)

    def carry(self, origin: str, destination: str) -> None:
        """Undo `lose`."""
        self._send(origin, destination, "")

    @contextmanager
    def cut(self, ones: Iterable[str], others: Iterable[str]) -> Iterator[None]:
        """Let nothing pass between `ones` and `others`, in neither direction."""
        pairs = [(one, other) for one in ones for other in others]
        pairs = [each for each in pairs if self._shared(*each)]
        for one, other in pairs:
            self.lose(one, other)
            self.lose(other, one)
        try:
            yield
        finally:
            for one, other in pairs:
                self.carry(one, other)
                self.carry(other, one)

    @contextmanager
    def one_way(self, origin: str, destination: str) -> Iterator[None]:
        """Lose what `origin` sends to `destination`; what is sent back arrives."""
        self.lose(origin, destination)
        try:
            yield
        finally:
            self.carry(origin, destination)

    @contextmanager
    def no_way(self, origin: str, destination: str) -> Iterator[None]:
        """Let `origin` have no route to `destination`: what it begins anew fails at once, a line that it has falls silent.

        What `destination` sends arrives.
        """
        host = self.hosts[origin]
        ways = [f"unreachable {self.hosts[destination].addresses[wire]}/32" for wire in self._shared(origin, destination)]
        self._batch(host, [f"route add {way}" for way in ways])
        try:
            yield
        finally:
            self._batch(host, [f"route del {way}" for way in ways])

    def end(self) -> None:
        """End all hosts."""
        for host in (*self.hosts.values(), *([self._switch] if self._switch is not None else [])):
            host.end()

    def _neighbours(self, host: Host) -> Iterator[tuple[Host, str]]:
        for other in self.hosts.values():
            for wire in self._shared(host.name, other.name) if other is not host else ():
                yield other, wire

    def _shared(self, one: str, other: str) -> list[str]:
        return [wire for wire in self.hosts[one].addresses if wire in self.hosts[other].addresses]

    def _send(self, origin: str, destination: str, hardware: str) -> None:
        # Sent to a hardware address that nobody has, a packet is lost without a word, as on a broken line; a route that is taken
        # away would tell the sender at once, and this kernel has no filter that drops packets without further packages.
        host, other = self.hosts[origin], self.hosts[destination]
        self._batch(host, [self._way(other, wire, hardware) for wire in self._shared(origin, destination)])

    def _way(self, other: Host, wire: str, hardware: str = "") -> str:
        address = other.addresses[wire]
        return f"neigh replace {address} lladdr {hardware or _hardware(address)} dev {wire} nud permanent"

    def _batch(self, host: Host, lines: list[str]) -> None:
        host.run("ip", "-batch", "-", stdin="\n".join(lines))


def _hardware(address: str) -> str:
    *_, wire, last = (int(each) for each in address.split("."))
    return f"02:77:00:00:{wire:02x}:{last:02x}"
