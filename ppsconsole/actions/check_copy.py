"""See, before anything is stopped, that a database can be copied from one server to another: programs, logins, versions, room."""

from ppsconsole.actions.base import Finding, Workbench
from ppsconsole.actions.copy_facts import source_facts, source_lacks, target_lacks, tools_lack, waits_lack
from ppsconsole.actions.copying import asked
from ppsconsole.actions.kinds import Looking
from ppsconsole.actions.places import argument
from ppsconsole.actions.standing import standing
from ppsconsole.cluster.judging import size as size_said
from ppsconsole.errors import Blocked, DriverError
from ppsconsole.plan.step import Step


class CheckCopy(Looking):
    """Looks from the host of `step.node`, which the database is copied to. Argument `source`: the instance that has it.

    A target that is down is looked at again when it has been started, by the step that restores.
    """

    async def precheck(self, bench: Workbench, step: Step) -> Finding:
        """Return whether nothing is in the way: where something is, the run ends here, and nothing was touched."""
        return await self.verify(bench, step)

    async def verify(self, bench: Workbench, step: Step) -> Finding:
        """Return whether nothing is in the way; everything that is, is told at once."""
        source = argument(step, "source")
        try:
            facts = await source_facts(bench, step.node, source)
            lacks = await source_lacks(source, facts)
            lacks += await tools_lack(bench, step.node, facts)
            # The source is closed for writers on its own host, with its own login.
            await asked(bench, source, source, "postgres", "SELECT 1;")
            lacks += await self._lacks_of_target(bench, step, source)
        except (DriverError, Blocked) as error:
            return Finding("no", str(error))
        values = {"bytes": facts.size, "table_bytes": facts.table_size, "version": facts.version}
        if lacks:
            return Finding("no", "; ".join(lacks), values)
        words = f"{source} has {size_said(facts.size)} of data; programs, logins and room on {step.node} are there"
        return Finding("yes", words, values)

    async def _lacks_of_target(self, bench: Workbench, step: Step, source: str) -> list[str]:
        try:
            await standing(bench, step.node)
        except DriverError:
            return await waits_lack(bench, step.node)
        lacks, _ = await target_lacks(bench, step.node, await source_facts(bench, step.node, source))
        return lacks
