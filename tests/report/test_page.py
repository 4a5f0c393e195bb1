"""The page: verdict first, self-contained, safe, readable by everybody."""

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest
from tests.report.hostile import SAID, hostile
from tests.report.samples import SAMPLES, billing_notes, support_intents, visit_summaries

from sartor.report.page import render
from sartor.report.svg import PALETTE
from sartor.report.view import CostView

VOID = {"meta", "wbr", "br", "img", "link", "input"}


class Outline(HTMLParser):
    """The page's tags, attributes and text; fails where tags do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@cache
def sample(name: str) -> str:
    return render(SAMPLES[name]())


@pytest.fixture(params=SAMPLES)
def page(request: pytest.FixtureRequest) -> str:
    return sample(request.param)


@pytest.fixture(scope="module")
def attacked() -> str:
    return render(hostile(billing_notes()))


def positions(page: str, *wanted: str) -> list[int]:
    found = [page.find(text) for text in wanted]
    assert -1 not in found, [text for text, place in zip(wanted, found, strict=True) if place < 0]
    return found


def tiles(page: str) -> list[str]:
    return re.findall(r'<div class="(\w+)"><dt>', page.split('class="tiles"')[1].split("</dl>")[0])


def test_the_page_is_well_formed_and_needs_nothing_else(page: str) -> None:
    outline = Outline(page)
    assert not outline.count("script")
    for tag, attrs in outline.tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "form", "base", "image", "use"}
        assert not [name for name in attrs if name.startswith("on") or name in {"src", "srcset", "xlink:href"}]
        assert (attrs.get("href") or "#").startswith("#")
    assert not re.search(r"https?:|url\(|@import|//[a-z]", page)
    assert "default-src 'none'" in page


def test_links_lead_to_parts_of_the_page(page: str) -> None:
    outline = Outline(page)
    places = {attrs.get("id") for _, attrs in outline.tags}
    links = [str(attrs["href"])[1:] for tag, attrs in outline.tags if tag == "a"]
    assert links
    assert set(links) <= places


def test_it_can_be_read_with_a_screen_reader(page: str) -> None:
    outline = Outline(page)
    assert outline.count("h1") == 1
    assert outline.count("table") == outline.count("caption")
    assert all(attrs.get("scope") for tag, attrs in outline.tags if tag == "th")
    images = [attrs for tag, attrs in outline.tags if tag == "svg"]
    assert images
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for attrs in images)
    labelled = [attrs["aria-labelledby"] for tag, attrs in outline.tags if tag == "section"]
    assert set(labelled) <= {attrs.get("id") for _, attrs in outline.tags}
    assert ("html", {"lang": "en"}) in outline.tags


def test_the_verdict_comes_first_and_provenance_last() -> None:
    data = billing_notes()
    order = positions(
        sample("specialist"), "Specialist wins</p>", data.headline, data.sentences[0], "Goals, and", 'id="data-title"',
        'id="systems-title"', 'id="details-title"', 'id="confusions-title"', 'id="mistakes-title"',
        'id="training-title"', 'id="cost-title"', 'id="provenance-title"',
    )  # fmt: skip
    assert order == sorted(order)


@pytest.mark.parametrize("name", ["rival", "tie"])
def test_a_rival_that_is_not_beaten_stands_before_the_specialist(name: str) -> None:
    page, data = sample(name), SAMPLES[name]()
    assert tiles(page)[:2] == ["rival", "specialist"]
    assert page.index(data.headline) < page.index('class="tiles"')


def test_a_winning_specialist_stands_first() -> None:
    assert tiles(sample("specialist")) == ["specialist", "rival", "plain", "plain"]


def test_numbers_stand_on_the_page_with_interval_n_and_signature() -> None:
    text = Outline(sample("specialist")).text
    for said in (
        ".91 (.88–.94)",
        "+21 points (17–25)",
        "Field F1: n = 300, Wilson",
        "field_f1|micro|paths:leaf|norm:nfkc+strip|v1",
        "has been opened 2 times",
        "$900.40",
        "4 min 12 s",
        "104 cut at the limit, 145 invalid JSON",
        "7 training rows repeat a test row",
        "5.5 points",
    ):
        assert said in text, said


def test_warnings_beside_a_number_are_printed() -> None:
    data = visit_summaries()
    note = "interval unreliable: only 30 rows"
    systems = tuple(
        replace(s, scores={name: replace(mark, note=note) for name, mark in s.scores.items()}) for s in data.systems
    )
    comparisons = tuple(replace(c, note=note) for c in data.comparisons)
    text = Outline(render(replace(data, systems=systems, comparisons=comparisons))).text
    assert f"ROUGE-L: n = 60, BCa bootstrap, {note}" in text
    assert f"approximate randomisation, n = 60, {note}" in text


def test_all_classes_are_in_the_table_and_the_weakest_in_the_chart() -> None:
    data = support_intents()
    text = Outline(sample("rival")).text
    assert "The 30 weakest of 77 classes" in text
    assert all(row.name in text for row in data.details)
    assert "The 15 most frequent of 22 confusions" in text


def test_an_error_shows_what_differs_and_who_got_it_right() -> None:
    text = Outline(sample("specialist")).text
    assert "held_out.jsonl:12" in text
    assert "medications[0].dose" in text
    assert "absent" in text
    assert "Right here: endpoint small-instruct." in text
    assert "Answered with probability .93." in Outline(sample("rival")).text


def test_a_long_text_is_cut_and_the_cut_is_said() -> None:
    data = visit_summaries()
    mistake = data.mistakes[0]
    page = sample("tie")
    assert mistake.question not in page
    assert re.search(r'<span class="cut">… [\d,]+ more characters</span>', page)
    huge = replace(mistake, question="x" * 200_000, answered="y" * 200_000, expected="z")
    assert len(render(replace(data, mistakes=(huge,)))) < len(page) + 2000


def test_empty_parts_vanish() -> None:
    data = billing_notes()
    bare = replace(
        data, sentences=(), systems=data.systems[:1], comparisons=(), details=(), rival_details=(), confusions=(),
        mistakes=(), training=None, cost=CostView("USD", ()), provenance=(), warnings=(), adapter="",
        data=replace(data.data, format="", dropped=(), duplicates=None, leakage=None, parts=(), lengths=(), notes=()),
    )  # fmt: skip
    outline = Outline(render(bare))
    ids = {attrs.get("id") for _, attrs in outline.tags}
    assert not ids & {"details", "confusions", "mistakes", "training", "cost"}
    assert {"data", "systems", "provenance"} <= ids
    assert outline.count("svg") == 3
    assert "None" not in outline.text


def test_every_text_of_the_data_is_escaped(attacked: str) -> None:
    plain, outline = Outline(sample("specialist")), Outline(attacked)
    assert [tag for tag, _ in outline.tags if tag != "wbr"] == [tag for tag, _ in plain.tags if tag != "wbr"]
    assert not outline.count("script")
    assert not [name for _, attrs in outline.tags for name in attrs if name.startswith("on")]
    assert outline.text.count(SAID) > 80
    attacked.encode("utf-8")


def test_the_page_is_the_same_for_the_same_data() -> None:
    assert render(visit_summaries()) == sample("tie")


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_enough_contrast_on_light_and_dark() -> None:
    style = sample("tie").split("</style>")[0]
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in style.split("prefers-color-scheme: dark")
    )
    assert set(PALETTE) <= set(dark)
    for colours in (light, dark):
        for ground, names in (
            ("paper", "ink muted specialist rival other wrong good"),
            ("card", "ink muted specialist rival"),
        ):
            for name in names.split():
                pair = sorted((luminance(colours[name]), luminance(colours[ground])))
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (name, ground)
