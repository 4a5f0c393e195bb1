"""The page in a real browser: it renders, fits a phone, prints, and runs nothing that came with the data."""

import html
import subprocess
from pathlib import Path

import pytest
from tests.report.hostile import hostile
from tests.report.samples import SAMPLES, billing_notes

from sartor.report.page import render

pytestmark = pytest.mark.browser


def drive(chromium: str, folder: Path, page: str, *options: str) -> str:
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    quiet = "--disable-background-networking --disable-component-update --disable-sync --disable-quic --no-first-run"
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", *quiet.split(), *options]
    command += [f"--user-data-dir={folder / 'profile'}", file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def framed(page: str, width: int) -> str:
    """A page around the page, as wide as a phone, that writes down how far the inner one reaches beyond it."""
    return (
        f'<!doctype html><title>quiet</title><iframe srcdoc="{html.escape(page)}" '
        f'style="width:{width}px;height:900px;border:0"></iframe><p id="said"></p><script>'
        "function hacked() { document.title = 'hacked' }\n"
        "onload = () => { const inner = frames[0].document;"
        "const { scrollWidth, clientWidth } = inner.documentElement;"
        "said.textContent = `beyond ${scrollWidth - clientWidth} title ${inner.title}` }</script>"
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_renders_and_prints(chromium: str, tmp_path: Path, name: str) -> None:
    shot, paper = tmp_path / "page.png", tmp_path / "page.pdf"
    page = render(SAMPLES[name]())
    drive(chromium, tmp_path, page, f"--screenshot={shot}", "--window-size=1000,2500")
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert shot.stat().st_size > 50_000
    drive(chromium, tmp_path, page, f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("name", SAMPLES)
def test_no_part_is_wider_than_a_phone(chromium: str, tmp_path: Path, name: str) -> None:
    dom = drive(chromium, tmp_path, framed(render(SAMPLES[name]()), 360), "--dump-dom")
    assert f"beyond 0 title {SAMPLES[name]().task}" in dom


def test_nothing_that_came_with_the_data_runs_and_no_part_bursts(chromium: str, tmp_path: Path) -> None:
    dom = drive(chromium, tmp_path, framed(render(hostile(billing_notes())), 360), "--dump-dom")
    assert "<title>quiet</title>" in dom
    assert "beyond 0 title billing-notes&lt;script&gt;" in dom
