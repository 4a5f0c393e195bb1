"""A judge behind an endpoint: asked in both orders, read back afterwards, and compared with people."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import sartor
from sartor.cli.main import main
from sartor.data.read import read_rows

TARGET = "Take 5 mg of lisinopril once a day."
GOOD, BAD = "Take 5 mg lisinopril every day.", "Take 50 mg of lisinopril once a day."


class Server(ThreadingHTTPServer):
    """A judge that prefers what does not say 50 mg, and the first answer where both or neither do."""

    asked: list[dict[str, Any]]
    silent = False


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        a, b = re.findall(r"<answer [AB]>\n(.*?)\n</answer", body["messages"][-1]["content"], re.DOTALL)
        verdict = "B" if "50 mg" in a and "50 mg" not in b else "A"
        text = "I would rather not say." if self.server.silent else f"One of them changes the dose.\n{verdict}"
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        payload = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 10}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path, server: Server) -> Path:
    (tmp_path / "train.jsonl").write_text(json.dumps({"note": "n", "advice": TARGET}) + "\n")
    (tmp_path / "sartor.yaml").write_text(
        f"""
task: advice
kind: summarization
data: {{train: train.jsonl, input: note, target: advice}}
kpis:
  - {{name: facts_kept, hard: true}}
  - name: faithful
    goal: 0.5
    judge:
      endpoint: http://127.0.0.1:{server.server_port}/v1
      model: big
      question: Which answer gives the right dose?
      repeats: 2
      human: doctor
"""
    )
    rows = [
        {"note": f"note {n}", "advice": TARGET, "output": GOOD if n % 2 else BAD, "doctor": bool(n % 2) or n == 0}
        for n in range(20)
    ]
    (tmp_path / "made.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_outputs_are_judged_in_both_orders_and_the_judge_is_compared_with_people(folder: Path, server: Server) -> None:
    card = sartor.open(folder).evaluate_outputs(read_rows(folder / "made.jsonl", outputs=["output"])).cards[0]
    score = card.scores["faithful"]
    # Against the right reference a wrong dose loses in both orders; of two right ones the first wins, which is a tie.
    assert [row.scores["faithful"] for row in card.rows[:2]] == [0.0, 0.5]
    assert score.value == 0.25
    assert len(server.asked) == 20 * 2 * 2
    assert {body["temperature"] for body in server.asked} == {0.7}
    assert "its two orders disagree on 50% of 20 outputs" in score.note
    assert "agrees with people on .95" in score.note
    assert re.fullmatch(
        r"faithful\|judge:big\|orders:both\|repeats:2\|temperature:0.7\|prompt:[0-9a-f]{12}", score.signature
    )


def test_a_verdict_is_asked_for_once(folder: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main(["evaluate", "--predictions", str(folder / "made.jsonl"), str(folder), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["metrics"]["faithful"]["value"] == 0.25
    assert len(server.asked) == 80
    rows = (folder / "made.jsonl").read_text().replace("once a day", "daily").splitlines()[:2]
    (folder / "more.jsonl").write_text("\n".join(rows))
    assert main(["evaluate", "--predictions", str(folder / "more.jsonl"), str(folder), "--json"]) == 0
    assert len(server.asked) == 88


def test_a_judge_that_will_not_say_leaves_rows_unscored_and_in_the_count(folder: Path, server: Server) -> None:
    server.silent = True
    judged = sartor.open(folder).evaluate_outputs(read_rows(folder / "made.jsonl", outputs=["output"]))
    score = judged.cards[0].scores["faithful"]
    assert (score.value, score.n, len(score.unscored)) == (0.0, 20, 20)
    assert any(
        "20 not scored by faithful, counted as wrong (the judge gave no verdict)" in note for note in judged.notes
    )
    assert "80 of 80 replies hold no verdict" in score.note


def test_an_unreachable_judge_is_one_sentence(folder: Path, server: Server, capsys) -> None:
    spec = (folder / "sartor.yaml").read_text()
    (folder / "sartor.yaml").write_text(spec.replace(str(server.server_port), "9"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sartor.generate.endpoint.time.sleep", lambda _: None)
        assert main(["evaluate", "--predictions", str(folder / "made.jsonl"), str(folder)]) == 3
    assert "answered none of the first 8 rows" in capsys.readouterr().err
