"""Why nothing can be planned: a rule with a stable name, and the facts behind it."""

from ppsconsole.errors import Blocked


class Barred(Blocked):
    """The state of the world, or what was declared, leaves no plan to make.

    Attributes:
        rule: Name of the rule, kebab-case, stable for grep: `split-brain`, `primary-alive`.
    """

    def __init__(self, rule: str, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.rule = rule
