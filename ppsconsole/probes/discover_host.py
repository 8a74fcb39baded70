"""What one host tells of itself to somebody who knows nothing of it yet: one SSH command, and what its answer means."""

import re
from dataclasses import replace
from pathlib import PurePosixPath

from ppsconsole.drivers import nginx
from ppsconsole.drivers.base import CommandResult, Shell
from ppsconsole.errors import BadAnswer, DriverError
from ppsconsole.inventory.found import FoundFront, FoundHost, FoundMember, FoundService
from ppsconsole.inventory.model import Balancer, Host
from ppsconsole.masking import plain
from ppsconsole.probes.host import Part, compose_command, split_output

LOOK_S = 15.0
"""For one host, login included: through two bastions on a slow line a login alone takes seconds."""

_UNITS = ("postgresql*", "nginx*", "*pleasant*", "*pps*", "patroni*", "repmgr*", "pacemaker*")
_MANAGERS = ("patroni", "repmgr", "pacemaker")
_PROGRAMS = ("db-service", "pps-service", "nginx-service")
_WINDOWS_SERVICE = "Pleasant Password Server"  # `knowledge: pps`: what Restart-Service is called with in the vendor's own pages
_HEADER = re.compile(r"""add_header\s+["']?([A-Za-z0-9-]+)["']?\s+["']?\$upstream_addr\b""")
_FILE = re.compile(r"^# configuration file (.+):$", re.MULTILINE)


def _part(key: str, command: str) -> Part:
    return Part(key, "", (), command, 0.0, lambda result: {})


_PARTS = [
    _part("system", "uname -n; uname -s; sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null | tr -d '\"'"),
    _part(
        "units", "systemctl list-units --type=service --all --plain --no-legend -- " + " ".join(f"'{each}'" for each in _UNITS)
    ),
    _part("processes", "ps -eo args 2>/dev/null | grep -E '^[^ ]*(postgres|postmaster) .*-D' | cut -c1-600 | head -n 40"),
    _part("tools", "command -v pg_controldata"),
    _part("programs", f'for each in {" ".join(_PROGRAMS)}; do command -v "$each"; done'),
    _part("connection", "command -v pps-connection && pps-connection get"),
    _part("nginx", f"command -v nginx >/dev/null || exit 1; {nginx.dump_command(Balancer('', 'nginx'))}"),
]


async def look_at_host(found: FoundHost, host: Host, shell: Shell) -> FoundHost:
    """Return what `host` tells of itself; what went wrong stands in `trouble`."""
    try:
        result = await shell.run(host, compose_command(_PARTS), timeout_s=LOOK_S)
        parts = split_output(result)
        if "system" not in parts:
            return await _windows(found, host, shell)
    except DriverError as error:
        return replace(found, trouble=plain(str(error), 700))
    return _linux(found, parts)


def _linux(found: FoundHost, parts: dict[str, CommandResult]) -> FoundHost:
    told = parts["system"].stdout.splitlines()
    units = _units(parts.get("units"))
    # A service program is meant for us; a unit may be one that is there and not used.
    own = {name: line for name in _PROGRAMS for line in _lines(parts.get("programs")) if PurePosixPath(line).name == name}
    connection = _lines(parts.get("connection"))
    return replace(
        found,
        hostname=plain(told[0], 80) if told else "",
        system=plain(" ".join(told[2:3] or told[1:2]), 60),
        database_service=_service(own, "db-service", units, "postgresql"),
        web_service=_service(own, "pps-service", units, "pleasant", "pps"),
        front_service=_service(own, "nginx-service", units, "nginx"),
        postgres_programs=_programs(parts),
        connection=next((word[5:] for line in connection for word in line.split() if word.startswith("host=")), ""),
        connection_program=PurePosixPath(connection[0]).name if connection else "",
        front=_front(parts.get("nginx")),
    )


async def _windows(found: FoundHost, host: Host, shell: Shell) -> FoundHost:
    """Ask again in words that cmd.exe and PowerShell know; Windows hosts are declared, not probed."""
    result = await shell.run(host, "hostname", timeout_s=LOOK_S)
    name = _lines(result)
    if result.exit_status != 0 or not name:
        said = plain(result.stderr or result.stdout, 160)
        return replace(found, trouble=f"logged in, but neither a POSIX shell nor Windows answered: {said}")
    remark = "the vendor's own name for it; Windows is not probed yet"
    service = FoundService("windows-service", _WINDOWS_SERVICE, remark)
    return replace(found, hostname=plain(name[0], 80), system="Windows", platform="windows", web_service=service)


def _lines(result: CommandResult | None) -> list[str]:
    return [plain(line, 300) for line in result.stdout.splitlines() if line.strip()] if result is not None else []


def _units(result: CommandResult | None) -> dict[str, bool]:
    """Return whether each unit is active, by its name; those that systemd only heard of are left out."""
    rows = [line.split() for line in _lines(result)]
    units = {row[0].removesuffix(".service"): row[2] == "active" for row in rows if len(row) >= 4 and row[1] == "loaded"}
    # Debian's `postgresql` starts nothing itself: it stands for all clusters, each of which is `postgresql@…`.
    if any(name.startswith("postgresql@") for name in units):
        units.pop("postgresql", None)
    return units


def _service(own: dict[str, str], program: str, units: dict[str, bool], *words: str) -> FoundService | None:
    if program in own:
        return FoundService("command", program)
    fitting = [name for name in units if any(word in name.lower() for word in words)]
    if not fitting:
        return None
    first = next((name for name in fitting if units[name]), fitting[0])
    manager = next((name for name in units if units[name] and name.startswith(_MANAGERS)), "") if "postgresql" in words else ""
    if manager:
        return FoundService("systemd", first, f"{manager} runs here and owns it: the console steps back")
    others = [name for name in fitting if name != first and units[name] == units[first]]
    remark = f"one of several: {', '.join([first, *others])}" if others else "" if units[first] else "it is not active now"
    return FoundService("systemd", first, remark)


def _programs(parts: dict[str, CommandResult]) -> dict[str, str]:
    """Return the folders of PostgreSQL's programs by data directory; those of the PATH by the empty string."""
    folders: dict[str, str] = {}
    if tools := _lines(parts.get("tools")):
        folders[""] = str(PurePosixPath(tools[0]).parent)
    for line in _lines(parts.get("processes")):
        words = line.split()
        program = PurePosixPath(words[0])
        if program.is_absolute() and "-D" in words[:-1]:
            folders[words[words.index("-D") + 1].rstrip("/")] = str(program.parent)
    return folders


def _front(result: CommandResult | None) -> FoundFront | None:
    if result is None or result.exit_status != 0:
        return None
    try:
        upstreams = nginx.parse_upstreams(result.stdout)
    except BadAnswer:
        return None
    members = {
        plain(name, 80): tuple(FoundMember(plain(each.address, 80), each.is_down or each.is_backup) for each in servers)
        for name, servers in upstreams.items()
    }
    header = _HEADER.search(result.stdout)
    marks = list(_FILE.finditer(result.stdout))
    files: dict[str, str] = {}
    for number, mark in enumerate(marks[1:], 1):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(result.stdout)
        files |= dict.fromkeys(_alone(result.stdout[mark.end() : end]), plain(mark[1], 300))
    return FoundFront(plain(marks[0][1], 300) if marks else "", members, files, header[1] if header else "")


def _alone(text: str) -> tuple[str, ...]:
    """Return the upstreams of a file that holds nothing else; nothing where it does."""
    try:
        names = tuple(nginx.parse_upstreams(text))
    except BadAnswer:
        return ()
    bare = re.sub(r"#[^\n]*", "", text)
    rest = re.sub(r"upstream\s+\S+\s*\{[^{}]*\}", "", bare)
    return () if rest.strip() else names
