"""Facts in English text, found and compared by rules: what a summary must keep, and must not make up."""

from sartor.evaluate.facts.compare import Comparison, Expected, Reading, compare
from sartor.evaluate.facts.fact import Fact
from sartor.evaluate.facts.find import facts

__all__ = ["Comparison", "Expected", "Fact", "Reading", "compare", "facts"]
