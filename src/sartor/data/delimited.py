"""CSV and TSV as RFC 4180 has them: a file is read whole, or refused with the line where it goes wrong.

Lenient readers turn one stray quote into a cell of many rows; here a quote is either well-formed or an error.
"""

import re
from collections import Counter
from collections.abc import Iterator

from sartor.data.table import Table, check_header, make_table
from sartor.errors import InputError

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}


def read_delimited(text: str, name: str) -> Table:
    """A table of strings; the first line names the columns, lines without a character are skipped.

    Raises InputError for ragged rows, ragged quotes, a duplicate or a missing column name.
    """
    delimiter = sniff_delimiter(text, preferred="\t" if name.lower().endswith((".tsv", ".tab")) else ",")
    lines = records(text, delimiter, name)
    header_line, header = next(lines)
    columns = [cell.strip() for cell in header]
    check_header(columns, f"{name}, line {header_line}")
    rows, places = [], []
    for line, cells in lines:
        if len(cells) != len(columns):
            wrong = f"{len(cells)} cell{'s' * (len(cells) != 1)} where the header has {len(columns)}"
            remedy = f'a cell that holds a {DELIMITERS[delimiter]} needs "quotes"'
            if any("\n" in cell for cell in cells):
                remedy = "a cell runs over several lines: look for a quote that is never closed"
            raise InputError(f"{name}, line {line}: {wrong}; {remedy}")
        rows.append(dict(zip(columns, cells, strict=True)))
        places.append(line)
    kind = "TSV" if delimiter == "\t" else "CSV"
    return make_table(name, f"{kind}, {DELIMITERS[delimiter]}", rows, places, "line", columns)


def sniff_delimiter(text: str, preferred: str = ",") -> str:
    """The delimiter that the first line holds most of, outside quotes; the preferred one where none or several do."""
    header = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    counts = Counter(re.sub(r'"[^"]*"', "", header))
    return max(DELIMITERS, key=lambda delimiter: (counts[delimiter], delimiter == preferred))


def records(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each record's first line, from 1, and its cells. A quote in an unquoted cell is text in TSV, an error in CSV."""
    inside = "" if delimiter == "\t" else '"'
    cell = re.compile(rf'"((?>[^"]+|"")*+)"|((?!")[^{inside}{re.escape(delimiter)}\r\n]*)')
    newline = re.compile(r"\r\n|\n|\r")
    position, line = 0, 1
    while position < len(text):
        if end := newline.match(text, position):  # nothing on this line
            position, line = end.end(), line + 1
            continue
        first_line, cells = line, list[str]()
        while True:
            match = cell.match(text, position)
            if not match:
                raise InputError(f'{name}, line {line}: a quote opens here and is never closed; write a quote as ""')
            end_at = match.end()
            after = text[end_at : end_at + 1]
            if after and after not in f"{delimiter}\r\n":
                what = "text after a closing quote" if match[1] is not None else "a quote inside a cell without quotes"
                raise InputError(f'{name}, line {line}: {what}; put the cell in quotes and write a quote as ""')
            value = match[2] if match[1] is None else match[1].replace('""', '"')
            cells.append(value)
            line += len(newline.findall(value))
            position = end_at + 1
            if after != delimiter:
                break
        if text.startswith("\r\n", end_at):
            position += 1
        line += 1
        yield first_line, cells
