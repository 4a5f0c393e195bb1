"""Folders of documents: every paragraph is there once, with its place; what cannot be read is set aside."""

import io
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.documents import read_documents
from sartor.data.read import Quarantine, read_rows
from sartor.errors import InputError

pypdf = pytest.importorskip("pypdf")
docx = pytest.importorskip("docx")


def pdf(pages: list[list[str]], bookmarks: dict[str, int] | None = None, password: str = "") -> bytes:
    """A PDF of these lines; an empty line is a gap, an empty page is without text."""
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {NameObject(f"/{key}"): NameObject(f"/{value}") for key, value in
         {"Type": "Font", "Subtype": "Type1", "BaseFont": "Helvetica"}.items()}
    )  # fmt: skip
    for lines in pages:
        page = writer.add_blank_page(612, 792)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        stream = DecodedStreamObject()
        shown = "".join(f"({line}) Tj 0 -14 Td " if line else "( ) Tj 0 -14 Td " for line in lines)
        stream.set_data(f"BT /F1 12 Tf 72 720 Td {shown}ET".encode("latin-1") if lines else b"")
        page[NameObject("/Contents")] = writer._add_object(stream)
    for title, number in (bookmarks or {}).items():
        writer.add_outline_item(title=title, page_number=number)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def word(*paragraphs: tuple[str, str], table: list[list[str]] | None = None) -> bytes:
    document = docx.Document()
    for text, style in paragraphs:
        document.add_paragraph(text, style=style or None)
    if table:
        grid = document.add_table(len(table), len(table[0]))
        for row, cells in zip(grid.rows, table, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


CONTRACT = pdf(
    [["Preamble.", "1. Term", "It ends in May."], ["More.", "2. Fee", "It costs 5."]], {"1. Term": 0, "2. Fee": 1}
)
LETTER = word(
    ("Dear all", ""),
    ("The plan", "Heading 1"),
    ("We start.", ""),
    ("Then we stop.", ""),
    table=[["what", "when"], ["a", "b"]],
)
NOTES = "# Visit\n\nBP 120.\nPulse 70.\n\n```\n# no heading\n\nx = 1\n```\n\n## Plan ##\nWalk.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "papers"
    (root / "sub").mkdir(parents=True)
    (root / "contract.pdf").write_bytes(CONTRACT)
    (root / "letter.docx").write_bytes(LETTER)
    (root / "sub" / "notes.md").write_text(NOTES)
    (root / "plain.txt").write_text("One.\n\n \nTwo\nlines.\n")
    (root / ".hidden.txt").write_text("no")
    (root / "~$letter.docx").write_text("Word's lock")
    return root


def test_a_row_per_document(folder: Path) -> None:
    table = read_rows(folder)
    assert table.format == "documents, 6 columns"
    assert [row["file"] for row in table.rows] == ["contract.pdf", "letter.docx", "plain.txt", "sub/notes.md"]
    contract, letter, plain, notes = table.rows
    assert contract["text"] == "Preamble.\n\n1. Term\n\nIt ends in May.\n\nMore.\n\n2. Fee\n\nIt costs 5."
    assert (contract["heading"], contract["page"], contract["paragraph"]) == ("1. Term", 1, 1)
    assert letter["text"] == "Dear all\n\nThe plan\n\nWe start.\n\nThen we stop.\n\nwhat | when\na | b"
    assert (letter["heading"], letter["page"]) == ("The plan", None)
    assert plain["text"] == "One.\n\nTwo\nlines."
    assert notes["text"] == "# Visit\n\nBP 120.\nPulse 70.\n\n```\n# no heading\n\nx = 1\n```\n\n## Plan ##\n\nWalk."


def test_anchors_lead_to_paragraphs_and_pages(folder: Path) -> None:
    for row in read_rows(folder).rows:
        starts = [anchor["start"] for anchor in row["anchors"]]
        ends = [start - 2 for start in starts[1:]] + [len(row["text"])]
        pieces = [row["text"][start:end] for start, end in zip(starts, ends, strict=True)]
        assert "\n\n".join(pieces) == row["text"]
        assert [anchor["paragraph"] for anchor in row["anchors"]] == list(range(1, len(starts) + 1))
    anchors = {row["text"][:4]: row["anchors"] for row in read_rows(folder).rows}["Prea"]
    assert [anchor["page"] for anchor in anchors] == [1, 1, 1, 2, 2, 2]


def test_a_row_per_section(folder: Path) -> None:
    rows = read_documents(folder, by="section").rows
    found = [(row["file"], row["heading"], row["page"], row["paragraph"], row["text"]) for row in rows]
    assert found == [
        ("contract.pdf", None, 1, 1, "Preamble."),
        ("contract.pdf", "1. Term", 1, 2, "1. Term\n\nIt ends in May.\n\nMore."),
        ("contract.pdf", "2. Fee", 2, 5, "2. Fee\n\nIt costs 5."),
        ("letter.docx", None, None, 1, "Dear all"),
        ("letter.docx", "The plan", None, 2, "The plan\n\nWe start.\n\nThen we stop.\n\nwhat | when\na | b"),
        ("plain.txt", None, None, 1, "One.\n\nTwo\nlines."),
        ("sub/notes.md", "Visit", None, 1, "# Visit\n\nBP 120.\nPulse 70.\n\n```\n# no heading\n\nx = 1\n```"),
        ("sub/notes.md", "Plan", None, 4, "## Plan ##\n\nWalk."),
    ]
    for row in rows:
        assert row["anchors"][0] == {"start": 0, "page": row["page"], "paragraph": row["paragraph"]}


def test_a_pdf_without_bookmarks_has_a_section_per_page(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([["One."], ["Two."]]))
    rows = read_documents(tmp_path, by="section").rows
    assert [(row["heading"], row["page"], row["text"]) for row in rows] == [(None, 1, "One."), (None, 2, "Two.")]


def test_a_bookmark_whose_title_is_no_line_begins_its_section_on_top_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([["One."], ["Two."]], {"Second thoughts": 1}))
    rows = read_documents(tmp_path, by="section").rows
    assert [(row["heading"], row["text"]) for row in rows] == [(None, "One."), ("Second thoughts", "Two.")]


