"""The preflight's rules: each says what is wrong or worth knowing, in sentences with the place and the remedy."""

from collections.abc import Iterator, Sequence

from sartor.data.agreement import Agreement, agreement
from sartor.data.duplicates import DuplicateGroup, Match, Overlap, overlap
from sartor.data.example import Example
from sartor.errors import InputError
from sartor.flows.check_report import Cost, Finding
from sartor.flows.emphasis import emphasised
from sartor.flows.prepare import Prepared
from sartor.generate.endpoint import Endpoint
from sartor.generate.schema import infer_schema
from sartor.generate.trie import LabelTrie
from sartor.models.builtin import ENCODER, pulled
from sartor.models.template import Renderer
from sartor.report.format import money, plural, seconds, size_bytes
from sartor.task import TaskSpec
from sartor.train.batches import Encoded
from sartor.train.encode import EncodedSet, fit


def too_long(
    examples: Sequence[Example], rows: Sequence[Encoded], limit: int | None, spec: TaskSpec
) -> tuple[EncodedSet, list[Finding]]:
    """What is left under the task's policy, and what it did; all rows where it forbids the run."""
    whole = fit(examples, rows, None, "error")
    try:
        kept = fit(examples, rows, limit, spec.train.overlong)
    except InputError as error:
        return whole, [Finding("error", str(error))]
    if examples and not kept.rows:
        text = f"all {plural(len(rows), 'row')} from {examples[0].source} on are longer than {limit:,} tokens"
        return whole, [Finding("error", f"{text}; raise `train.max_length`, or shorten them")]
    found = []
    for sources, what in ((kept.dropped, "left out of training"), (kept.cut, "cut from the left")):
        if sources:
            text = f"{plural(len(sources), 'row')} {what}: longer than {limit:,} tokens (first: {sources[0]})"
            found.append(Finding("warning", text))
    return kept, found


def emphasis(
    examples: Sequence[Example], rows: Sequence[Encoded], spec: TaskSpec, renderer: Renderer
) -> Iterator[Finding]:
    """What the weights of rows and tokens come to: rows that count nothing, and those in which nothing stands out."""
    try:
        found = emphasised(examples, rows, spec, renderer)
    except InputError as error:
        yield Finding("error", str(error))
        return
    pairs = list(zip(examples, found, strict=True))
    nothing = [example.source for example, row in pairs if not row.weight]
    if len(nothing) == len(pairs):
        yield Finding("error", f"every training row has the weight 0 in the column `{spec.data.weight}`")
    elif nothing:
        yield Finding("note", f"{plural(len(nothing), 'row')} of weight 0 not trained on (first: {nothing[0]})")
    for key in ("fact_weight", "field_weight"):
        alike = [example.source for example, row in pairs if len(set(row.weights or ())) == 1 and row.weight]
        if getattr(spec.train, key) > 1 and alike:
            text = f"{plural(len(alike), 'row')} in whose answer nothing is found for `train.{key}` (first: {alike[0]})"
            yield Finding("warning", text)


def long_tests(
    examples: Sequence[Example], rows: Sequence[Encoded], allowed: int | None, spec: TaskSpec
) -> Iterator[Finding]:
    """Test rows are never dropped or cut, so those that the base cannot read are for a person to settle."""
    long = [place for place, row in enumerate(rows) if allowed and len(row) > allowed]
    if long:
        first = f"{examples[long[0]].source}: {len(rows[long[0]]):,} tokens with its answer"
        yield Finding(
            "error" if spec.train.overlong == "error" else "warning",
            f"{plural(len(long), 'test row')} longer than the {allowed:,} tokens that the base reads ({first}): "
            "no system can answer well; shorten them",
        )


def answering(prepared: Prepared, renderer: Renderer) -> Iterator[Finding]:
    """What would stop the systems that are to answer: missing models and keys, answers that cannot be told apart."""
    spec, splits = prepared.task.spec, prepared.splits
    learned = [*splits.train, *splits.validation]
    single = all(len(example.labels) == 1 for example in learned) and spec.data.labels != "multi"
    try:
        if spec.kind == "classification":
            pulled(ENCODER.name)
        if spec.generate.constrained and spec.kind == "classification" and single:
            LabelTrie(prepared.labels, renderer.reply_ids)
        if spec.generate.constrained and spec.kind == "extraction":
            infer_schema(example.target for example in learned)
        for rival in spec.rivals:
            Endpoint(rival, max_tokens=1)
    except InputError as error:
        yield Finding("error", str(error))


def contradictions(duplicates: Sequence[DuplicateGroup]) -> Iterator[Finding]:
    """Equal questions of training: with different answers no model can learn both."""
    opposed = [group for group in duplicates if not group.same_target]
    repeats = sum(len(group.rows) - 1 for group in duplicates)
    if opposed:
        where = " and ".join(opposed[0].places[:2])
        count = plural(len(opposed), "training question")
        yield Finding("warning", f"different answers to {count} (first: {where}); settle which is right")
    if repeats:
        yield Finding("note", f"{plural(repeats, 'training row')} with a question that an earlier row asks")


