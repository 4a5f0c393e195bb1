"""What else speaks OpenAI's API: two libraries that applications are built on, and a program that sends what nobody would."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.serve.conftest import Server, serving
from tests.tasks import LABELS

import sartor

ASKED = "question number 3 please"


def test_langchain_asks_and_streams(server: Server) -> None:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model="intents", base_url=server.url, api_key="none", max_retries=0)  # type: ignore[arg-type]
    reply = model.invoke(ASKED)
    assert reply.content in LABELS
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["output_tokens"] > 0
    assert "".join(str(chunk.content) for chunk in model.stream(ASKED)) == reply.content


def test_litellm_asks_and_streams(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it fetches prices when it is imported
    import litellm

    asked = {
        "model": "openai/intents",
        "api_base": server.url,
        "api_key": "none",
        "messages": [{"role": "user", "content": ASKED}],
    }
    reply = litellm.completion(**asked)
    assert reply.choices[0].message.content in LABELS
    assert reply.usage.completion_tokens > 0
    said = [chunk.choices[0].delta.content or "" for chunk in litellm.completion(**asked, stream=True)]
    assert "".join(said) == reply.choices[0].message.content


@pytest.mark.slow
def test_nothing_that_the_description_allows_or_forbids_is_a_fault_of_the_server(own: Path, tmp_path: Path) -> None:
    key = sartor.open(own).serving.keys.make("fuzzer", ("*",), ("chat", "files", "fine-tune"))
    with serving(own) as server:
        command = [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            server.url.removesuffix("v1") + "openapi.json",
        ]
        command += ["--header", f"Authorization: Bearer {key}", "--checks", "not_a_server_error"]
        command += ["--max-examples", "20", "--seed", "1", "--generation-database", "none", "--no-color"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + server.log.read_text()[-2000:]
        assert server.process.poll() is None
