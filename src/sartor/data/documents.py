"""Folders of documents: PDF, DOCX, text and Markdown, a row per document or per section, with anchors into each."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sartor.data.quarantine import Quarantine, set_aside
from sartor.data.table import Table, make_table
from sartor.data.text import decode
from sartor.errors import InputError

By = Literal["document", "section"]

TABLES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xls")
COLUMNS = ("file", "heading", "page", "paragraph", "text", "anchors")

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    page: int | None = None
    """From 1; only a PDF has pages."""
    heading: str | None = None
    """Where a section begins: its heading, or nothing where it has none."""


def read_documents(folder: Path, by: By = "document", quarantine: Quarantine | None = None) -> Table:
    """The documents of a folder and its subfolders, in the order of their names.

    Columns: `file`, relative to the folder; `heading`, the row's first; `page` (of a PDF) and `paragraph` where the row
    begins, from 1; `text`, paragraphs with an empty line between them; `anchors`, one `{"start", "page", "paragraph"}`
    per paragraph, `start` a character of `text`. A section begins at a heading, Word's or Markdown's own, or where a
    bookmark of a PDF leads; a PDF without bookmarks has a section per page.

    A document that is broken, encrypted or without text is set aside. Raises InputError for a folder without documents,
    or with tables in it.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(folder)))
    documents = [path for path in files if path.suffix.lower() in _READERS]
    if any(path.suffix.lower() in TABLES for path in files):
        raise InputError(f"{folder} is a folder; name the file of examples in it")
    if not documents:
        raise InputError(f"{folder} is a folder without a PDF, DOCX, TXT or MD file; name a file of examples")
    root = folder.resolve().name
    rows, notes = list[dict[str, Any] | None](), list[str]()
    for path in documents:
        name = str(path.relative_to(folder)).encode("utf-8", "backslashreplace").decode()
        try:
            paragraphs, note = _READERS[path.suffix.lower()](path.read_bytes(), name)
            if not paragraphs:
                raise ValueError("it holds no text; remove it")
        except (ValueError, OSError) as error:
            set_aside(quarantine, f"{root}/{name}", getattr(error, "strerror", None) or str(error))
            rows.append(None)
        else:
            rows += [_row(name, part) for part in _parts(paragraphs, by)]
            notes += [f"{root}/{name}: {note}"] if note else []
    if others := [path.name for path in files if path not in documents]:
        notes.append(f"{root}: not read, as they are no documents: {', '.join(others)}")
    table = make_table(root, "documents", rows, range(1, len(rows) + 1), "row", COLUMNS, quarantine)
    return replace(table, notes=tuple(notes))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "~$")) for part in path.parts)


def _parts(paragraphs: list[Paragraph], by: By) -> list[list[tuple[int, Paragraph]]]:
    """The numbered paragraphs of every row."""
    parts = list[list[tuple[int, Paragraph]]]()
    for number, paragraph in enumerate(paragraphs, start=1):
        if not parts or (by == "section" and paragraph.heading is not None):
            parts.append([])
        parts[-1].append((number, paragraph))
    return parts


def _row(name: str, part: list[tuple[int, Paragraph]]) -> dict[str, Any]:
    anchors, start = [], 0
    for number, paragraph in part:
        anchors.append({"start": start, "page": paragraph.page, "paragraph": number})
        start += len(paragraph.text) + 2
    return {
        "file": name,
        "heading": next((paragraph.heading for _, paragraph in part if paragraph.heading), None),
        "page": anchors[0]["page"],
        "paragraph": anchors[0]["paragraph"],
        "text": "\n\n".join(paragraph.text for _, paragraph in part),
        "anchors": anchors,
    }


Read = tuple[list[Paragraph], str]
"""The paragraphs of a document, and what is to be said about it, if anything."""


def _text(data: bytes, name: str) -> Read:
    blocks = re.split(r"\n(?:[^\S\n]*\n)+", _decoded(data, name))
    return [Paragraph(block.strip("\n")) for block in blocks if block.strip()], ""


def _markdown(data: bytes, name: str) -> Read:
    """A line of `#` is a heading, unless it stands in a fenced block."""
    paragraphs, lines, fence = list[Paragraph](), list[str](), ""

    def close() -> None:
        paragraphs.extend(Paragraph(block) for block in ["\n".join(lines).strip("\n")] if block.strip())
        lines.clear()

    for line in _decoded(data, name).split("\n"):
        mark = re.match(r" {0,3}(```|~~~)", line)
        if mark and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
        heading = None if fence else re.match(r" {0,3}#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$", line)
        if heading or not (line.strip() or fence):
            close()
        if heading:
            paragraphs.append(Paragraph(line.strip(), heading=heading[1]))
        elif line.strip() or fence:
            lines.append(line)
    close()
    return paragraphs, ""


def _decoded(data: bytes, name: str) -> str:
    """The text with plain newlines. Raises ValueError for what is no text."""
    try:
        return decode(data, name).replace("\r\n", "\n").replace("\r", "\n")
    except InputError as error:
        raise ValueError(str(error).removeprefix(name).lstrip(", ")) from None


