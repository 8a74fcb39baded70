"""Asking for an inventory, round by round: the questions still open, what to offer as their answers, and what was found.

The faces differ only in how they show a question and where they let somebody type.
"""

from pathlib import Path

from ppsconsole.clock import SystemClock, iso
from ppsconsole.errors import InventoryError, UsageError
from ppsconsole.inventory import draft
from ppsconsole.inventory.answers import ASKS, ROUNDS, Answers, Ask, Round, ask_for
from ppsconsole.inventory.find import free_place, usual_place
from ppsconsole.inventory.found import Found
from ppsconsole.inventory.load import parse
from ppsconsole.inventory.model import Inventory
from ppsconsole.inventory.putting import put, refuse_existing
from ppsconsole.inventory.writing import mode_of, web_service, write
from ppsconsole.probes.discover import Discovery
from ppsconsole.probes.trials import Trials


class Interview:
    """One inventory in the making.

    Attributes:
        answers: What was said so far.
        asked: Names of the questions that were answered in this sitting, in their order.
        trials: What is tried, and what came of it.
    """

    def __init__(self, answers: Answers | None = None, draft_path: Path | None = None, *, is_old_set_aside: bool = False) -> None:
        self.answers = answers or Answers()
        self.asked: list[str] = []
        self.trials = Trials()
        self._draft = draft_path
        self._is_old_set_aside = is_old_set_aside
        self._discovery = Discovery(self.trials)
        self._looked: set[Round] = set()

    @property
    def found(self) -> Found:
        """What is known by now."""
        return self._discovery.found

    @property
    def round(self) -> Round | None:
        """The round whose questions or whose look are due; None when everything is known."""
        return next((part for part in ROUNDS if part not in self._looked), None)

    def question(self) -> Ask | None:
        """Return the next question of this round; None when it is time to look, or everything is known."""
        return next((ask for ask in ASKS if ask.round == self.round and ask.name not in self.asked and self._is_due(ask)), None)

    def offer(self, ask: Ask) -> str:
        """Return what stands there as an answer already: said before, found, or usual; empty when there is nothing."""
        return self.answers.said(ask.name) or self._found_words(ask.name) or ask.default

    def answer(self, ask: Ask, words: str) -> str:
        """Take an answer, and keep it in the draft; return why it is refused, empty when it was taken."""
        words = words.strip() or (self.offer(ask) if ask.name == "out" else "")
        why = ask.refused(words)
        if not why and ask.name == "out":
            why = self._taken(words)
        if why:
            return why
        self.answers = self.answers.having(ask.name, words)
        self.asked.append(ask.name)
        return self._keep()

    def back(self) -> bool:
        """Ask the last question again; what was looked at since is looked at again, too. Returns whether there was one."""
        if not self.asked:
            return False
        first = ROUNDS.index(ask_for(self.asked.pop()).round)
        self._looked -= set(ROUNDS[first:])
        return True

    async def look(self) -> str:
        """Look at what this round named; return why its questions have to be asked again, empty when all is well."""
        part = self.round
        assert part is not None
        try:
            await self._discovery.look(part, self.answers)
        except UsageError as error:
            self.asked = [name for name in self.asked if ask_for(name).round != part]
            return str(error)
        self._looked.add(part)
        if part == "web" and (why := self.lacking()):
            self._looked.discard(part)
            self.asked = [name for name in self.asked if ask_for(name).round != part]
            return why
        return ""

    async def look_at_everything(self) -> None:
        """Look at all that was said at once.

        Raises:
            UsageError: An answer does not fit what was found.
        """
        await self._discovery.look_at_everything(self.answers)
        if why := self.lacking():
            raise UsageError(why)

    def lacking(self) -> str:
        """Return what an inventory cannot be written without and was neither said nor found; empty when nothing is."""
        if not self.found.webs:
            return "--web: no web node was found on the hosts. Name them: HOST[:PORT], each one of the hosts"
        nobody = [
            web.host for web in self.found.webs if web_service(self.answers, self.found.named(web.host), self.found) is None
        ]
        if nobody:
            where = ", ".join(nobody)
            return f"--web-service: what starts the web node on {where} was not found. Say it as KIND:NAME, e.g. systemd:pps"
        return ""

    def text(self) -> str:
        """Return the inventory as it would be written."""
        return write(self.answers, self.found, iso(SystemClock().now()))

    def mistakes(self) -> str:
        """Return what our own loader says against the text, one line each; empty when nothing."""
        try:
            parse(self.text().encode(), self.place)
        except InventoryError as error:
            return str(error)
        return ""

    @property
    def place(self) -> str:
        """Where it is to be written."""
        return self.answers.out or str(usual_place())

    def put(self) -> tuple[Inventory, str]:
        """Write the inventory and drop the draft; see `inventory.putting.put`."""
        done = put(self.text(), self.place, is_old_set_aside=self._is_old_set_aside)
        if self._draft is not None:
            draft.drop(self._draft)
        return done

    async def aclose(self) -> None:
        """Close all connections."""
        await self._discovery.aclose()

    def _keep(self) -> str:
        if self._draft is not None:
            try:
                draft.keep(self.answers, self._draft)
            except OSError:
                self._draft = None  # going on without a draft is better than not going on
        return ""

    def _taken(self, place: str) -> str:
        """Return why an inventory cannot be written to `place`; empty when it can."""
        try:
            refuse_existing(place, is_old_set_aside=self._is_old_set_aside)
        except UsageError as error:
            return str(error)
        return ""

    def _is_due(self, ask: Ask) -> bool:
        """Return whether a question has to be put: what starts a web node only where nobody knows."""
        if ask.name != "web_service":
            return True
        found = self.found
        services = (web_service(self.answers, found.named(each.host), found) for each in found.webs)
        return bool(self.answers.web_service) or any(service is None for service in services)

    def _found_words(self, name: str) -> str:
        found = self.found
        if name == "db":
            signs = [each for each in found.hosts if each.database_service is not None and not each.trouble]
            return f"{signs[0].name}:5432" if signs else ""
        if name == "web":
            return " ".join(f"{each.host}:{each.port}" for each in found.webs)
        if name == "mode":
            return mode_of(self.answers, found)
        if name == "out":
            return str(free_place(self.answers.cluster))
        return ""
