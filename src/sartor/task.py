"""The task spec: strict models of `sartor.yaml`. `task_file` reads one."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

Kind = Literal["classification", "extraction", "summarization", "generation", "code", "sql"]
CODE: tuple[Kind, ...] = ("code", "sql")
"""Kinds in whose texts a mark or a capital can be a program's."""
FACTUAL: tuple[Kind, ...] = ("summarization", "generation")
"""Kinds whose texts state facts."""
FIELDED: tuple[Kind, ...] = ("extraction", *CODE)
"""Kinds whose texts have values in a frame of marks."""
Method = Literal["lora", "qlora", "ia3", "bottleneck", "prompt", "prefix", "full"]
Placement = Literal["pfeiffer", "houlsby"]
PASS_TOKENS = 2048
METHOD_SETTINGS: dict[Method, tuple[str, ...]] = {
    "lora": ("rank", "alpha", "rslora", "dora", "lora_plus", "depth"),
    "qlora": ("rank", "alpha", "rslora", "dora", "lora_plus", "depth"),
    "ia3": (),
    "bottleneck": ("rank", "placement", "depth"),
    "prompt": ("virtual_tokens",),
    "prefix": ("virtual_tokens",),
    "full": (),
}
"""The keys of `train` that a method reads, beside those that every method does."""
AVERAGED: tuple[Method, ...] = ("lora", "qlora", "full")
"""Methods whose change of a weight is a matrix, and the mean of several another."""
Action = Literal["drop", "fix", "review", "off"]
Way = Literal["coverage", "diverse", "typical", "hard", "similar", "longest", "random"]
"""What rows are selected by."""
SPEC_NAME = "sartor.yaml"

DEFAULT_KPIS: dict[str, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "extraction": ("field_f1", "json_valid", "exact_match"),
    "summarization": ("critical_facts", "facts_kept", "hallucinated_facts"),
    "generation": ("rouge_l", "token_f1", "bleu"),
    "code": ("tests_pass", "compiles", "exact_match"),
    "sql": ("execution_accuracy", "executes", "exact_match"),
}
RUN = ("tests_pass", "execution_accuracy", "executes")
"""They run what was written, and are usual only where `data.tests` says on what."""
HARD = ("exact_match", "facts_kept", "tests_pass", "execution_accuracy")
"""Of the usual KPIs, those without which an output is not usable."""


