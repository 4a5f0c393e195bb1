"""CSV and TSV as RFC 4180 has them: a file is read whole, or refused with the line where it goes wrong.

Lenient readers turn one stray quote into a cell of many rows; here a quote is either well-formed or an error. With a
quarantine, reading goes on where a row surely begins: after a line with an even number of quotes since the error.
"""

import re
from collections import Counter
from collections.abc import Iterator

from sartor.data.quarantine import Quarantine, set_aside
from sartor.data.table import Table, check_header, make_table
from sartor.errors import InputError

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}

_NEWLINE = re.compile(r"\r\n|\n|\r")


def read_delimited(text: str, name: str, quarantine: Quarantine | None = None) -> Table:
    """A table of strings; the first line names the columns, lines without a character are skipped.

    Ragged rows and ragged quotes are set aside. Raises InputError for a duplicate or a missing column name.
    """
    delimiter = sniff_delimiter(text, preferred="\t" if name.lower().endswith((".tsv", ".tab")) else ",")
    lines = records(text, delimiter, name, quarantine)
    header_line, header = next(lines)
    if not header and quarantine:
        raise InputError(f"{quarantine[-1].place}: {quarantine[-1].reason}")
    columns = [cell.strip() for cell in header]
    check_header(columns, f"{name}, line {header_line}")
    rows, places = list[dict[str, str] | None](), list[int]()
    for line, cells in lines:
        rows.append(dict(zip(columns, cells, strict=True)) if len(cells) == len(columns) else None)
        places.append(line)
        if cells and len(cells) != len(columns):
            wrong = f"{len(cells)} cell{'s' * (len(cells) != 1)} where the header has {len(columns)}"
            remedy = f'a cell that holds a {DELIMITERS[delimiter]} needs "quotes"'
            if any("\n" in cell for cell in cells):
                remedy = "a cell runs over several lines: look for a quote that is never closed"
            set_aside(quarantine, f"{name}, line {line}", f"{wrong}; {remedy}", cells)
    kind = "TSV" if delimiter == "\t" else "CSV"
    return make_table(name, f"{kind}, {DELIMITERS[delimiter]}", rows, places, "line", columns, quarantine)


def sniff_delimiter(text: str, preferred: str = ",") -> str:
    """The delimiter that the first line holds most of, outside quotes; the preferred one where none or several do."""
    header = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    counts = Counter(re.sub(r'"[^"]*"', "", header))
    return max(DELIMITERS, key=lambda delimiter: (counts[delimiter], delimiter == preferred))


def records(
    text: str, delimiter: str, name: str, quarantine: Quarantine | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Each record's first line, from 1, and its cells; none for what was set aside.

    A quote in an unquoted cell is text in TSV, an error in CSV.
    """
    inside = "" if delimiter == "\t" else '"'
    cell = re.compile(rf'"((?>[^"]+|"")*+)"|((?!")[^{inside}{re.escape(delimiter)}\r\n]*)')
    position, line = 0, 1
    while position < len(text):
        if end := _NEWLINE.match(text, position):  # nothing on this line
            position, line = end.end(), line + 1
            continue
        begin, first_line, cells, problem = position, line, list[str](), ""
        while True:
            match = cell.match(text, position)
            if not match:
                problem = 'a quote opens here and is never closed; write a quote as ""'
                break
            end_at = match.end()
            after = text[end_at : end_at + 1]
            if after and after not in f"{delimiter}\r\n":
                what = "text after a closing quote" if match[1] is not None else "a quote inside a cell without quotes"
                problem = f'{what}; put the cell in quotes and write a quote as ""'
                break
            value = match[2] if match[1] is None else match[1].replace('""', '"')
            cells.append(value)
            line += len(_NEWLINE.findall(value))
            position = end_at + 1
            if after != delimiter:
                break
        if problem:
            position = _next_record(text, begin, position)
            lines = len(_NEWLINE.findall(text, begin, position))
            if lines > 1:
                problem += f" ({lines:,} lines, in which no row can be told from another)"
            set_aside(quarantine, f"{name}, line {line}", problem, text[begin:position])
            yield first_line, []
            line = first_line + lines
            continue
        if text.startswith("\r\n", end_at):
            position += 1
        line += 1
        yield first_line, cells


def _next_record(text: str, begin: int, error: int) -> int:
    """Where the record after a broken one begins: behind the first newline with an even number of quotes before it."""
    quotes, counted = 0, begin
    for newline in _NEWLINE.finditer(text, error):
        quotes += text.count('"', counted, newline.start())
        counted = newline.start()
        if quotes % 2 == 0:
            return newline.end()
    return len(text)
