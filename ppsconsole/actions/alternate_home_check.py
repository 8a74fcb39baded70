"""See, before anything is stopped, that what an alternate server holds can be brought home: key, place, programs, room."""

import re

from ppsconsole.actions.alternate_database import held, psql
from ppsconsole.actions.alternate_home import owner_of
from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.bundle_read import key_of
from ppsconsole.actions.bundle_write import dump_tool, store_of
from ppsconsole.actions.copy_facts import SourceFacts, source_facts, target_lacks, tools_lack, waits_lack
from ppsconsole.actions.copying import LOOK_S, rows_of
from ppsconsole.actions.kinds import Looking
from ppsconsole.actions.places import alternate_of, argument
from ppsconsole.actions.standing import standing
from ppsconsole.cluster.judging import size as size_said
from ppsconsole.errors import BadAnswer, PpsConsoleError
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.plan.step import Step

_ASKED = (
    "SELECT json_build_object($$version$$, current_setting($$server_version_num$$)::int, $$in_recovery$$, pg_is_in_recovery(), "
    "$$bytes$$, pg_database_size(current_database()), $$prepared$$, "
    "(SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()), "
    "$$extensions$$, (SELECT json_agg(extname) FROM pg_extension));"
)


class CheckHome(Looking):
    """Looks at both servers. `step.node` is the instance that the data come home to.

    Arguments: `source`, the alternate server; `archive`, the place that its bundle is written to; `promoted`, `yes` where it is a
    standby that the run promotes first.
    """

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether nothing is in the way: where something is, the run ends here, and users go on where they are."""
        return await self.verify(bench, step)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether nothing is in the way; everything that is, is told at once."""
        source, archive = argument(step, "source"), argument(step, "archive")
        try:
            alternate = alternate_of(bench.inventory, source)
            await key_of(bench.inventory.backups[archive])
            await store_of(bench, archive).bundles()
            await held(bench, alternate)
            facts = await _facts(bench, alternate)
            lacks = await _source_lacks(bench, source, facts)
            lacks += await tools_lack(bench, step.node, facts)
            lacks += await _target_lacks(bench, step, facts)
        except PpsConsoleError as error:
            return Finding("no", str(error))
        values = {"bytes": facts.size, "version": facts.version}
        if lacks:
            return Finding("no", "; ".join(lacks), values)
        words = f"{source} has {size_said(facts.size)} of data; key, place, programs, logins and room for it are there"
        return Finding("yes", words, values)


async def _facts(bench: Workbench, alternate: Alternate) -> SourceFacts:
    """Return what the database of the alternate server is; not its roles: what comes home belongs to one of ours."""
    command = psql(alternate, alternate.database.database, _ASKED)
    rows = rows_of(await bench.hosts.look(alternate.database_host, command, timeout_s=LOOK_S), alternate.name)
    if len(rows) != 1 or not isinstance(rows[0], dict):
        raise BadAnswer("it did not tell what its database is", where=alternate.name)
    size = int(rows[0]["bytes"])
    return SourceFacts(int(rows[0]["version"]), size, size, rows[0])


async def _source_lacks(bench: Workbench, source: str, facts: SourceFacts) -> list[str]:
    lacks = []
    if facts.found["in_recovery"]:
        lacks.append(f"the database server of {source} is in recovery")
    if facts.found["prepared"]:
        lacks.append(f"{source} has {int(facts.found['prepared'])} prepared transactions, which no dump has: end them first")
    tool = await dump_tool(bench, source)
    version = re.search(r"\(PostgreSQL\) (\d+)", tool)
    if version is None or int(version[1]) < facts.version // 10000:
        lacks.append(f"{tool} on the host of {source} is older than its server ({facts.version // 10000})")
    return lacks


async def _target_lacks(bench: Workbench, step: Step, facts: SourceFacts) -> list[str]:
    """Return why the server of the step cannot take the data; one that is down is looked at again once it has been started."""
    node = step.node
    try:
        await standing(bench, node)
    except PpsConsoleError:
        return await waits_lack(bench, node)
    lacks, _ = await target_lacks(bench, node, facts, is_promoted_first=step.arguments.get("promoted") == "yes")
    own = await source_facts(bench, node, node)
    _, why = await owner_of(bench, node, str(own.found["owner"]))
    return [*lacks, *([why] if why else [])]
