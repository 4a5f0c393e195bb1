"""Ten errors worth reading."""

from sartor.evaluate.mistakes import Difference, mistakes
from sartor.generate.answer import Answer


def test_every_sort_of_error_has_its_turn_before_any_comes_twice(task, examples, answers):
    rows, given = examples("aaaaaabbc"), answers("bbbbbbaaa")
    found = mistakes(rows, given, task("classification"), limit=4)
    pairs = [(mistake.expected, mistake.answered) for mistake in found]
    assert set(pairs[:3]) == {("a", "b"), ("b", "a"), ("c", "a")}
    assert len(found) == 4


def test_right_rows_are_no_mistakes(task, examples, answers):
    assert mistakes(examples("ab"), answers("ab"), task("classification")) == []
    assert [m.id for m in mistakes(examples("aab"), answers("aba"), task("classification"))] == ["1", "2"]


def test_the_confident_error_comes_first(task, examples):
    rows = examples("aaa")
    given = [Answer(str(i), "b", label_probs={"a": 1 - p, "b": p}) for i, p in enumerate((0.6, 0.99, 0.8))]
    found = mistakes(rows, given, task("classification"))
    assert [mistake.confidence for mistake in found] == [0.99, 0.8, 0.6]
    assert found[0].differences == [Difference("label", "a", "b")]


def test_rivals_that_were_right_are_named(task, examples, answers):
    rivals = {"zero-shot": answers("ab"), "linear": answers("aa")}
    found = mistakes(examples("aa"), answers("bb"), task("classification"), rivals)
    assert {mistake.id: mistake.right_rivals for mistake in found} == {"0": ["zero-shot", "linear"], "1": ["linear"]}


def test_json_errors_show_the_fields_that_differ(task, examples, answers):
    rows = examples(['{"drug":"x","dose":"5 mg","codes":["a","b"]}', '{"drug":"x"}', '{"drug":"x"}'])
    given = answers(['{"drug":"x","dose":"50 mg","codes":["b"]}', "oops", None])
    found = {mistake.id: mistake for mistake in mistakes(rows, given, task("extraction", "field_f1"))}
    assert found["0"].differences == [Difference("dose", "5 mg", "50 mg"), Difference("codes", "a", None)]
    assert found["1"].differences == [Difference("answer", "JSON", "not JSON")]
    assert found["2"].differences == [Difference("answer", "JSON", "no answer")]
    assert found["0"].question == "question 0"
    assert 0 < found["0"].score < 1


def test_several_labels_show_the_missed_and_the_extra_ones(task, examples, answers):
    rows, given = examples([("a", "b")]), answers(["b;c"])
    found = mistakes(rows, given, task("classification", multi=True))
    assert found[0].differences == [Difference("label", "a", None), Difference("label", None, "c")]


def test_text_errors_show_the_words_that_differ(task, examples, answers):
    rows, given = examples(["take 5 mg", "rest"]), answers(["take 50 mg", "rest"])
    found = mistakes(rows, given, task("summarization"))
    assert [(mistake.id, mistake.differences) for mistake in found] == [("0", [Difference("words", "5", "50")])]
