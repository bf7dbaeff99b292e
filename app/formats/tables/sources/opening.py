"""Which format a file with a table has, by its content; its name decides nothing."""

import re
from pathlib import Path

from app.errors import Unreadable
from app.formats.tables.sources.records import Records
from app.formats.tables.sources.separated import Separated
from app.formats.tables.sources.source import Options, Source, head_of
from app.formats.tables.sources.workbooks import OLE, ZIP, Workbook
from app.tabular.datatypes import TableFormat

REFUSED = (
    (b"PAR1", "Parquet is not read. Save the table as CSV, xlsx, JSON or NDJSON."),
    (b"\x1f\x8b", "This file is packed with gzip. Upload it unpacked."),
    (b"BZh", "This file is packed with bzip2. Upload it unpacked."),
    (b"\x28\xb5\x2f\xfd", "This file is packed with Zstandard. Upload it unpacked."),
    (b"%PDF", "This is a PDF document. Save the table as CSV, xlsx, JSON or NDJSON."),
    (b"\x89PNG", "This is a picture. Save the table as CSV, xlsx, JSON or NDJSON."),
    (b"\xff\xd8\xff", "This is a picture. Save the table as CSV, xlsx, JSON or NDJSON."),
    (b"ARROW1", "Arrow files are not read. Save the table as CSV, xlsx, JSON or NDJSON."),
    (b"SQLite format 3", "This is a database. Save the table as CSV, xlsx, JSON or NDJSON."),
)
# A name in the header of a CSV file may begin with a bracket, too.
LIST = re.compile(rb"\[\s*(?:[{\]]|\Z)")
OBJECT = re.compile(rb'\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\}|\Z)')
BOM = b"\xef\xbb\xbf"


def opened(path: Path, options: Options) -> Source:
    """The table in a file; Unreadable if it is none that is known."""
    head = head_of(path)
    for mark, refusal in REFUSED:
        if head.startswith(mark):
            raise Unreadable(refusal)
    if head.startswith((ZIP, b"PK\x05\x06")):
        return Workbook(path, options, TableFormat.XLSX)
    if head.startswith(OLE):
        return Workbook(path, options, TableFormat.XLS)
    start = head.removeprefix(BOM).lstrip()
    if LIST.match(start):
        return Records(path, TableFormat.JSON)
    if OBJECT.match(start):
        return Records(path, TableFormat.NDJSON)
    if head.removeprefix(BOM).lstrip()[:14].lower().startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise Unreadable("This is a web page or XML. Save the table as CSV, xlsx, JSON or NDJSON.")
    return Separated(path, options)
