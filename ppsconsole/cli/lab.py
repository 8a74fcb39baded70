"""`ppsconsole lab ...`: a real cluster on this machine, to look at, to break and to bring back."""

import json
import signal
import types
from pathlib import Path
from typing import Any

import click

from ppsconsole.cli.face import open_face
from ppsconsole.errors import LabError, UsageError
from ppsconsole.lab.control import call
from ppsconsole.lab.launch import Leash, end_lab, find_lab, launch, temporary_order
from ppsconsole.lab.layout import LINKS, PROFILES
from ppsconsole.lab.order import Order

_FAULTS = {
    "kill": "End it at once, as a crash does (SIGKILL).",
    "stop": "End it in good order.",
    "hang": "Freeze it: it stays there and says nothing (SIGSTOP).",
    "disconnect": "Cut its network: connections freeze, new ones get no answer; see --lost.",
    "old-backup": "Make the backups on its host three days old.",
    "fill-disk": "Leave no room on its host: a stand-in, see its output.",
    "reboot": "Pull the plug of its host; what is enabled starts again.",
    "slow": "Slow its network down; see --delay, --rate and --loss.",
}
_STAND_IN = "PPS stand-in"
_EXITS = "Exit 0: done. 1: it was not, and the text says why. 2: wrong usage."

_folder = click.option("--dir", "folder", metavar="DIR", help="The lab's folder; may be left out where one lab runs.")
_json = click.option("--json", "is_json", is_flag=True, help="Print JSON.")
_profile = click.option("--profile", type=click.Choice(PROFILES), default="default", show_default=True, help="What the lab has.")
_postgres = click.option(
    "--postgres", default="bundled", show_default=True, metavar="WHICH", help="bundled, system, or the folder of its programs."
)
_new_folder = click.option(
    "--dir", "folder", metavar="DIR", help="An absent or empty folder; left out, one in the temporary folder."
)


@click.group(invoke_without_command=True)
@_new_folder
@_profile
@_postgres
@click.pass_context
def lab(ctx: click.Context, folder: str | None, profile: str, postgres: str) -> None:
    """Start a real cluster on this machine, break it, take it away.

    Without a command: start a lab, open the console on it, take it away when the console goes.

    PostgreSQL, nginx and SSH are real. The web nodes are stand-ins for Pleasant Password Server.
    """
    if ctx.invoked_subcommand is not None and folder is not None:
        name = ctx.invoked_subcommand
        raise UsageError(
            "--dir before the command says nothing", where=f"lab {name}", remedy=f"ppsconsole lab {name} ... --dir {folder}"
        )
    if ctx.invoked_subcommand is None:
        leash = _launched(_order(folder, postgres, profile))
        try:
            code = open_console(leash.inventory)
        finally:
            _say("taking the lab away")
            leash.release()
        ctx.exit(code)


def open_console(inventory_path: str) -> int:
    """Show the lab whose inventory this is until the user leaves; return the exit code."""
    return open_face(click.get_current_context(), inventory_path)


@lab.command(epilog=_EXITS)
@_new_folder
@click.option("--detach", "is_detached", is_flag=True, help="Return when the lab is healthy; end it with `lab down`.")
@_profile
@_postgres
@click.option(
    "--rows", type=click.IntRange(0, 100_000_000), default=0, help="So many entries in the database from the beginning."
)
def up(folder: str | None, is_detached: bool, profile: str, postgres: str, rows: int) -> None:
    """Start a lab and print the path of its inventory; without --detach it lives until Ctrl-C."""
    order = _order(folder, postgres, profile, is_leashed=not is_detached, rows=rows)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    started = launch(order, _say)
    if isinstance(started, str):
        click.echo(started)
        return
    try:
        click.echo(started.inventory)
        _say("the lab lives until Ctrl-C")
        started.wait()
        _say("the lab was ended")
    except KeyboardInterrupt:
        _say("taking the lab away")
    finally:
        started.release()


@lab.command(epilog=_EXITS)
@_folder
def down(folder: str | None) -> None:
    """End a lab and remove what it made; also what a killed lab left."""
    state = find_lab(folder, is_dead_allowed=True)
    foreign = end_lab(state)
    click.echo(f"lab {state.id} is gone")
    if foreign:
        click.echo(f"not the lab's and left in {state.folder}: " + ", ".join(foreign))


