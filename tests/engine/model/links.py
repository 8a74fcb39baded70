"""Who can reach whom: links are cut and mended by name."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Links:
    """Cut links, as pairs of names; `*` stands for everybody."""

    cut_pairs: set[tuple[str, str]] = field(default_factory=set)

    def cut(self, one: str, other: str) -> None:
        self.cut_pairs |= {(one, other), (other, one)}

    def mend(self) -> None:
        self.cut_pairs.clear()

    def is_open(self, one: str, other: str) -> bool:
        pairs = self.cut_pairs
        return not pairs or not ({(one, other), (one, "*"), ("*", other)} & pairs) or one == other
