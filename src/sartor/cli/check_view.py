"""The preflight's report as tables for a terminal; everything reads without colour too."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sartor.flows.check import CheckReport
from sartor.flows.check_report import Rendered
from sartor.report.format import clean, compact, line, money, plural, seconds, size_bytes

SHOWN_CHARACTERS = 1200
"""Of a prompt; a longer one loses its middle."""
SHOWN_PARTS = 30
BAR = 40
MARKS = {"error": ("✗", "bold red"), "warning": ("!", "yellow"), "note": ("·", "dim")}


def show(report: CheckReport, console: Console) -> None:
    """Print the report, the findings last."""

    def section(title: str) -> None:
        console.print(Text(f"\n{title}", style="bold"))

    console.print(Text(f"{report.task} · {report.kind} · base {report.base}", style="bold"))
    section("Data")
    files = _table("side", "file", "rows", "read as", "columns")
    for file in report.files:
        files.add_row(file.role, file.name, f"{file.rows:,}", file.format, ", ".join(file.columns))
    console.print(files)
    console.print(Text("examples: " + ", ".join(f"{rows:,} {side}" for side, rows in report.rows.items())))
    opened = f"opened {plural(report.test_openings, 'time')}" if report.test_openings else "not opened yet"
    console.print(Text(f"test set {report.test_version[:12]}, {opened}"))
    _list(console, report.split_notes)
    console.print(
        Text(
            f"repeated questions in training: {report.repeated:,} · contradictions: {report.contradictions:,} · "
            f"test rows also in training: {report.leaked:,}"
        )
    )
    section("What the loss sees (⟦…⟧ is supervised)")
    for one in report.rendered:
        console.print(_example(one))
    _list(console, report.template_notes)
    section("Lengths in tokens")
    console.print(_lengths(report))
    if report.parts:
        section("Labels" if report.kind == "classification" else "Fields, by the rows that fill them")
        parts = _table("name", "train", "validation", "test")
        for part in report.parts[:SHOWN_PARTS]:
            parts.add_row(line(part.name), f"{part.train:,}", f"{part.validation:,}", f"{part.test:,}")
        console.print(parts)
        if len(report.parts) > SHOWN_PARTS:
            console.print(Text(f"and {len(report.parts) - SHOWN_PARTS:,} more (all with --json)", style="dim"))
    section("Training, estimated")
    console.print(_cost(report))
    if report.findings:
        section("Findings")
    for finding in sorted(report.findings, key=lambda finding: list(MARKS).index(finding.level)):
        mark, style = MARKS[finding.level]
        console.print(Text(f"{mark} {finding.level}: {line(finding.text)}", style=style))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        right = column in ("rows", "train", "validation", "test")
        table.add_column(column, justify="right" if right else "left")
    return table


def _list(console: Console, texts: Iterable[str]) -> None:
    for text in texts:
        console.print(Text(f"· {line(text)}", style="dim"))


def _example(one: Rendered) -> Text:
    text = Text(f"{one.source}\n", style="dim")
    for words, supervised in one.spans:
        if supervised:
            text.append(f"⟦{clean(words)}⟧", style="bold underline not dim")
        else:
            text.append(_short(clean(words)), style="not dim")
    return text.append("\n")


def _short(text: str) -> str:
    over = len(text) - SHOWN_CHARACTERS
    if over <= 0:
        return text
    half = SHOWN_CHARACTERS // 2
    return f"{text[:half]}\n[… {over:,} characters are not shown …]\n{text[-half:]}"


def _lengths(report: CheckReport) -> Text:
    lengths = report.lengths
    most = max(count for _, _, count in lengths.bins)
    text = Text()
    for low, below, count in lengths.bins:
        bar = "█" * -(-BAR * count // most)
        text.append(f"{f'{low:,}–{below - 1:,}':>14} {bar} {count:,}\n")
    limit = f" · limit {lengths.limit:,}" if lengths.limit else ""
    low, middle, high, longest = (lengths.quantile(q) for q in (0.0, 0.5, 0.95, 1.0))
    text.append(f"shortest {low:,} · median {middle:,} · 95 % within {high:,} · longest {longest:,}{limit}\n")
    per_row = report.supervised_tokens / max(1, report.rows["train"])
    return text.append(f"supervised tokens an epoch: {report.supervised_tokens:,} ({per_row:.1f} a row)")


def _cost(report: CheckReport) -> Text:
    cost = report.cost
    price = money(cost.money, cost.currency) if cost.money is not None else "not priced (`costs.hour`, or `--price`)"
    return Text(
        f"on {cost.machine} in {cost.number_format}: {seconds(cost.seconds)} · {price} · "
        f"{size_bytes(cost.memory_bytes)} of {size_bytes(cost.machine_memory_bytes)} memory\n"
        f"{compact(cost.trainable)} of {compact(cost.parameters)} parameters trained · {compact(cost.tokens)} tokens computed"
    )
