"""What a fact is: a kind, a form that is the same however it is written, and its place in the text."""

from dataclasses import dataclass
from typing import Literal

FactKind = Literal["quantity", "number", "date", "frequency", "name", "negation", "term"]
CRITICAL: frozenset[FactKind] = frozenset(("quantity", "number", "date", "frequency", "name", "negation"))
"""The kinds that must be kept to the letter; a term is what is left of a statement without any of them."""
VALUES: frozenset[FactKind] = CRITICAL - {"negation"}
"""The kinds that no paraphrase changes."""
NOTHING = "nothing"
"""The form of a negation that names nothing: `None.`, `Noncontributory.`"""


@dataclass(frozen=True, slots=True)
class Fact:
    kind: FactKind
    form: str
    """The normal form: `5`, `2005-04-15`, `2/day`, `warfarin`; of a negation, what is negated."""
    start: int
    end: int
    """`text[start:end]` is how the text puts it."""
    unit: str = ""
    """What it measures: `mg` of a quantity, the noun that a number counts, `date`, `frequency`, `side`, `sex`."""
    about: frozenset[str] = frozenset()
    """The content words beside a number: whose dose it is."""

    @property
    def key(self) -> tuple[FactKind, str, str]:
        """Facts of one key are one fact, said again."""
        return self.kind, self.form, self.unit

    @property
    def is_value(self) -> bool:
        return self.kind in VALUES
