"""Classification with one label a row: agreement beyond chance, and what mistakes cost."""

import difflib

import numpy as np

from sartor.data.example import Example
from sartor.errors import InputError
from sartor.evaluate.metric import Array, Mean, Metric, Scope, register, text_of
from sartor.generate.answer import Answer


@register
class Mcc(Metric):
    """Matthews correlation of answered and expected labels: 0 is chance, whatever the shares of the labels (Gorodkin 2004).

    R_K from the sums of the confusion matrix, −1 to 1, as scikit-learn computes it. All that is no known label is one
    more label that nobody expects.
    """

    name = "mcc"
    title = "Matthews correlation"
    kinds = ("classification",)
    on_request = True

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        refuse_multi(self)
        self._place = {label: i for i, label in enumerate(scope.labels)}

    @property
    def signature(self) -> str:
        return f"mcc|R_K|labels:{len(self.scope.labels)}|unknown labels:one more"

    def row(self, example: Example, answer: Answer) -> Array:
        """Rows that expect each label [labels + 1], rows that answer it [labels + 1], right rows, rows."""
        unknown = len(self._place)
        gold, said = example.labels[0], "" if answer.finish == "error" else text_of(answer)
        sums = np.zeros(2 * unknown + 4)
        sums[self._place.get(gold, unknown)] = sums[unknown + 1 + self._place.get(said, unknown)] = 1.0
        sums[-2:] = gold == said, 1.0
        return sums

    def of_sums(self, sums: Array) -> Array:
        expected, answered = np.moveaxis(sums[..., :-2].reshape(*sums.shape[:-1], 2, -1), -2, 0)
        right, rows = sums[..., -2], sums[..., -1]
        shared = right * rows - (expected * answered).sum(axis=-1)
        spread = (rows**2 - (expected**2).sum(axis=-1)) * (rows**2 - (answered**2).sum(axis=-1))
        return np.asarray(np.divide(shared, np.sqrt(spread), out=np.zeros_like(shared), where=spread > 0))

    def per_row(self, stats: Array) -> Array:
        """Whether the row is right: one row has no correlation."""
        return np.asarray(stats[..., -2])


@register
class ErrorCost(Mean):
    """Mean cost of a row, from the cost of each mistake: expected label, answered label, cost.

    A right answer costs 0 and a mistake that is not listed 1. No answer, or one that is no label, costs as much as the
    dearest mistake with its label, and 1 at the least. Raises InputError without costs, or for costs that cannot be meant.
    """

    name = "error_cost"
    title = "cost of errors"
    kinds = ("classification",)
    higher_is_better = False
    on_request = True

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        refuse_multi(self)
        if not self.option.costs:
            raise InputError(
                "kpis: `error_cost` has no costs: add `costs: {EXPECTED: {ANSWERED: 5}}` to it; unlisted mistakes cost 1"
            )
        self._costs = self.option.costs
        for expected, line in self._costs.items():
            for label in (expected, *line):
                if scope.labels and label not in scope.labels:
                    near = difflib.get_close_matches(label, scope.labels, n=1)
                    guess = f"did you mean `{near[0]}`?" if near else "write labels as the rows do"
                    raise InputError(f"kpis: the costs of `error_cost` name `{label}`, which is no label; {guess}")
            if low := [label for label, cost in line.items() if cost < 0]:
                raise InputError(
                    f"kpis: the cost of `{low[0]}` for `{expected}` is below 0; `error_cost` counts from 0"
                )
        top = max((cost for line in self._costs.values() for cost in line.values()), default=1.0)
        self.maximum = max(1.0, top)  # the end of the scale is the task's

    @property
    def signature(self) -> str:
        listed = sum(map(len, self._costs.values()))
        return f"error_cost|costs:{listed} listed, others 1|no label:dearest"

    def score(self, example: Example, answer: Answer) -> float:
        gold, said = example.labels[0], text_of(answer)
        if said == gold and answer.finish != "error":
            return 0.0
        line = self._costs.get(gold, {})
        if said in self.scope.labels:
            return line.get(said, 1.0)
        return max([1.0, *line.values()])


def refuse_multi(judge: Metric) -> None:
    """Raises InputError where rows may carry several labels and the metric knows of one."""
    if judge.scope.multi:
        raise InputError(f"kpis: `{judge.name}` is for one label a row; with several, use `micro_f1` or `macro_f1`")
