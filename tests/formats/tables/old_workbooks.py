"""An xls file made by hand: an OLE container with one stream of BIFF8 records, as far as a reader looks."""

import struct

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def old_workbook(rows, name="Data"):
    """One sheet with these rows of texts and numbers."""
    stream = _stream(rows, name.encode())
    stream += b"\0" * (max(4096, len(stream)) - len(stream))
    stream += b"\0" * (-len(stream) % SECTOR)
    sectors = len(stream) // SECTOR
    # The table of sectors, the directory, then the stream.
    table = [FAT, END, *range(3, sectors + 2), END]
    table += [FREE] * (SECTOR // 4 - len(table))
    assert len(table) == SECTOR // 4, "one table is enough for small workbooks"
    directory = _entry("Root Entry", 5, END, 0, child=1) + _entry("Workbook", 2, 2, len(stream))
    directory += b"\0" * (SECTOR - len(directory))
    return _header() + struct.pack(f"<{len(table)}I", *table) + directory + stream


def _header():
    head = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16
    head += struct.pack("<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, END, 0, END, 0, 0)
    return head + struct.pack("<108I", *[FREE] * 108)


def _entry(name, kind, start, size, child=FREE):
    text = name.encode("utf-16-le") + b"\0\0"
    head = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, FREE, FREE, child)
    return head + b"\0" * 36 + struct.pack("<IQ", start, size)


def _record(kind, body=b""):
    return struct.pack("<HH", kind, len(body)) + body


def _stream(rows, name):
    begin = struct.pack("<HHHHII", 0x600, 5, 0x2000, 1997, 0, 6)
    page = _record(0x42, struct.pack("<H", 1200))
    sheet = struct.pack("<BB", len(name), 0) + name
    place = len(_record(0x809, begin) + page + _record(0x85, b"\0" * 6 + sheet) + _record(0x0A))
    book = _record(0x809, begin) + page + _record(0x85, struct.pack("<IH", place, 0) + sheet) + _record(0x0A)
    cells = b"".join(_cell(y, x, value) for y, row in enumerate(rows) for x, value in enumerate(row))
    size = _record(0x200, struct.pack("<IIHHH", 0, len(rows), 0, len(rows[0]), 0))
    return book + _record(0x809, struct.pack("<HHHHII", 0x600, 16, 0x2000, 1997, 0, 6)) + size + cells + _record(0x0A)


def _cell(row, column, value):
    place = struct.pack("<HHH", row, column, 0)
    if isinstance(value, int | float):
        return _record(0x203, place + struct.pack("<d", value))
    text = str(value).encode("utf-16-le")
    return _record(0x204, place + struct.pack("<HB", len(str(value)), 1) + text)