@lab.command(epilog=_EXITS)
@_folder
@_json
def status(folder: str | None, is_json: bool) -> None:
    """Print the lab's own view: what runs, what was broken. The operator's view is `ppsconsole status`."""
    answer = _ask(folder, {"verb": "status"})
    if is_json:
        click.echo(json.dumps(answer, indent=1))
        return
    click.echo(f"lab {answer['id']} in {answer['folder']}")
    click.echo(f"inventory  {answer['inventory']}")
    click.echo(f"front      {answer['front']}   (account admin, password in admin.password)")
    click.echo(f"real: PostgreSQL {answer['postgres']}, nginx, SSH; stand-ins are called so\n")
    for node in answer["nodes"]:
        kind = _STAND_IN if node["is_stand_in"] else node["kind"]
        words = [node["state"], "" if node["is_enabled"] else "disabled", node["complaint"]]
        words += [f"FAULT {fault['kind']}" + _link(fault["link"]) for fault in node["faults"]]
        row = (
            f"{node['name']:<10} {kind:<13} {node['host']:<10} {node['address']:<15} {', '.join(word for word in words if word)}"
        )
        click.echo(row)


@lab.group()
def fault() -> None:
    """Break a node, or all nodes of a site: NODE may be `site-a`."""


def _fault_command(kind: str, about: str) -> None:
    def run(node: str, folder: str | None, **options: Any) -> None:
        request = {"verb": "fault", "kind": kind, "node": node, "link": options.get("link", "all")}
        request["delay_s"] = options.get("delay", 0.0) / 1000
        request["bytes_per_s"] = options.get("rate", 0.0)
        request["loss"] = options.get("loss", 0.0) / 100
        request["lost"] = options.get("lost", "both")
        click.echo(_ask(folder, request)["words"])

    command = _folder(click.argument("node")(click.command(kind, help=about, epilog=_EXITS)(run)))
    if kind in ("disconnect", "slow"):
        links = click.Choice(LINKS)
        command = click.option("--link", type=links, default="all", show_default=True, help="Which connections.")(command)
    if kind == "disconnect":
        lost = click.Choice(("both", "from", "to"))
        about_lost = "Only what it sends, or only what is sent to it."
        command = click.option("--lost", type=lost, default="both", show_default=True, help=about_lost)(command)
    if kind == "slow":
        command = click.option(
            "--loss", type=click.FloatRange(0, 90), default=0.0, help="Percent that is lost, and sent again by TCP."
        )(command)
        command = click.option("--delay", type=click.FloatRange(0, 60000), default=200.0, show_default=True, help="ms each way.")(
            command
        )
        command = click.option(
            "--rate", type=click.FloatRange(0), default=0.0, help="Bytes per second each way, 0 for no limit."
        )(command)
    fault.add_command(command)


for _kind, _about in _FAULTS.items():
    _fault_command(_kind, _about)


@lab.command(epilog=_EXITS)
@click.argument("node", required=False)
@_folder
def heal(node: str | None, folder: str | None) -> None:
    """Undo what was broken, of one node, of a site (`site-a`) or of all, and wait until it works again."""
    click.echo(_ask(folder, {"verb": "heal", "node": node})["words"])


@lab.command(epilog=_EXITS)
@click.option("--duration", "duration_s", type=click.FloatRange(min=0, min_open=True), help="Seconds; left out, until Ctrl-C.")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), default=50.0, show_default=True, help="Operations tried per second."
)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report there as JSON.")
@_folder
@click.pass_context
def load(ctx: click.Context, duration_s: float | None, rate: float, report: Path | None, folder: str | None) -> None:
    """Log in, read and write through the front all the time; count downtime and lost writes."""
    from ppsconsole.lab.load import main

    state = find_lab(folder)
    try:
        password = (state.folder / "admin.password").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise LabError(f"cannot be read: {error.strerror}", where=str(error.filename)) from error
    url = str(state.facts["front"])
    ctx.exit(main(url, state.folder / "ca.pem", "admin", password, duration_s=duration_s, rate=rate, report=report))


def _order(folder: str | None, postgres: str, profile: str, *, is_leashed: bool = True, rows: int = 0) -> Order:
    """Return the order for a lab in `folder`; None takes one below the temporary folder."""
    if folder is None:
        return temporary_order(postgres, profile, is_leashed=is_leashed, rows=rows)
    return Order(str(Path(folder).resolve()), profile, postgres, is_leashed=is_leashed, rows=rows)


def _launched(order: Order) -> Leash:
    started = launch(order, _say)
    assert isinstance(started, Leash)
    return started


def _ask(folder: str | None, request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for message in call(find_lab(folder), request):
        if isinstance(message, str):
            _say(message)
        else:
            answer = message
    return answer


def _link(link: str) -> str:
    return "" if link == "all" else f" ({link})"


def _say(words: str) -> None:
    click.echo(f"lab: {words}", err=True)


def _interrupt(_number: int, _frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt
