"""Move users between web nodes at an nginx balancer: the one include file, tested, reloaded, and proved by a request."""

import hashlib
import shlex
from collections.abc import Mapping

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.kinds import patience, settled
from ppsconsole.actions.looks import LOOK_S
from ppsconsole.actions.members import differing, rewritten, up_in
from ppsconsole.actions.places import balancer_of, had_primary, host_of, on_host
from ppsconsole.actions.serving import Answer, asked
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.nginx import ServerLine, dump_command, parse_upstreams
from ppsconsole.drivers.service import systemctl
from ppsconsole.errors import BadAnswer, Blocked
from ppsconsole.inventory.model import Balancer, Inventory
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step

_CHANGED = 75  # EX_TEMPFAIL
_COPIED = 'rm -f "{to}" && cp -p "{source}" "{to}"'
"""A copy with the same owner and rights, through no link that somebody put where it is to be."""
_DRAFT, _BACKUP = _COPIED.format(source="$f", to="$f.new"), _COPIED.format(source="$f", to="$f.bak")
_FROM_BACKUP = f'{_COPIED.format(source="$f.bak", to="$f.new")} && mv "$f.new" "$f"'


class _MembersAction:
    """What moving and draining share."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return writing and reloading; the new file comes by standard input."""
        balancer = _nginx(inventory, step.node)
        self.wanted(balancer, step)
        return on_host(host_of(inventory, step.node).name, _write_command(balancer), reload_command(balancer))

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the file can be rewritten; its text is kept for the way back."""
        balancer = _nginx(bench.inventory, step.node)
        text = await _text(bench, balancer)
        rewritten(text, self.wanted(balancer, step))
        servers = _servers(balancer, await _dump(bench, balancer))
        return Finding("yes", f"{step.node} sends users to {_told(balancer, servers)}", {"was": text})

    async def act(self, bench: Workbench, step: Step) -> None:
        """Rewrite the file, have it tested, and reload.

        Raises:
            BadAnswer: nginx does not accept it, or understands something else by it; the old file is back in its place.
        """
        balancer = _nginx(bench.inventory, step.node)
        wanted = self.wanted(balancer, step)
        text = await _text(bench, balancer)
        await _replaced(bench, step, text, rewritten(text, wanted), wanted)

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Put the old text back, and have nginx read it where it accepts its configuration.

        Raises:
            Blocked: The old text is not known.
            BadAnswer: The old text is back, and nginx does not accept its configuration as it stands: it is not told to read it.
        """
        balancer = _nginx(bench.inventory, step.node)
        was = bench.noted(step, "was")
        if was is None:
            raise Blocked("its include file before this step is not known", where=step.node, remedy="See the .bak beside it")
        text = await _text(bench, balancer)
        if text != was:
            _insist(
                balancer, await _sent(bench, step, _write_command(balancer, is_kept=True), text, str(was)), "the old file is back"
            )
        await _reloaded(bench, step)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the old text is back and users reach a member of it."""
        balancer = _nginx(bench.inventory, step.node)
        was = await _text(bench, balancer)
        if was != bench.noted(step, "was"):
            return Finding("no", f"the include file of {step.node} is not what it was")
        try:
            servers = _servers(balancer, await _dump(bench, balancer))
        except BadAnswer as error:
            return await self._undone_unread(bench, step, was, error)
        up = {balancer.members.get(line.address, line.address) for line in servers if not line.is_down}

        async def look() -> Finding:
            answer = await asked(bench, step.node)
            # Without a primary it was an error page before as well: then it only has to come from one of them.
            serves = answer.is_serving or (answer.status is not None and not had_primary(bench.inventory, bench.plan))
            is_back = serves and (answer.served_by in up or balancer.proof_header is None)
            return Finding("yes" if is_back else "no", f"{step.node} sends users to {_told(balancer, servers)}: {answer.words}")

        if not up or bench.inventory.cluster.address is None:
            return Finding("yes", f"{step.node} sends users to {_told(balancer, servers)}, as before")
        return await settled(bench, look, patience(step))

    async def _undone_unread(self, bench: Workbench, step: Step, was: str, error: BadAnswer) -> Finding:
        """Return whether users reach a member of the old file, where nginx would not read it again for what others wrote.

        It goes on with what it read last. Where that was not what this run wrote, users never left where they were.
        """
        balancer = _nginx(bench.inventory, step.node)
        up = {balancer.members.get(address, address) for address in up_in(was)}
        told = f"the include file of {step.node} is what it was, and {error.what}"
        if not up or bench.inventory.cluster.address is None or balancer.proof_header is None:
            return Finding("unknown", f"{told}; what nginx works with cannot be seen")

        async def look() -> Finding:
            answer = await asked(bench, step.node)
            is_back = answer.is_serving and answer.served_by in up
            return Finding("yes" if is_back else "no", f"{told}; the front says {answer.words}")

        return await settled(bench, look, patience(step))

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether the configuration says so, and a request through the front proves it."""
        balancer = _nginx(bench.inventory, step.node)
        servers = _servers(balancer, await _dump(bench, balancer))
        wrong = differing(servers, self.wanted(balancer, step))
        if wrong:
            return Finding("no", f"{step.node}: {', '.join(wrong)}")
        told = f"{step.node} sends users to {_told(balancer, servers)}"
        if bench.inventory.cluster.address is None:
            return Finding("yes", f"{told}; not checked by a request: no cluster.address is declared")

        async def look() -> Finding:
            # Old workers answer for a moment after a reload, and a reload that failed goes on as before: only a request tells.
            answer = await asked(bench, step.node)
            return Finding("yes" if self.is_proved(balancer, step, answer) else "no", f"{told}; the front says {answer.words}")

        return await settled(bench, look, patience(step))

    def wanted(self, balancer: Balancer, step: Step) -> dict[str, bool]:
        """Return for each address whether it is to be up."""
        raise NotImplementedError

    def is_proved(self, balancer: Balancer, step: Step, answer: Answer) -> bool:
        """Return whether what came back through the front is what was wanted."""
        raise NotImplementedError


