"""The command line: what it takes, and what it exits with (DESIGN §4). Subcommands are imported only when they are called."""

import importlib

import click

from ppsconsole import __version__
from ppsconsole.cli.face import Console, Faces, First, hand_in, open_found
from ppsconsole.cli.options import Options
from ppsconsole.errors import PpsConsoleError

_COMMANDS = {
    "backup": ("ppsconsole.cli.backup", "backup", "List backups, make a key for them, delete those that were set aside."),
    "gauges": ("ppsconsole.cli.gauges", "gauges", "Print the gauges; the history of one of them as a chart."),
    "inventory": ("ppsconsole.cli.inventory", "inventory", "Write an inventory by asking; check and show it; its schema."),
    "keys": ("ppsconsole.cli.keys", "keys", "Print which key does what; a console.yaml to start from."),
    "lab": ("ppsconsole.cli.lab", "lab", "Start a real cluster on this machine, break it, take it away."),
    "logs": ("ppsconsole.cli.logs", "logs", "Print the log of a node, its end or as it grows."),
    "node": ("ppsconsole.cli.node", "node", "Print all that is known of one node."),
    "plan": ("ppsconsole.cli.plan", "plan", "Show what a runbook would do now; nothing is changed."),
    "quarantine": ("ppsconsole.cli.quarantine", "quarantine", "List what runs have set aside on hosts, and delete it."),
    "run": ("ppsconsole.cli.run", "run", "Run a runbook: switchover, failover, restart."),
    "runs": ("ppsconsole.cli.runs", "runs", "List, show, resume, back out, abandon and report runs."),
    "why": ("ppsconsole.cli.why", "why", "Print the rules and facts behind what `status` says."),
    "status": ("ppsconsole.cli.status", "status", "Print one snapshot: roles, lag, verdicts, what happened."),
}


class _LazyGroup(click.Group):
    """A group whose subcommands are imported on use: the console must not pay for the lab."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in sorted(_COMMANDS.items())])


@click.group(cls=_LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-i", "--inventory", "inventory_path", metavar="FILE", help="The inventory; see `inventory check`.")
@click.option("--theme", metavar="NAME", help="Colours; goes before PPSCONSOLE_THEME and console.yaml.")
@click.option("--mouse/--no-mouse", "has_mouse", default=None, help="Take the mouse, or leave it to the terminal.")
@click.option("--ascii/--unicode", "is_ascii", default=None, help="What drawings are made of; left out, what the terminal shows.")
@click.version_option(__version__, prog_name="ppsconsole")
@click.pass_context
def root(
    ctx: click.Context, inventory_path: str | None, theme: str | None, has_mouse: bool | None, is_ascii: bool | None
) -> None:
    """Operate the high availability of a Pleasant Password Server cluster.

    Without a command it opens the console; without a terminal it prints the status instead.

    Exit codes: 0 success, 1 failed, 2 wrong usage or inventory, 5 something warns or is down, 6 something is unknown.
    """
    hand_in(ctx, ctx.obj)
    ctx.obj = Options(inventory_path, theme, has_mouse, None if is_ascii is None else "ascii" if is_ascii else "unicode")
    if ctx.invoked_subcommand is None:
        ctx.exit(open_found(ctx))


def run(arguments: list[str] | None = None, console: Console | None = None, first: First | None = None) -> int:
    """Run the command line and return its exit code; errors meant for the operator are printed, never as a traceback.

    Args:
        arguments: What stands after the program's name; None takes the process's own.
        console: What opens the console; without it the status is printed instead.
        first: What is shown on a terminal before there is a cluster; without it that is an error.
    """
    try:
        result = root.main(args=arguments, prog_name="ppsconsole", standalone_mode=False, obj=Faces(console, first))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except PpsConsoleError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    except BrokenPipeError:
        return 0  # whoever read us has seen enough
    return result if isinstance(result, int) else 0
