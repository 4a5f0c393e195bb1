"""`pull` fetches what was pinned from where it lives, and nothing else; checked against a server on this machine."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from sartor.data import public
from sartor.data.public import SETS, PublicFile, PublicSet, pull
from sartor.errors import InputError, SystemFailure

CONTENT = {"a.csv": b"text,label\nhi,x\n", "b.csv": b"text,label\nho,y\n"}
SMALL = PublicSet(
    name="small",
    about="two rows",
    licence="CC0",
    repository="someone/something",
    commit="c0ffee",
    files=[PublicFile(name, f"data/{name}", hashlib.sha256(data).hexdigest()) for name, data in CONTENT.items()],
)


class Home(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, bytes, str]]] = {}
    """Path → status, body, location."""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, body, location = self.answers.get(self.path, (404, b"", ""))
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Home]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Home)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(public, "HOME", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setitem(SETS, "small", SMALL)
    Home.answers = {f"/someone/something/c0ffee/data/{name}": (200, data, "") for name, data in CONTENT.items()}
    Home.asked = []
    yield Home
    server.shutdown()
    thread.join()
    server.server_close()


A = "/someone/something/c0ffee/data/a.csv"


def test_a_set_is_fetched_once(home: type[Home], tmp_path: Path) -> None:
    paths = pull("small", tmp_path / "sets")
    assert {path.name: path.read_bytes() for path in paths} == CONTENT
    assert sorted(path.name for path in (tmp_path / "sets").iterdir()) == ["a.csv", "b.csv"]
    assert len(home.asked) == 2
    assert pull("small", tmp_path / "sets") == paths
    assert len(home.asked) == 2


def test_what_was_fetched_before_a_failure_is_kept(home: type[Home], tmp_path: Path) -> None:
    right = home.answers.pop(A.replace("a.csv", "b.csv"))
    with pytest.raises(SystemFailure, match="b.csv answers 404"):
        pull("small", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    home.answers[A.replace("a.csv", "b.csv")] = right
    pull("small", tmp_path)
    assert home.asked.count(A) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((200, b"text,label\nhi,z\n", ""), r"is not the pinned file \(sha256 .*\): it was refused"),
        ((500, b"oops", ""), "answers 500; try again later"),
        ((302, b"", "http://localhost:1/evil.csv"), "leads to another host, localhost: it was not followed"),
        ((301, b"", "//example.com/a.csv"), "leads to another host, example.com"),
        ((302, b"", A), "redirects more than 5 times"),
    ],
)
def test_anything_but_the_pinned_file_is_refused(
    home: type[Home], tmp_path: Path, answer: tuple[int, bytes, str], message: str
) -> None:
    home.answers[A] = answer
    with pytest.raises(SystemFailure, match=message):
        pull("small", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_within_the_host_is_followed(home: type[Home], tmp_path: Path) -> None:
    home.answers["/moved"] = home.answers[A]
    home.answers[A] = (302, b"", "/moved")
    assert pull("small", tmp_path)[0].read_bytes() == CONTENT["a.csv"]


def test_an_endless_answer_is_cut(home: type[Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "MOST_BYTES", 5)
    with pytest.raises(SystemFailure, match="sends more than 5 bytes"):
        pull("small", tmp_path)


def test_no_server_is_a_clear_sentence(home: type[Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "HOME", "http://127.0.0.1:9")
    with pytest.raises(SystemFailure, match=r"a.csv cannot be fetched: .*; try again later"):
        pull("small", tmp_path)


def test_another_file_is_never_overwritten(home: type[Home], tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("mine")
    with pytest.raises(InputError, match=r"b.csv exists and is not that of small: move it away"):
        pull("small", tmp_path)
    assert home.asked == []
    assert (tmp_path / "b.csv").read_text() == "mine"


def test_an_unknown_name_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no public set `banking`; did you mean `banking77`"):
        pull("banking", tmp_path)


def test_every_set_is_pinned() -> None:
    for each in SETS.values():
        assert re.fullmatch(r"[0-9a-f]{40}", each.commit)
        assert len({file.name for file in each.files}) == len(each.files)
        for file in each.files:
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
            assert httpx.URL(each.url(file)).host == "raw.githubusercontent.com"


@pytest.mark.real
def test_the_pins_are_those_of_the_shared_copies(shared: Path) -> None:
    """The copies differ from their homes in newlines between rows (banking77) and escapes (mbpp) only."""
    pins = {(each.name, file.name): file.sha256 for each in SETS.values() for file in each.files}
    for name in ("train.csv", "test.csv"):
        text = (shared / "banking77" / name).read_bytes().decode()
        parts = re.split(r'("[^"]*")', text)
        parts[::2] = [part.replace("\n", "\r\n") for part in parts[::2]]
        assert hashlib.sha256("".join(parts).encode()).hexdigest() == pins["banking77", name]
    lines = (shared / "mbpp" / "mbpp.jsonl").read_text(encoding="utf-8").split("\n")
    text = "\n".join(json.dumps(json.loads(line)) if line else "" for line in lines)
    assert hashlib.sha256(text.encode()).hexdigest() == pins["mbpp", "mbpp.jsonl"]
