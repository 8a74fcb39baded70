"""Point a web node at another database, in the way that the inventory declares for it."""

import shlex

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.looks import LOOK_S
from ppsconsole.actions.places import argument, host_of, instance_of, listening, on_host, web_node_of
from ppsconsole.errors import BadAnswer, Blocked
from ppsconsole.inventory.model import Inventory, WebNode
from ppsconsole.masking import plain
from ppsconsole.plan.step import Step
from ppsconsole.probes.connection import names_of_instances


class SwitchDatabase:
    """Switches the stored connection setting; takes effect when the web node starts. Argument `instance`: the new one."""

    def commands(self, inventory: Inventory, step: Step) -> tuple[str, ...]:
        """Return the one command, or what the operator has to do."""
        web_node = web_node_of(inventory, step.node)
        instance = instance_of(inventory, argument(step, "instance"))
        if web_node.switch.method == "command":
            return on_host(web_node.host, _set_command(web_node, instance.name))
        if web_node.switch.method == "manual":
            return tuple(f"{web_node.host}: {line}" for line in manual_steps(inventory, instance.name))
        if web_node.switch.method in ("indirect", "standby-web"):
            return ()
        raise _unsupported(web_node)

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return what it points at now, which is kept for the way back."""
        web_node = web_node_of(bench.inventory, step.node)
        if web_node.switch.method == "command":
            was, words = await _points_at(bench, web_node)
            return Finding("yes", f"{step.node} points at {words}", {"was": was})
        if web_node.switch.method == "standby-web" and web_node.database != argument(step, "instance"):
            return Finding("no", f"{step.node} has {web_node.database} for good and cannot be switched")
        return Finding("yes", f"the way to switch {step.node} is {web_node.switch.method}")

    async def act(self, bench: Workbench, step: Step) -> None:
        """Switch it, or say what the operator has to do.

        Raises:
            BadAnswer: The site's program failed.
        """
        web_node = web_node_of(bench.inventory, step.node)
        await _switch(bench, web_node, argument(step, "instance"), step.timeout_s)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return what the setting says now; where nobody can read it, that is unknown until the operator states it."""
        return await _judged(bench, step, argument(step, "instance"))

    async def undo(self, bench: Workbench, step: Step) -> None:
        """Switch it back.

        Raises:
            Blocked: What it pointed at before is no instance of the inventory.
        """
        web_node = web_node_of(bench.inventory, step.node)
        if web_node.switch.method == "command":
            await _switch(bench, web_node, _was(bench, step), step.timeout_s)

    async def verify_undone(self, bench: Workbench, step: Step) -> Finding:
        """Return whether it points where it did before."""
        if web_node_of(bench.inventory, step.node).switch.method != "command":
            return Finding("unknown", f"nobody can read what {step.node} points at: put its setting back by hand")
        return await _judged(bench, step, _was(bench, step))


def manual_steps(inventory: Inventory, instance: str) -> tuple[str, ...]:
    """Return what an operator does on the web node's own screen; the vendor has no command for it."""
    host, port = listening(inventory, instance) or (instance, 0)
    return (
        "Start menu, Service Configuration, Database Configuration, Connection String",
        f"set the server to {host}, port {port}, database {inventory.database.database}; test the connection; save",
    )


def _set_command(web_node: WebNode, instance: str) -> str:
    return f"{shlex.quote(_program(web_node))} set {shlex.quote(instance)}"


def _program(web_node: WebNode) -> str:
    if web_node.switch.program is None:
        raise Blocked("its switch has no program", where=web_node.name, remedy="Declare switch.program")
    return web_node.switch.program


def _unsupported(web_node: WebNode) -> Blocked:
    what = f"switching by {web_node.switch.method} is not supported yet"
    return Blocked(what, where=web_node.name, remedy="Declare switch.method: manual, or command")


def _was(bench: Workbench, step: Step) -> str:
    was = bench.noted(step, "was")
    if not was:
        raise Blocked("it is not known which database it used before", where=step.node, remedy="Switch it back by hand")
    return str(was)


async def _switch(bench: Workbench, web_node: WebNode, instance: str, timeout_s: float) -> None:
    match web_node.switch.method:
        case "command":
            result = await bench.hosts.act(web_node.host, _set_command(web_node, instance), timeout_s=timeout_s)
            if result.exit_status != 0:
                raise BadAnswer(f"its program did not switch it: {plain(result.stderr or result.stdout)}", where=web_node.name)
        case "manual":
            for line in manual_steps(bench.inventory, instance):
                bench.say(f"{host_of(bench.inventory, web_node.name).name}: {line}")
        case "indirect" | "standby-web":
            return
        case _:
            raise _unsupported(web_node)


async def _points_at(bench: Workbench, web_node: WebNode) -> tuple[str | None, str]:
    """The instance that the setting names, None when it names none of the inventory's; and what it names, in words."""
    command = f"{shlex.quote(_program(web_node))} get"
    result = await bench.hosts.look(web_node.host, command, timeout_s=LOOK_S)
    if result.exit_status != 0:
        raise BadAnswer(f"its program does not tell the setting: {plain(result.stderr or result.stdout)}", where=web_node.name)
    try:
        words = dict(word.split("=", 1) for word in shlex.split(result.stdout) if "=" in word)
    except ValueError as error:
        raise BadAnswer(f"its program tells no setting: {plain(result.stdout)}", where=web_node.name) from error
    host = words.get("host", "")
    return names_of_instances(bench.inventory).get(host.lower()), plain(host, 80) or "nothing"


async def _judged(bench: Workbench, step: Step, wanted: str) -> Finding:
    web_node = web_node_of(bench.inventory, step.node)
    match web_node.switch.method:
        case "command":
            now, words = await _points_at(bench, web_node)
            return Finding("yes" if now == wanted else "no", f"{step.node} points at {now or words}", {"now": now})
        case "manual":
            stated = plain(bench.answers.get(step.id, "").strip())
            if stated:
                return Finding("yes", f"stated by the operator: {stated}")
            steps = "; ".join(manual_steps(bench.inventory, wanted))
            return Finding("unknown", f"nobody can read what {step.node} points at. By hand: {steps}")
        case "indirect":
            return Finding("yes", f"{step.node} names its database indirectly: nothing is switched on it; its sessions will tell")
        case "standby-web":
            is_own = web_node.database == wanted
            return Finding("yes" if is_own else "no", f"{step.node} has {web_node.database} for good")
        case _:
            raise _unsupported(web_node)
