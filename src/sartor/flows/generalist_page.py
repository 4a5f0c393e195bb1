"""Specialists beside one adapter for all, as texts for a terminal and for the page."""

from collections.abc import Iterator

from sartor.evaluate.matrix import TaskDifference
from sartor.flows.generalist_outcome import OneForAll
from sartor.report.format import count, money, p_value, plural, seconds, size_bytes
from sartor.report.generalist import GeneralistData, TextTable


def generalist_view(found: OneForAll) -> GeneralistData:
    """The verdict, the matrix of adapters and tasks, the differences, and what each way takes."""
    return GeneralistData(
        title="One model for all?",
        about=f"{', '.join(found.tested)}; {found.seeds} seeds",
        headline=found.headline,
        sentences=tuple(found.sentences),
        warnings=tuple(found.notes),
        tables=(_matrix(found), _differences(found), _forgetting(found), _costs(found)),
        provenance=tuple(_provenance(found)),
    )


def _matrix(found: OneForAll) -> TextTable:
    """A line for each adapter, a column for each task."""
    lines = dict[str, list[str]]()
    for cell in found.matrix:
        shown = found.tested[cell.task].scale.estimate(cell.value, cell.low, cell.high)
        lines.setdefault(cell.adapter, []).append(shown)
    heads = (f"{each.task}, {each.title}, n = {each.n:,}" for each in found.tested.values())
    note = (
        "Each adapter answers the test rows of every task under that task's own prompt and constraints; the mean of the "
        "seeds, with 95 % intervals over rows and seeds. What a specialist scores on another task's rows is interference."
    )
    rows = tuple((adapter, *cells) for adapter, cells in lines.items())
    return TextTable("Every adapter on every task", note, ("adapter", *heads), rows)


def _differences(found: OneForAll) -> TextTable:
    heads = ("task", "specialist less", "difference", "p", "adjusted", "verdict", "detectable", "rows needed")
    rows = (
        (each.task, each.b, *_measured(found, each), found.word(each), *_reach(found, each))
        for each in (*found.generalist, *found.sequential)
    )
    note = (
        f"On the first KPI, paired on the same test rows, 95 % intervals; p adjusted for {plural(len(found.tested), 'task')} "
        "(Holm). No difference shown: the whole interval lies within the margin; rows needed are those that would settle "
        "what is INCONCLUSIVE."
    )
    return TextTable("Specialists less one adapter for all", note, heads, tuple(rows))


def _forgetting(found: OneForAll) -> TextTable:
    heads = ("task", "after its own task", "at the end", "forgotten", "p", "adjusted", "detectable", "rows needed")
    rows = []
    for each in found.forgetting:
        cells = (found.cell(each.task, adapter) for adapter in (each.a, each.b))
        ends = (found.tested[each.task].scale.estimate(cell.value, cell.low, cell.high) for cell in cells)
        rows.append((each.task, *ends, *_measured(found, each), *_reach(found, each)))
    last = list(found.tested)[-1]
    note = (
        f"The sequential adapter learns the tasks in their order, {last} last, of which it has forgotten nothing yet."
    )
    return TextTable("What the sequential adapter forgets", note, heads, tuple(rows))


def _measured(found: OneForAll, each: TaskDifference) -> tuple[str, str, str]:
    shown = found.tested[each.task].scale.difference(each.difference, each.low, each.high)
    return shown, p_value(each.p_value), p_value(each.adjusted_p)


def _reach(found: OneForAll, each: TaskDifference) -> tuple[str, str]:
    detectable = found.tested[each.task].scale.points(each.mdd).lstrip("+")
    return detectable, count(each.rows_needed) if each.rows_needed else "–"


def _costs(found: OneForAll) -> TextTable:
    tasks = len(found.tested)
    rows = (
        (
            each.way,
            str(each.trainings),
            seconds(each.seconds),
            money(each.money, found.currency) if found.currency else "–",
            size_bytes(each.adapter_bytes),
            size_bytes(each.loaded_bytes),
        )
        for each in found.costs
    )
    note = (
        "Of one seed, the mean of all; the sequential adapter begins with the first specialist, whose training counts for "
        f"both.{'' if found.currency else ' Without `costs.hour` there is no money.'}"
    )
    heads = ("way", "trainings", "time", "money", "one adapter", f"loaded beside the base for {tasks} tasks")
    return TextTable("Cost and size", note, heads, tuple(rows))


def _provenance(found: OneForAll) -> Iterator[tuple[str, str]]:
    yield "base", found.base
    yield "recipe of generalist and sequential adapter", found.recipe
    for each in found.tested.values():
        margin = each.scale.points(each.margin).lstrip("+")
        opened = f"opened {plural(each.test_openings, 'time')}: what is chosen by its scores, it flatters"
        yield f"rows of {each.task}", f"{each.learned:,} of training and validation, {each.n:,} of the test set"
        yield f"test set of {each.task}", f"sha256 {each.test}, {opened}; margin {margin} of {each.title}"
