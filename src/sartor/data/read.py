"""Files in: CSV, TSV, JSON, JSONL, Parquet and Excel, the format told by content as well as by name."""

import io
from collections.abc import Collection
from pathlib import Path

from sartor.complaints import did_you_mean
from sartor.data.argilla import read_argilla
from sartor.data.delimited import read_delimited
from sartor.data.documents import read_documents
from sartor.data.jsontext import is_jsonl, read_json, read_jsonl
from sartor.data.labelstudio import read_label_studio
from sartor.data.quarantine import Quarantine, SetAside, require_rows, set_aside
from sartor.data.table import Table, check_cells, check_header, make_table, plain
from sartor.data.text import READABLE, decode
from sartor.errors import InputError

__all__ = ["Quarantine", "SetAside", "Table", "read_rows"]


def read_rows(path: Path, outputs: Collection[str] = (), quarantine: Quarantine | None = None) -> Table:
    """All rows of a file, or none: a file is never half-read. Columns of `outputs` may hold whatever a model wrote.
    Exports of Argilla and Label Studio become plain tables; a folder of documents has a row per document.

    Where there are such columns, NaN and Infinity in a file of JSON are null.

    CSV, TSV and Excel values are strings as written (None for an empty Excel cell); the others are JSON values.
    Raises InputError, one sentence with file, line or row, and remedy.

    With a list as `quarantine`, rows that are broken by themselves are put there, each with its place and the reason,
    and the others are read. What is wrong with the file as a whole is an error even then, and so is no row left.
    """
    if path.is_dir():
        return read_documents(path, quarantine=quarantine)
    read = _read(path.name, path.suffix.lower(), _bytes(path), bool(outputs), quarantine)
    table = check_cells(read, outputs, quarantine)
    return read_argilla(table, quarantine) or read_label_studio(table, quarantine) or table


def _read(name: str, suffix: str, data: bytes, lenient: bool, quarantine: Quarantine | None) -> Table:
    if data.startswith(b"PAR1"):
        return _read_parquet(data, name)
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _read_excel(data, name, quarantine)
    if suffix in (".parquet", ".xlsx", ".xls") and data:
        raise InputError(f"{name} is no {suffix[1:]} file, whatever its name says; {READABLE}")
    text = decode(data, name, strict=quarantine is None)
    if text.lstrip().startswith(("{", "[")) and (suffix not in (".csv", ".tsv") or _is_json(text)):
        read = read_jsonl if is_jsonl(text, suffix) else read_json
        return read(text, name, lenient, quarantine)
    if quarantine is not None and suffix in (".jsonl", ".ndjson"):
        return read_jsonl(text, name, lenient, quarantine)
    if suffix in (".json", ".jsonl", ".ndjson"):
        begins = text.split("\n", 1)[0].strip()[:40]
        raise InputError(f"{name}, line 1: not JSON: it begins with `{begins}`; if it is CSV, name it so")
    return read_delimited(text, name, quarantine)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        siblings = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{path} does not exist{did_you_mean(path.name, siblings)}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def _read_parquet(data: bytes, name: str) -> Table:
    import polars

    try:
        frame = polars.read_parquet(io.BytesIO(data))
    except (polars.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{name} is a broken Parquet file ({str(error).splitlines()[0]}); write it again") from None
    rows = [plain(row) for row in frame.to_dicts()]
    return make_table(name, "Parquet", rows, range(1, len(rows) + 1), "row", frame.columns)


def _read_excel(data: bytes, name: str, quarantine: Quarantine | None) -> Table:
    """The first sheet that holds anything, every cell as text; the first row that holds anything names the columns."""
    import fastexcel

    try:
        book = fastexcel.read_excel(data)
        for sheet in book.sheet_names:
            batch, errors = book.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string").to_arrow_with_errors()
            if batch.num_rows:
                break
        else:
            raise InputError(f"{name} holds no rows; add examples, or name another file")
    except fastexcel.FastExcelError as error:
        raise InputError(f"{name} is no Excel workbook that can be read ({str(error).splitlines()[0]})") from None
    cells = [list(row.values()) for row in batch.to_pylist()]
    filled = [number for number, row in enumerate(cells) if any(row)]
    broken = dict(sorted({error.position for error in errors.errors} if errors else (), reverse=True))
    for row, column in sorted(broken.items()):
        place = f"{name}, row {row + 1}, column {column + 1}"
        set_aside(quarantine, place, "a formula error; correct it, or clear the cell", cells[row])
    require_rows(name, filled, quarantine)
    header = [str(cell or "").strip() for cell in cells[filled[0]]]
    check_header(header, f"{name}, row {filled[0] + 1}")
    format = f"Excel, sheet `{sheet}` (1 of {len(book.sheet_names)})" if len(book.sheet_names) > 1 else "Excel"
    rows = [None if number in broken else dict(zip(header, cells[number], strict=True)) for number in filled[1:]]
    return make_table(name, format, rows, (number + 1 for number in filled[1:]), "row", header, quarantine)


def _is_json(text: str) -> bool:
    """Whether the first line of a file that is called CSV is JSON after all."""
    try:
        read_jsonl(text.strip().split("\n", 1)[0], "")
    except InputError:
        return False
    return True