class Drain(_MembersAction):
    """Sets every member down: users get an error page at once instead of a hanging one."""

    def wanted(self, balancer: Balancer, step: Step) -> dict[str, bool]:
        """Return all members as down."""
        return dict.fromkeys(balancer.members, False)

    def is_proved(self, balancer: Balancer, step: Step, answer: Answer) -> bool:
        """Return whether no member answers."""
        is_member = answer.served_by in balancer.members.values()
        return answer.tcp == "refused" or (answer.status is not None and answer.status >= 500 and not is_member)


class MoveMembers(_MembersAction):
    """Sets some members up and others down. Arguments `up` and `down`: web nodes, separated by commas; others stay."""

    def wanted(self, balancer: Balancer, step: Step) -> dict[str, bool]:
        """Return the members that the step names."""
        addresses = {node: address for address, node in balancer.members.items()}
        wanted: dict[str, bool] = {}
        for word, is_up in (("down", False), ("up", True)):
            for node in _listed(step, word):
                if node not in addresses:
                    raise Blocked(f"web node {node!r} is no member of it", where=balancer.name)
                wanted[addresses[node]] = is_up
        if True not in wanted.values():
            raise Blocked("nobody would serve users: the step sets no member up", where=balancer.name)
        return wanted

    def is_proved(self, balancer: Balancer, step: Step, answer: Answer) -> bool:
        """Return whether one of those set up answered."""
        return answer.is_serving and (balancer.proof_header is None or answer.served_by in _listed(step, "up"))


def reload_command(balancer: Balancer) -> str:
    """Return the command that has nginx read its configuration again.

    Raises:
        Blocked: It is run by something that is not supported yet.
    """
    service = balancer.service
    if service is not None and service.kind == "systemd" and service.name is not None:
        return systemctl("reload", service.name)
    words = [balancer.program, "-s", "reload"]
    if balancer.config is not None:
        words += ["-c", balancer.config]
    return " ".join(shlex.quote(word) for word in words)


def _listed(step: Step, name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in step.arguments.get(name, "").split(",") if word.strip())


def _nginx(inventory: Inventory, name: str) -> Balancer:
    balancer = balancer_of(inventory, name)
    if balancer.kind != "nginx":
        raise Blocked(f"balancers of kind {balancer.kind} are not supported yet", where=name, remedy="Move users by hand")
    missing = [key for key in ("include", "upstream") if getattr(balancer, key) is None]
    if missing or not balancer.members:
        raise Blocked(f"it has no {', '.join(missing) or 'members'} in the inventory", where=name, remedy="Declare them")
    return balancer


