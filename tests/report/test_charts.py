"""The charts say what the numbers say, as SVG that can stand in a page."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from tests.report.samples import billing_notes, support_intents, visit_summaries

from sartor.report import charts, plots
from sartor.report.svg import PALETTE, WIDTH
from sartor.report.view import DetailRow, TrainingView


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("text") if element.get("opacity") != "0"]


def test_a_systems_chart_names_every_system_best_first_with_its_mark() -> None:
    shown = texts(charts.systems_chart(support_intents(), "accuracy"))
    assert [text for text in shown if text in {"encoder + linear", "specialist", "4-shot", "zero-shot"}] == [
        "encoder + linear", "specialist", "4-shot", "zero-shot",
    ]  # fmt: skip
    assert ".84 (.81–.87)" in shown
    assert ".69 (.65–.73)" in shown


def test_the_specialist_and_the_best_rival_have_their_own_colours() -> None:
    svg = charts.systems_chart(support_intents(), "accuracy")
    numbers = {text.text: text.get("fill") for text in ET.fromstring(svg).iter("text")}
    assert numbers[".69 (.65–.73)"] == PALETTE["specialist"]
    assert numbers[".84 (.81–.87)"] == PALETTE["rival"]
    assert numbers[".12 (.10–.15)"] == PALETTE["other"]


def test_a_system_that_was_not_measured_is_left_out_of_that_chart() -> None:
    data = visit_summaries()
    specialist, rival = data.systems
    only = replace(data, systems=(specialist, replace(rival, scores={"rouge_l": rival.scores["rouge_l"]})))
    assert "8-shot" not in texts(charts.systems_chart(only, "bleu"))


def test_the_scale_starts_at_zero_and_ends_at_a_quarter_that_holds_everything() -> None:
    assert texts(charts.systems_chart(visit_summaries(), "bleu"))[:6] == ["0", "5", "10", "15", "20", "25"]
    assert texts(charts.systems_chart(support_intents(), "accuracy"))[:5] == ["0", ".25", ".5", ".75", "1"]


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (9, [5, 4]), (77, [15, 15])])
def test_details_stand_in_two_charts_weakest_first_at_most_thirty(count: int, sizes: list[int]) -> None:
    rows = tuple(DetailRow(f"class {k:02d}", 5, 0.5, 0.5, 0.9 - k / 100) for k in range(count))
    shown = charts.details_charts(replace(support_intents(), details=rows, rival_details=rows[:2]))
    names = [[text for text in texts(svg) if text.startswith("class")] for svg in shown]
    assert [len(part) for part in names] == sizes
    assert [name for part in names for name in part] == [row.name for row in reversed(rows)][:30]


def test_every_chart_says_in_words_what_it_shows() -> None:
    data = billing_notes()
    assert data.training is not None
    for svg in (
        charts.systems_chart(data, "field_f1"),
        *charts.details_charts(data),
        plots.lengths_chart(data.data.lengths, 512),
        plots.loss_chart(data.training),
    ):
        root = ET.fromstring(svg)
        assert root.get("role") == "img"
        assert root.findtext("title")
        assert len(root.get("aria-label") or "") > 30
        assert (root.get("viewBox") or "").startswith(f"0 0 {WIDTH} ")


def test_a_chart_has_no_script_reference_background_or_namespace() -> None:
    for svg in (charts.systems_chart(billing_notes(), "field_f1"), plots.lengths_chart([3, 4, 5])):
        assert not re.search(r"http|href|<script|<style|url\(|xmlns|<image", svg)
        assert 'fill="white"' not in svg


def test_the_same_data_gives_the_same_chart() -> None:
    assert charts.systems_chart(billing_notes(), "field_f1") == charts.systems_chart(billing_notes(), "field_f1")


@pytest.mark.parametrize("lengths", [[0], [7], [1, 1, 1], [5, 200_000], list(range(3000))])
def test_a_histogram_of_anything(lengths: list[int]) -> None:
    svg = plots.lengths_chart(lengths)
    assert f"Tokens of {len(lengths):,} training examples" in svg
    assert "tokens an example" in texts(svg)


def test_the_limit_is_drawn_only_where_it_is_near() -> None:
    assert "stroke-dasharray" in plots.lengths_chart([400, 500], 512)
    assert "stroke-dasharray" not in plots.lengths_chart([40, 50], 8192)


def test_a_loss_curve_draws_what_there_is() -> None:
    training = TrainingView("LoRA", ((0.5, 2.0), (1.0, 1.0)), (), 1, 1, 1, 1e-4, "", 1, 16)
    assert 'aria-label="Loss by epoch: training 2.00 to 1.00"' in plots.loss_chart(training)
    both = replace(training, validation_loss=((1.0, 1.25),))
    assert "validation 1.25 to 1.25" in plots.loss_chart(both)


def test_thinning_averages_neighbours_and_keeps_the_mean() -> None:
    points = [(float(k), float(k % 7)) for k in range(1000)]
    thinned = plots.thin(points, 100)
    assert len(thinned) == 100
    assert sum(y for _, y in thinned) / 100 == pytest.approx(sum(y for _, y in points) / 1000)
    assert plots.thin([], 100) == []
    assert plots.thin(points[:3], 100) == points[:3]