def _pdf(data: bytes, name: str) -> Read:
    try:
        from pypdf import PdfReader
    except ImportError:
        raise InputError("reading PDF files needs pypdf: install it with `pip install 'sartor[docs]'`") from None
    try:
        reader = PdfReader(io.BytesIO(data))
        locked = reader.is_encrypted and not reader.decrypt("")
        pages = [] if locked else [_clean(page.extract_text()) for page in reader.pages]
        bookmarks = {} if locked else _bookmarks(reader, reader.outline)
    except Exception as error:  # what pypdf raises depends on what is broken
        if "AES" in str(error):
            raise ValueError("it is encrypted; save it without a password") from None
        raise ValueError(f"a broken PDF ({_first_line(error)}); write it again") from None
    if locked:
        raise ValueError("it is encrypted; save it without a password")
    empty = sum(not page.strip() for page in pages)
    if empty == len(pages):
        raise ValueError(f"none of its {len(pages)} pages holds text: if it is scanned, recognise the text (OCR) first")
    paragraphs = list[Paragraph]()
    for number, page in enumerate(pages, start=1):
        paragraphs += _page(page, number, bookmarks.get(number, []) if bookmarks else [""])
    return paragraphs, f"no text on {empty:,} of its {len(pages):,} pages" if empty else ""


def _bookmarks(reader: Any, outline: list[Any]) -> dict[int, list[str]]:
    """The titles of the bookmarks that lead to each page, from 1."""
    found: dict[int, list[str]] = {}
    for item in outline:
        if isinstance(item, list):
            for page, titles in _bookmarks(reader, item).items():
                found.setdefault(page, []).extend(titles)
        elif (index := reader.get_destination_page_number(item)) is not None and item.title:
            found.setdefault(index + 1, []).append(_clean(item.title))
    return found


def _page(text: str, number: int, titles: list[str]) -> Iterator[Paragraph]:
    """A page's paragraphs. A section begins at the line that is its title, or on top where no line is."""
    waiting = {" ".join(title.split()).casefold(): title for title in titles}
    lines = [" ".join(line.split()).casefold() for line in text.splitlines()]
    top = next((title for key, title in waiting.items() if key not in lines), None)
    block = list[str]()

    def close() -> Iterator[Paragraph]:
        nonlocal top
        if block:
            yield Paragraph("\n".join(block), number, top)
            top = None
        block.clear()

    for line, key in zip(text.splitlines(), lines, strict=True):
        if key and key in waiting:
            yield from close()
            yield Paragraph(line.strip(), number, waiting.pop(key))
        elif key:
            block.append(line.rstrip())
        else:
            yield from close()
    yield from close()


def _docx(data: bytes, name: str) -> Read:
    try:
        from docx import Document
    except ImportError:
        raise InputError("reading DOCX files needs python-docx: install it with `pip install 'sartor[docs]'`") from None
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise ValueError("it is encrypted, or Word's old format; save it as .docx without a password")
    try:
        document = Document(io.BytesIO(data))
        styles = {style.style_id: style.name or "" for style in document.styles}
        paragraphs = list(_body(document.element.body, styles))
    except Exception as error:  # what python-docx raises depends on what is broken
        raise ValueError(f"a broken DOCX file ({_first_line(error)}); write it again") from None
    return paragraphs, ""


def _body(parent: Any, styles: dict[str, str]) -> Iterator[Paragraph]:
    """Paragraphs and tables in their order, those in content controls too; a table's row is a line, `|` between cells."""
    for child in parent:
        if child.tag == f"{_W}p":
            if text := _words(child).strip("\n"):
                style = styles.get(child.style or "", "")
                is_heading = style == "Title" or style.startswith("Heading ")
                yield Paragraph(text, heading=text if is_heading and text.strip() else None)
        elif child.tag == f"{_W}tbl":
            lines = [" | ".join(map(_cell, row.iterchildren(f"{_W}tc"))) for row in child.iterchildren(f"{_W}tr")]
            if any(line.strip(" |") for line in lines):
                yield Paragraph("\n".join(lines))
        elif child.tag == f"{_W}sdt":
            for content in child.iterchildren(f"{_W}sdtContent"):
                yield from _body(content, styles)


def _cell(cell: Any) -> str:
    return " ".join(text for paragraph in cell.iter(f"{_W}p") if (text := " ".join(_words(paragraph).split())))


def _words(paragraph: Any) -> str:
    """The text that is shown: with tracked insertions, without deletions."""
    signs = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
    found = []
    for node in paragraph.iter(f"{_W}t", *signs):
        if next(node.iterancestors(_FALLBACK, f"{_W}tabs"), None) is None:
            found.append(signs.get(node.tag) or node.text or "")
    return _clean("".join(found))


def _clean(text: str) -> str:
    """Without what no text can hold: NULs, and halves of surrogate pairs of a broken font table."""
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


_READERS: dict[str, Callable[[bytes, str], Read]] = {
    ".pdf": _pdf,
    ".docx": _docx,
    ".txt": _text,
    ".md": _markdown,
    ".markdown": _markdown,
}
