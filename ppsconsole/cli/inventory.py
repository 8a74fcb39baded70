"""`ppsconsole inventory check | init | schema | show`."""

from typing import TYPE_CHECKING

import click

from ppsconsole.cli.options import Options
from ppsconsole.cli.show import json_text
from ppsconsole.errors import PpsConsoleError

if TYPE_CHECKING:
    from ppsconsole.inventory.model import Inventory


class _Group(click.Group):
    """Loads what looks at hosts only where an inventory is made."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted((*super().list_commands(ctx), "init"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "init":
            from ppsconsole.cli.init import init

            return init
        return super().get_command(ctx, cmd_name)


@click.group("inventory", cls=_Group, help="Make, check, describe or show the inventory file.")
def inventory() -> None:
    """Hold the commands together."""


@inventory.command("check", help="Validate the inventory: one line for each mistake, exit 2; or one line with what is in it.")
@click.pass_context
def check(ctx: click.Context) -> None:
    """Print `FILE: ok, …`, or every mistake to stderr and exit 2."""
    click.echo(summary(_loaded(ctx)))


def summary(found: "Inventory") -> str:
    """Return one line that says that an inventory is good and what is in it."""
    counts: tuple[tuple[int, str], ...] = (
        (len(found.sites), "site"),
        (len(found.hosts), "host"),
        (len(found.web_nodes), "web node"),
        (len(found.database.instances), "database instance"),
        (len(found.balancers), "balancer"),
        (len(found.directories), "directory"),
        (len(found.backups), "backup"),
    )
    counts += ((len(found.alternates), "alternate server"),) if found.alternates else ()
    return f"{found.path}: ok, " + ", ".join(_counted(*each) for each in counts)


@inventory.command("schema", help="Print the JSON schema of the inventory file, for editors.")
def schema() -> None:
    """Print the schema."""
    from ppsconsole.inventory.schema import schema as make_schema

    click.echo(json_text(make_schema()))


@inventory.command(
    "show", help="Print the inventory as understood: defaults filled in, secrets only as references. A wrong one exits with 2."
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON instead of YAML.")
@click.pass_context
def show(ctx: click.Context, is_json: bool) -> None:
    """Print the resolved inventory."""
    from ppsconsole.inventory.show import resolved
    from ppsconsole.inventory.show import show as as_text

    found = _loaded(ctx)
    click.echo(json_text(resolved(found)) if is_json else as_text(found), nl=is_json)


def _loaded(ctx: click.Context) -> "Inventory":
    """Return the inventory; when it cannot be used, print why to stderr, one line for each mistake, and exit."""
    options = ctx.find_object(Options) or Options(None)
    try:
        return options.load_inventory()
    except PpsConsoleError as error:
        click.echo(str(error), err=True)
        ctx.exit(error.exit_code)


def _counted(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("y") else f"{count} {noun}s"