def _write_command(balancer: Balancer, *, is_kept: bool = False) -> str:
    """The command that replaces the include file, if it is still the one that was read, and tests the configuration.

    Its input is the digest of the old file on a line of its own, and the new file. A file that nginx does not accept is put
    back at once: nginx goes on with the old configuration, but would not start with the new one. It is kept where it is the one
    from before the run: then something else is wrong, and what this run wrote must not be what nginx reads once that is mended.
    """
    put_back = "" if is_kept else f' || {{ s=$?; {_FROM_BACKUP}; exit "$s"; }}'
    return (
        f"f={shlex.quote(str(balancer.include))}; read -r was; "
        f'[ "$(sha256sum <"$f" | cut -c 1-64)" = "$was" ] || exit {_CHANGED}; '
        f'{_DRAFT} && cat >"$f.new" && {_BACKUP} && mv "$f.new" "$f" || exit 74; '
        f"{dump_command(balancer)}{put_back}"
    )


def _restore_command(balancer: Balancer) -> str:
    return f"f={shlex.quote(str(balancer.include))}; {_FROM_BACKUP}"


async def _replaced(bench: Workbench, step: Step, was: str, text: str, wanted: Mapping[str, bool]) -> None:
    balancer = _nginx(bench.inventory, step.node)
    if text != was:
        result = await _sent(bench, step, _write_command(balancer), was, text)
        _insist(balancer, result, "the old one is back")
        wrong = differing(_servers(balancer, result), wanted)
        if wrong:
            host = host_of(bench.inventory, step.node).name
            await bench.hosts.act(host, _restore_command(balancer), timeout_s=step.timeout_s)
            raise BadAnswer(f"nginx reads the new file differently: {', '.join(wrong)}; the old one is back", where=step.node)
    await _reloaded(bench, step)


async def _sent(bench: Workbench, step: Step, command: str, was: str, text: str) -> CommandResult:
    """Send the file `text` to be written in the place of the file `was`."""
    sent = f"{hashlib.sha256(was.encode()).hexdigest()}\n{text}"
    return await bench.hosts.act(host_of(bench.inventory, step.node).name, command, stdin=sent, timeout_s=step.timeout_s)


async def _reloaded(bench: Workbench, step: Step) -> None:
    host = host_of(bench.inventory, step.node).name
    command = reload_command(_nginx(bench.inventory, step.node))
    result = await bench.hosts.act(host, command, timeout_s=step.timeout_s)
    if result.exit_status != 0:
        # The proof tells: a service manager may complain about a reload that came through.
        bench.say(f"{host}: reload ended with status {result.exit_status}: {plain(result.stderr or result.stdout)}")


def _insist(balancer: Balancer, result: CommandResult, then: str) -> None:
    if result.exit_status == 0:
        return
    said = plain(result.stderr or result.stdout) or f"status {result.exit_status}"
    if result.exit_status == _CHANGED:
        raise BadAnswer("its include file was changed by somebody else at the same time", where=balancer.name, remedy="Try again")
    if result.exit_status == 74:
        raise BadAnswer(f"its include file cannot be written: {said}", where=balancer.name, remedy="See its permissions")
    raise BadAnswer(f"nginx does not accept its configuration, {then}: {said}", where=balancer.name)


async def _text(bench: Workbench, balancer: Balancer) -> str:
    command = f"cat -- {shlex.quote(str(balancer.include))}"
    result = await bench.hosts.look(host_of(bench.inventory, balancer.name).name, command, timeout_s=LOOK_S)
    if result.exit_status != 0:
        raise BadAnswer(f"its include file cannot be read: {plain(result.stderr)}", where=balancer.name)
    return result.stdout


async def _dump(bench: Workbench, balancer: Balancer) -> CommandResult:
    host = host_of(bench.inventory, balancer.name).name
    result = await bench.hosts.look(host, dump_command(balancer), timeout_s=LOOK_S)
    if result.exit_status != 0:
        raise BadAnswer(f"nginx does not accept its configuration: {plain(result.stderr)}", where=balancer.name)
    return result


def _servers(balancer: Balancer, dump: CommandResult) -> tuple[ServerLine, ...]:
    servers = parse_upstreams(dump.stdout).get(str(balancer.upstream))
    if servers is None:
        raise BadAnswer(f"its configuration has no upstream called {balancer.upstream}", where=balancer.name)
    return servers


def _told(balancer: Balancer, servers: tuple[ServerLine, ...]) -> str:
    up = [balancer.members.get(line.address, line.address) for line in servers if not line.is_down]
    return ", ".join(plain(each, 80) for each in up) or "nobody"