def test_tracked_insertions_and_content_controls_are_read_and_deletions_are_not(tmp_path: Path) -> None:
    """As Word shows it, though python-docx's own `text` leaves both out."""
    from docx.oxml import parse_xml

    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    document = docx.Document()
    for xml in (
        f"<w:p {w}><w:r><w:t>It ends in </w:t></w:r><w:del><w:r><w:delText>May</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>June</w:t></w:r></w:ins></w:p>",
        f"<w:sdt {w}><w:sdtContent><w:p><w:r><w:t>Signed.</w:t></w:r></w:p></w:sdtContent></w:sdt>",
    ):
        document.element.body.insert(len(document.element.body) - 1, parse_xml(xml))
    document.save(str(tmp_path / "a.docx"))
    assert read_rows(tmp_path).rows[0]["text"] == "It ends in June\n\nSigned."


BROKEN = {
    "scanned.pdf": (pdf([[], []]), "none of its 2 pages holds text: if it is scanned"),
    "locked.pdf": (pdf([["x"]], password="secret"), "it is encrypted; save it without a password"),
    "cut.pdf": (CONTRACT[: len(CONTRACT) // 3], "a broken PDF ("),
    "empty.pdf": (b"", "a broken PDF ("),
    "cut.docx": (LETTER[: len(LETTER) // 2], "a broken DOCX file ("),
    "locked.docx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "it is encrypted, or Word's old format"),
    "blank.docx": (word(), "it holds no text"),
    "blank.txt": (b" \n", "is empty"),
    "latin.txt": (
        "caf\xe9 au lait".encode("latin-1"),
        "line 1, byte 4: byte 0xE9 is not UTF-8; if it is Windows text, convert it: `iconv -f WINDOWS-1252 -t UTF-8 latin.txt",
    ),
    "image.md": (b"\x89PNG\r\n\x1a\n", "is not text but a PNG image"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_set_aside_and_the_rest_is_read(folder: Path, name: str) -> None:
    content, reason = BROKEN[name]
    (folder / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_rows(folder)
    assert f"papers/{name}: " in str(caught.value)
    assert "\n" not in str(caught.value)
    quarantine: Quarantine = []
    assert len(read_rows(folder, quarantine=quarantine).rows) == 4
    (aside,) = quarantine
    assert aside.place == f"papers/{name}"
    assert reason in aside.reason


def test_a_broken_package_in_a_whole_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<nonsense")
    with pytest.raises(InputError, match=r"/a.docx: a broken DOCX file \("):
        read_rows(tmp_path)


def test_nothing_left_is_an_error_with_the_first_reason(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([[]]))
    with pytest.raises(InputError, match="holds no rows that can be used; the first: .*/a.pdf: none of its 1 page"):
        read_rows(tmp_path, quarantine=[])


def test_pages_without_text_and_other_files_are_told(folder: Path) -> None:
    (folder / "half.pdf").write_bytes(pdf([["x"], []]))
    (folder / "photo.png").write_bytes(b"\x89PNG")
    assert read_rows(folder).notes == (
        "papers/half.pdf: no text on 1 of its 2 pages",
        "papers: not read, as they are no documents: photo.png",
    )


def test_a_folder_with_tables_or_without_documents_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="is a folder; name the file of examples in it"):
        read_rows(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is a folder without a PDF, DOCX, TXT or MD file"):
        read_rows(tmp_path / "empty")


@given(st.lists(st.text(st.sampled_from("ab #`~\n\t|-"), max_size=30), max_size=4))
def test_no_word_of_a_markdown_file_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    text = "x\n" + "\n\n".join(parts)
    folder = tmp_path_factory.mktemp("md")
    (folder / "a.md").write_text(text)
    whole, sections = read_documents(folder).rows, read_documents(folder, by="section").rows
    assert whole[0]["text"].split() == text.split()
    assert " ".join(row["text"] for row in sections).split() == text.split()


@pytest.mark.parametrize(("package", "name"), [("pypdf", "contract.pdf"), ("docx", "letter.docx")])
def test_a_missing_extra_says_what_to_install(
    folder: Path, package: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in folder.iterdir():
        if path.is_file() and path.name != name:
            path.unlink()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=r"install it with `pip install 'sartor\[docs\]'`"):
        read_rows(folder, quarantine=[])
