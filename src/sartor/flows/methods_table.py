"""Methods beside each other as a table of texts, for a terminal and for the page."""

from sartor.flows.methods import Compared
from sartor.report.format import money, seconds, size_bytes
from sartor.report.view import MethodsView


def methods_table(compared: Compared) -> MethodsView:
    """A row for each method: its score over seeds, then what one training takes, then what tuning took."""
    costs, scores = compared.judged.spec.costs, compared.kpis
    title = next(iter(scores.values())).title
    rows = []
    for cost in compared.costs:
        score = scores[cost.method]
        paid, paid_tuning = (
            money(each, costs.currency) if costs.hour else "–" for each in (cost.money, cost.tuning_money)
        )
        rows.append(
            (
                cost.method,
                score.scale.estimate(score.value, score.low, score.high),
                f"{cost.learning_rate:.2g}",
                seconds(cost.seconds),
                f"{cost.flops:.1e}",
                size_bytes(cost.peak_memory_bytes),
                size_bytes(cost.stored_bytes),
                paid,
                seconds(cost.tuning.seconds) + (f", {paid_tuning}" if costs.hour else ""),
            )
        )
    heads = ("method", title, "rate", "time", "FLOPs", "memory", "stored", "money", "tuning")
    return MethodsView(heads, tuple(rows), (_means(compared), *compared.sentences))


def _means(compared: Compared) -> str:
    where = "in a process that only trains" if compared.memory_of == "process" else "that training allocated on the GPU"
    means = f"Time, modelled FLOPs and money are of one training, the mean of {compared.seeds} seeds; memory is the most {where}"
    return means + ("." if compared.judged.spec.costs.hour else "; without `costs.hour` there is no money.")
