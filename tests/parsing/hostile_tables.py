"""Tables that are made to hurt whoever reads them."""

from tests.formats.tables.workbooks import workbook
from tests.parsing.hostile import ARCHIVES, Make

MACHINE_TABLES: dict[str, Make] = {
    "a long cell": lambda size: b"a,b\n1," + b"x" * size + b"\n",
    "a quote never closed": lambda size: b'a,b\n1,"' + b"x\n" * (size // 2),
    "nothing but quotes": lambda size: b'"' * size,
    "nothing but separators": lambda size: b"," * size,
    "nothing but lines": lambda size: b"\n" * size,
    "many short rows": lambda size: b"a,b\n" + b"1,2\n" * (size // 4),
    "uneven rows": lambda size: b"a,b,c\n" + b"1\n1,2,3,4,5,6\n" * (size // 14),
    "long digits": lambda size: b"a,b\n" + b"9" * 50_000 + b",1\n" * (size // 50_000),
    "nested cells": lambda size: b"a|b\n" + b"[" * size + b"|1\n",
    "nested literals": lambda size: b"a|b\n" + b"(" * 5 + b"[" * min(size, 90_000) + b"|1\n",
    "zeros": lambda size: b"\0" * size,
    "UTF-16 cut off": lambda size: b"\xff\xfea\0,\0b\0\n\0" + b"\x00\xd8" * (size // 2),
    "nested JSON": lambda size: b'[{"a":' * (size // 7) + b"}]" * (size // 7),
    "wide records": lambda size: b"[{" + b",".join(b'"%d":1' % n for n in range(size // 10)) + b"}]",
    "records of other keys": lambda size: b"\n".join(b'{"%d":1,"b":2}' % n for n in range(size // 16)),
    "a long record": lambda size: b'{"a":"' + b"x" * size + b'","b":1}\n',
    "a lying Parquet footer": lambda size: b"PAR1" + b"\0" * size + b"\xff\xff\xff\x7fPAR1",
    "a broken xls": lambda size: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * size,
    **{f"a workbook of {name}": make for name, make in ARCHIVES.items()},
    "a workbook that unpacks without end": lambda size: _workbook(b"<row>" * (size * 8)),
    "a workbook of one far cell": lambda size: _workbook(
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        b"</sheetData></worksheet>" + b" " * (size % 100)
    ),
}


def _workbook(sheet: bytes) -> bytes:
    return workbook({"Data": []}, {"xl/worksheets/sheet1.xml": sheet})