def annotators(prepared: Prepared, found: Agreement | None) -> Iterator[Finding]:
    """How far people agree on the rows that are to be learned, and whether that is enough for the task's gate."""
    gate = prepared.task.spec.data.agreement
    if gate is None:
        if found:
            yield Finding("note", f"annotators: {found}")
    elif found is None:
        text = "no training row has answers of two people, so that their agreement is not known"
        yield Finding(
            "error", f"{text}, and `data.agreement` asks for {gate:g}; name their columns as `data.annotations`"
        )
    elif found.alpha is None or found.alpha < gate:
        text = f"annotators agree too little to train on: {found}, and `data.agreement` asks for {gate:g}"
        yield Finding(
            "error",
            f"{text}; settle the rows that `sartor curate --check disagreement` shows, or write clearer instructions",
        )
    else:
        yield Finding("note", f"annotators agree enough (`data.agreement: {gate:g}`): {found}")
        if found.low is not None and found.low < gate:
            text = f"the annotators' alpha may be as low as {found.low:.3f}, below `data.agreement: {gate:g}`"
            yield Finding("warning", f"{text}: have more rows answered twice")


def require_agreement(prepared: Prepared) -> None:
    """Raises InputError where the task's gate is closed."""
    if prepared.task.spec.data.agreement is not None:
        for finding in annotators(prepared, agreement(prepared.learned)):
            if finding.level == "error":
                raise InputError(finding.text)


def leaks(prepared: Prepared, shared: Overlap) -> Iterator[Finding]:
    """What a test set shares with training flatters every score on it."""
    spec, test = prepared.task.spec, prepared.splits.test
    data = spec.data
    # The whole training file, since a sample of it would hide that the two files are one.
    if data.test and len(overlap(prepared.examples, test, spec.kind).exact) == len(test):
        text = f"every test row of {data.test} is also in {data.train}, question and answer"
        yield Finding("error", f"{text}: such a test measures memory; name other rows as `data.test`")
        return
    rest = len(shared.questions) - len(shared.exact)
    if shared.exact:
        some = f"{len(shared.exact):,} of {plural(len(test), 'test row')} also in training, question and answer"
        yield Finding(
            "warning", f"{some} ({_places(shared.exact)}): they flatter every score; remove them from one side"
        )
    if rest > 0:
        some = f"{plural(rest, 'test row')}{' more' if shared.exact else ''} with a question of training"
        opposed = f", {len(shared.contradictions):,} of them with another answer" if shared.contradictions else ""
        other = [match for match in shared.questions if match not in shared.exact]
        yield Finding("warning", f"{some} ({_places(other)}){opposed}")
    if near := prepared.near_leaks:
        some = f"{plural(len(near), 'row')} of {data.train} with nearly a question of {data.test}"
        yield Finding("warning", f"{some} ({_places(near)}): where they mean the same, remove one side")
    for role, matches in (("group", shared.groups), ("subject", shared.subjects)):
        if matches:
            some = f"{plural(len(matches), 'value')} of `data.{role}`"
            yield Finding("warning", f"{some} both in training and in the test set ({_places(matches)})")


def spending(cost: Cost, slow_because: str | None, spec: TaskSpec) -> Iterator[Finding]:
    """Time, memory and money against what there is."""
    if slow_because:
        yield Finding("note", f"training takes the plain path, slower than the fast one: {slow_because}")
    if cost.gradient_checkpointing and spec.train.gradient_checkpointing == "auto":
        yield Finding(
            "note",
            "layers are computed once more for the gradient, as memory is too small to keep what they make of the largest "
            "pass; a smaller `train.pass_tokens` may do without, and changes no result",
        )
    if cost.memory_bytes > cost.machine_memory_bytes:
        yield Finding(
            "error",
            f"training needs about {size_bytes(cost.memory_bytes)} of memory, and {cost.machine} has "
            f"{size_bytes(cost.machine_memory_bytes)}; lower `train.pass_tokens`, which changes no result, or "
            "`train.max_length`, or take a smaller base",
        )
    budget = spec.train.budget
    if budget is None:
        return
    if cost.money is None:
        yield Finding("warning", "`train.budget` cannot be held without a price: set `costs.hour` (or give `--price`)")
    elif cost.money > budget:
        yield Finding(
            "error",
            f"training is estimated at {money(cost.money, cost.currency)} ({seconds(cost.seconds)} on {cost.machine}), and "
            f"`train.budget` is {money(budget, cost.currency)}; raise it, or lower `train.epochs` or `data.rows`",
        )


def _places(matches: Sequence[Match]) -> str:
    """The first matches as `train.csv:3 = test.csv:9`, joined."""
    return ", ".join(f"{match.train} = {match.test}" for match in matches[:3])