class Strict(BaseModel):
    """A part of the spec: immutable, and no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _not_blank(cls, value: object) -> object:
        if isinstance(value, str) and not value.strip():
            raise PydanticCustomError("blank", "blank text")
        return value


class DataSpec(Strict):
    train: str
    """File of examples, relative to `sartor.yaml`."""
    version: str | None = None
    """Train on this version of the rows: `latest`, or the beginning of its hash. Without it, on the file as it stands."""
    test: str | None = None
    """Held-out file; without one, `test_share` of the rows is split off, whatever belongs together kept together."""
    test_version: str | None = None
    """Test on this version of rows instead: the beginning of its hash, as `sartor data split` says it."""
    input: str | None = None
    target: str | None = None
    id: str | None = None
    """Column with the row's own id; without one, the row's number."""
    group: str | None = None
    """Rows with the same value never lie on both sides of a split."""
    subject: str | None = None
    """Whose data the row is: kept on one side of a split, and what erasure asks for."""
    annotations: tuple[str, ...] = ()
    """Columns of people's answers: one for each person, or the one in which a labelling tool's export has everybody's.
    Without it, the column `annotations` where there is one of the latter kind."""
    agreement: float | None = Field(default=None, gt=0, le=1)
    """A gate: nothing is trained on rows whose annotators agree less than this (Krippendorff's alpha)."""
    facts: str | None = None
    """Column of the critical facts that an answer must hold: a list, or text with one fact a line."""
    weight: str | None = None
    """Column of how much a row counts in the loss of training, beside the others: a number, 0 or more."""
    tests: str | None = None
    """Code: column of the unit tests, a list of `assert` statements or text. SQL: column of the statements that make the
    database."""
    rows: int | None = Field(default=None, ge=2)
    """Use at most this many training rows (seeded sample, stratified by label for classification)."""
    test_rows: int | None = Field(default=None, ge=1)
    test_share: float = Field(default=0.2, gt=0, lt=1)
    labels: Literal["single", "multi"] | None = None
    """Classification only: one label a row, or several (a list, or text separated by `separator`)."""
    separator: str = ";"

    @model_validator(mode="after")
    def _one_test(self) -> "DataSpec":
        if self.test and self.test_version:
            raise ValueError("`test` and `test_version` both name the test rows: remove one")
        if self.test_version == "latest":
            raise ValueError("`test_version: latest` would change with the rows: write the hash that `data split` said")
        return self

    @property
    def draws_test(self) -> bool:
        """Whether the test set is split off anew by every run: neither a file nor a version is named."""
        return not (self.test or self.test_version)


class PromptSpec(Strict):
    system: str | None = None
    user: str | None = None
    """Template; `{column}`, `{column.key}` and `{column.*.key}` are filled from the row. Default: `{INPUT}`."""
    target: str | None = None
    """Template of the answer. Default: `{TARGET}`."""
    messages: str | None = None
    """Chat rows: the column that holds the messages, the last of which is the answer."""

    @model_validator(mode="after")
    def _one_way(self) -> "PromptSpec":
        if self.messages and (self.user or self.target):
            raise ValueError("`messages` takes the whole conversation from a column: remove `user` and `target`")
        return self


class RivalSpec(Strict):
    """A rival behind an OpenAI-compatible endpoint."""

    endpoint: str
    model: str
    key_env: str | None = None
    price_in: float | None = Field(default=None, ge=0)
    """Price of a million prompt tokens, in `costs.currency`."""
    price_out: float | None = Field(default=None, ge=0)


class JudgeSpec(RivalSpec):
    """A model behind an OpenAI-compatible endpoint that compares an output with the reference."""

    question: str
    """What it is asked of the two: `Which answer keeps more of the facts?`"""
    repeats: int = Field(default=3, ge=1, le=20)
    """How often it is asked in each of the two orders."""
    temperature: float = Field(default=0.7, ge=0)
    max_tokens: int = Field(default=256, ge=1)
    human: str | None = None
    """Column of a file of predictions with people's own judgement of the output: true or false, or a number from 0 to 1."""


class KpiSpec(Strict):
    name: str
    goal: float | None = None
    hard: bool = False
    """No output is usable unless it holds."""
    margin: float | None = Field(default=None, gt=0)
    """A guard rail: how much worse than the incumbent it may be, on the metric's own scale."""
    function: str | None = None
    """A KPI of the task's own: `FILE.py:FUNCTION`, relative to `sartor.yaml`, called with (example, output)."""
    judge: JudgeSpec | None = None
    """A KPI that a model judges; never the first KPI of a task, nor its only hard one."""
    at: float | None = None
    """The threshold that the metric counts by, such as a reading grade or a confidence; the k of pass@k."""
    pattern: str | None = None
    """`format`: the regular expression that a whole answer must match."""
    json_schema: str | dict[str, Any] | None = None
    """`schema_valid`: the JSON Schema, or its file, relative to `sartor.yaml`, which `load_task` reads."""
    sections: tuple[str, ...] = ()
    """`sections`: the headings that an answer must have."""
    costs: dict[str, dict[str, float]] | None = None
    """`error_cost`: expected label → answered label → cost; what is not listed costs 1."""

    @model_validator(mode="after")
    def _one_source(self) -> "KpiSpec":
        if self.function and self.judge:
            raise ValueError("a KPI has a `function` or a `judge`: remove one")
        return self


class PreferSpec(Strict):
    """Direct preference optimisation after training, on the specialist's own outputs that pass and fail the hard KPIs."""

    rows: int = Field(default=200, ge=1)
    """Training rows that outputs are drawn for: a seeded sample of at most so many."""
    samples: int = Field(default=4, ge=1)
    """Outputs a row."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the draws."""
    beta: float = Field(default=0.1, gt=0)
    """How dear it is to leave the reference: the loss is −log σ(β · (margin − the reference's margin))."""
    rpo_alpha: float = Field(default=1.0, ge=0)
    """How much the chosen answer's own loss, a token, counts beside that: it keeps the chosen answer likely."""
    reference: Literal["base", "start"] = "base"
    """What the margins are compared with: the frozen base, or the specialist as supervised training left it."""
    epochs: int = Field(default=1, ge=1, le=100)
    learning_rate: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = "auto"
    """The peak; `auto` is a tenth of that of training."""


class TrainSpec(Strict):
    method: Method = "lora"
    rank: int = Field(default=16, ge=1, le=512)
    """LoRA's rank, or the width of a bottleneck adapter."""
    alpha: float | None = Field(default=None, gt=0)
    """LoRA scale numerator; default 2 × rank."""
    rslora: bool = False
    """Scale by α/√r instead of α/r."""
    dora: bool = False
    """Learn the length of every row of a weight apart from its direction."""
    lora_plus: float = Field(default=1.0, gt=0)
    """By how much the learning rate of LoRA's B exceeds that of A."""
    placement: Placement = "pfeiffer"
    """Bottleneck adapters: behind the feed-forward part only (pfeiffer), or behind the attention too (houlsby)."""
    virtual_tokens: int = Field(default=20, ge=1, le=1024)
    """Prompt and prefix tuning: how many."""
    depth: int | None = Field(default=None, ge=1)
    """Adapt only this many of the last layers; default: all."""
    epochs: int = Field(default=3, ge=1, le=100)
    learning_rate: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = "auto"
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    """Examples an optimiser step; `auto`: 16, and fewer on small sets, which learn more from more, smaller steps."""
    pass_tokens: Literal["auto"] | Annotated[int, Field(ge=8)] = "auto"
    """Most tokens in one forward pass; a larger batch is accumulated over several, which changes memory and no result."""
    gradient_checkpointing: Literal["auto"] | bool = "auto"
    """Keep only what enters each layer, and compute the rest again for the gradient; `auto`: where memory is too small."""
    validation: float = Field(default=0.1, ge=0, le=0.5)
    """Share of the training rows held back for early stopping (at most 200 rows); 0 turns early stopping off."""
    max_length: int | None = Field(default=None, ge=8)
    """Longest example in tokens; default: what the base allows."""
    overlong: Literal["error", "drop", "cut"] = "error"
    """What happens to a longer row: an error, dropped and counted, or its prompt cut from the left and counted."""
    budget: float | None = Field(default=None, gt=0)
    """Most that training may cost, in `costs.currency`; checked before it starts and while it runs."""
    seed: int = Field(default=0, ge=0)
    seeds: int = Field(default=1, ge=1, le=16)
    """Train so many times, with seeds of their own, and average the weights into one adapter."""
    fact_weight: float = Field(default=1.0, ge=1)
    """How much tokens of critical facts count in the loss beside others."""
    field_weight: float = Field(default=1.0, ge=1)
    """How much tokens of an extraction's values count in the loss beside others; of code, names, numbers and strings."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of every target that is spread over the whole vocabulary, in supervised training only."""
    prefer: PreferSpec | None = None

    @model_validator(mode="after")
    def _read_by_its_method(self) -> "TrainSpec":
        own = METHOD_SETTINGS[self.method]
        for keys in METHOD_SETTINGS.values():
            for key in keys:
                if key not in own and getattr(self, key) != type(self).model_fields[key].default:
                    readers = [method for method, read in METHOD_SETTINGS.items() if key in read]
                    raise ValueError(
                        f"`{key}` is read by `method: {' | '.join(readers)}`, and this is `method: {self.method}`: "
                        "remove one of the two"
                    )
        return self

    @model_validator(mode="after")
    def _can_be_averaged(self) -> "TrainSpec":
        if self.seeds > 1 and (self.method not in AVERAGED or self.dora):
            which = " or ".join(f"`method: {method}`" for method in AVERAGED)
            raise ValueError(
                f"`seeds` averages weights, which is for {which} without `dora`: remove it, or set `seeds: 1`"
            )
        return self

    @model_validator(mode="after")
    def _has_a_reference(self) -> "TrainSpec":
        if self.method == "full" and self.prefer and self.prefer.reference == "base":
            raise ValueError("`method: full` leaves no frozen base to compare with: set `prefer.reference: start`")
        return self

    @property
    def method_settings(self) -> dict[str, Any]:
        """The method, and what it reads."""
        own = {key: getattr(self, key) for key in METHOD_SETTINGS[self.method]}
        if "alpha" in own and own["alpha"] is None:
            own["alpha"] = 2.0 * self.rank
        return {"method": self.method, **own}


class GenerateSpec(Strict):
    constrained: bool = True
    """Classification: only known labels can be answered. Extraction: only JSON of the targets' schema."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Longest answer; default: 1.25 × the longest training target."""
    temperature: float = Field(default=0.0, ge=0)
    samples: int = Field(default=1, ge=1)
    """Answers that each system draws for a row: the first is the answer, the others are for metrics such as pass@k."""
    shots: int = Field(default=4, ge=0)
    """Examples shown to the few-shot rival; 0 leaves that rival out."""

    @model_validator(mode="after")
    def _drawn(self) -> "GenerateSpec":
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(
                f"`samples: {self.samples}` under `generate` at temperature 0 would be the same answer "
                f"{self.samples} times: set a `temperature` above 0, such as 0.8"
            )
        return self


class CostSpec(Strict):
    label: float = Field(default=0.0, ge=0)
    """What one labelled row costs."""
    hour: float = Field(default=0.0, ge=0)
    """What one hour of this machine costs."""
    watts: float | None = Field(default=None, gt=0)
    """What this machine draws while it trains; without it modelled from its processor or GPU."""
    currency: str = "USD"


class CurveSpec(Strict):
    """How many examples are enough: what `sartor curve` measures, and what it weighs against what."""

    sizes: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Training sizes; default: 500, 1,000 and so on to 5,000 or to what there is, shares of fewer than 2,000 rows."""
    seeds: int = Field(default=2, ge=2, le=16)
    """Trainings of each size, each on other rows and from other random numbers."""
    rows: int = Field(default=300, ge=20)
    """Rows that are asked at every size, held back from training: at most a fifth of what there is."""
    labels: int | None = Field(default=None, ge=1)
    """The most training rows that could be had in all; default: 5,000, or twice what there is."""
    point: float | None = Field(default=None, ge=0)
    """What one more point of the first KPI is worth, in `costs.currency`; a point is a hundredth of its range."""
    min_gain: float | None = Field(default=None, gt=0)
    """Where no `point` is given: what all rows that could still be had must bring, on the KPI's own scale; default: a point."""
    bases: tuple[str, ...] = ()
    """Other bases that `sartor curve --elsewhere` tries."""


class GateSpec(Strict):
    """What an adapter must pass before it is promoted, beside the goals and margins of the KPIs."""

    leaks: int = Field(default=0, ge=0)
    """Test rows that may be among those that it learned from."""


class ServeSpec(Strict):
    """What answers when the task is served; all tasks on one base are served by the same."""

    backend: Literal["sartor", "llama.cpp", "vllm"] = "sartor"
    """Our own engine; llama.cpp, which keeps the base in few bits; or a vLLM that runs already. Either reads LoRA only."""
    gguf: str | None = None
    """llama.cpp: the base as a GGUF file, relative to `sartor.yaml`; default: `base`, where it is one."""
    url: str | None = None
    """vLLM: where it answers, without `/v1`."""
    key_env: str | None = None
    """vLLM: the environment variable that holds its API key."""

    @model_validator(mode="after")
    def _read(self) -> "ServeSpec":
        for key, backend in (("gguf", "llama.cpp"), ("url", "vllm"), ("key_env", "vllm")):
            if getattr(self, key) and self.backend != backend:
                raise ValueError(f"`{key}` is read by `backend: {backend}`: set that, or remove it")
        if self.backend == "vllm" and not self.url:
            raise ValueError("`backend: vllm` wants a `url`: say where vLLM answers")
        return self


class CheckSpec(Strict):
    """What curation does with the rows that a check flags."""

    action: Action | None = None
    """`drop` the row, `fix` it as the check proposes, only propose it for `review`, or `off`: do not look at all."""
    threshold: float | None = None
    """Rows that score above it are flagged."""
    function: str | None = None
    """A check of the task's own: `FILE.py:FUNCTION`, relative to `sartor.yaml`, called with an example."""

    @field_validator("action", mode="before")
    @classmethod
    def _off(cls, action: object) -> object:
        return "off" if action is False else action  # as YAML reads the word


class TaskSpec(Strict):
    """One well-defined job, as written down in its `sartor.yaml`."""

    task: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    kind: Kind
    base: str = "smollm2-135m-q4"
    data: DataSpec
    prompt: PromptSpec = PromptSpec()
    kpis: tuple[KpiSpec, ...] = ()
    train: TrainSpec = TrainSpec()
    generate: GenerateSpec = GenerateSpec()
    rivals: tuple[RivalSpec, ...] = ()
    costs: CostSpec = CostSpec()
    curve: CurveSpec = CurveSpec()
    gates: GateSpec = GateSpec()
    serve: ServeSpec = ServeSpec()
    curate: dict[str, CheckSpec] = {}
    """By check; a bare action is short for one with nothing else."""

    @field_validator("curate", mode="before")
    @classmethod
    def _bare_actions(cls, checks: object) -> object:
        if not isinstance(checks, dict):
            return checks
        return {name: each if isinstance(each, dict) else {"action": each} for name, each in checks.items()}

    @field_validator("kpis")
    @classmethod
    def _distinct(cls, kpis: tuple[KpiSpec, ...]) -> tuple[KpiSpec, ...]:
        names = [kpi.name for kpi in kpis]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the KPI `{twice[0]}` is listed twice: remove one")
        if kpis and kpis[0].judge:
            raise ValueError(
                f"`{kpis[0].name}` is judged by a model, and the first KPI decides: put a measured one first"
            )
        hard = [kpi for kpi in kpis if kpi.hard]
        if hard and all(kpi.judge for kpi in hard):
            raise ValueError(
                f"`{hard[0].name}` is judged by a model, and may not be the only hard KPI: add a measured one"
            )
        return kpis

    @model_validator(mode="after")
    def _columns(self) -> "TaskSpec":
        if not self.prompt.messages:
            if not (self.prompt.user or self.data.input):
                raise ValueError("name the input column as `data.input`, or write a `prompt.user` template")
            if not (self.prompt.target or self.data.target):
                raise ValueError("name the target column as `data.target`, or write a `prompt.target` template")
        elif self.data.input or self.data.target:
            raise ValueError("`prompt.messages` holds input and target: remove `input` and `target` under `data`")
        if self.data.labels and self.kind != "classification":
            raise ValueError("`data.labels` is for `kind: classification` only")
        if self.data.agreement and self.kind not in ("classification", "extraction"):
            raise ValueError(
                "`data.agreement` is for labels and JSON, since two people never write the same text: remove it"
            )
        if self.train.fact_weight > 1 and self.kind not in FACTUAL:
            raise ValueError(f"`train.fact_weight` is for the kinds {' and '.join(FACTUAL)}: remove it")
        if self.train.field_weight > 1 and self.kind not in FIELDED:
            raise ValueError(f"`train.field_weight` is for the kinds {', '.join(FIELDED)}: remove it")
        if self.train.prefer and self.kind == "classification":
            raise ValueError("`train.prefer` is not for `kind: classification`, which chooses labels: remove it")
        if self.train.prefer and not any(kpi.hard and not kpi.judge for kpi in self.kpi_list):
            raise ValueError(
                "`train.prefer` learns from outputs that pass and fail the hard KPIs, and no measured KPI is hard: "
                "write `hard: true` beside one"
            )
        if self.generate.samples > 1 and self.kind == "classification":
            raise ValueError("`generate.samples` is not for `kind: classification`, which chooses labels: remove it")
        return self

    @property
    def user_template(self) -> str:
        return self.prompt.user or f"{{{self.data.input}}}"

    @property
    def target_template(self) -> str:
        return self.prompt.target or f"{{{self.data.target}}}"

    @property
    def learned_columns(self) -> tuple[str, ...]:
        """Columns that training reads beside input and target."""
        facts = self.data.facts if self.train.fact_weight > 1 else None
        return tuple(column for column in (self.data.weight, facts) if column)

    @property
    def kpi_list(self) -> tuple[KpiSpec, ...]:
        """The task's KPIs, the primary one first; the kind's usual ones where the spec names none."""
        if self.kpis:
            return self.kpis
        usual = [name for name in DEFAULT_KPIS[self.kind] if self.data.tests or name not in RUN]
        run = any(name in RUN for name in usual)  # what was written may then be right in other words than the target's
        hard = [name for name in usual if name in HARD and not (run and name == "exact_match")]
        return tuple(KpiSpec(name=name, hard=name in hard) for name in usual)
