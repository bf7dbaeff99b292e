"""The header of a FlatGeobuf with the name of its layer, which PostGIS leaves out.

A header is one FlatBuffers table behind the file's mark and its own length. Its fields are found by a list of places; a
new table with the name comes before the old one, and points to what that points to.
"""

from struct import pack, pack_into, unpack_from

MARK_BYTES, LENGTH_BYTES = 8, 4
# In the order of the schema: name, envelope, geometry type, four flags, columns, count, node size, reference system.
FIELDS = 11
NAME, ENVELOPE, GEOMETRY_TYPE, HAS_Z, COLUMNS, COUNT, NODE_SIZE, CRS = 0, 1, 2, 3, 7, 8, 9, 10
PLACES_AT, TABLE_AT, TABLE_BYTES = 4, 32, 32
# Where each field stands in the new table; numbers of 8 bytes stand at multiples of 8.
NEW = {NAME: 4, COUNT: 8, ENVELOPE: 16, COLUMNS: 20, CRS: 24, NODE_SIZE: 28, GEOMETRY_TYPE: 30, HAS_Z: 31}
REFERENCES = (ENVELOPE, COLUMNS, CRS)
NUMBERS = {COUNT: "<Q", NODE_SIZE: "<H", GEOMETRY_TYPE: "<B", HAS_Z: "<B"}
DEFAULTS = {NODE_SIZE: 16}


def named(start: bytes, name: str) -> bytes | None:
    """The beginning of a file with the name of its layer; None if it is too short to hold the header."""
    begins = MARK_BYTES + LENGTH_BYTES
    if len(start) < begins:
        return None
    [length] = unpack_from("<I", start, MARK_BYTES)
    if len(start) < begins + length:
        return None
    header = start[begins : begins + length]
    written = _named(header, name)
    return start[:MARK_BYTES] + pack("<I", len(written)) + written + start[begins + length :]


def _named(header: bytes, name: str) -> bytes:
    text = pack("<I", len(name.encode())) + name.encode() + b"\0"
    old_at = TABLE_AT + TABLE_BYTES + len(text) + -len(text) % 8
    new = bytearray(old_at)
    old = _places(header)
    present = [field for field in NEW if field == NAME or field in DEFAULTS or old.get(field)]
    pack_into("<IHH", new, 0, TABLE_AT, PLACES_AT + 2 * FIELDS, TABLE_BYTES)
    for field in present:
        pack_into("<H", new, PLACES_AT + 4 + 2 * field, NEW[field])
    pack_into("<i", new, TABLE_AT, TABLE_AT - PLACES_AT)
    pack_into("<I", new, TABLE_AT + NEW[NAME], TABLE_BYTES - NEW[NAME])
    new[TABLE_AT + TABLE_BYTES : TABLE_AT + TABLE_BYTES + len(text)] = text
    for field, form in NUMBERS.items():
        if field in present:
            [value] = unpack_from(form, header, old[field]) if old.get(field) else [DEFAULTS[field]]
            pack_into(form, new, TABLE_AT + NEW[field], value)
    for field in REFERENCES:
        if field in present:
            target = old_at + old[field] + unpack_from("<I", header, old[field])[0]
            pack_into("<I", new, TABLE_AT + NEW[field], target - (TABLE_AT + NEW[field]))
    return bytes(new) + header


def _places(header: bytes) -> dict[int, int]:
    """Where the fields of a header stand; those that are left out are missing."""
    [table] = unpack_from("<I", header)
    places_at = table - unpack_from("<i", header, table)[0]
    count = (unpack_from("<H", header, places_at)[0] - 4) // 2
    offsets = unpack_from(f"<{count}H", header, places_at + 4)
    return {field: table + offset for field, offset in enumerate(offsets) if offset}
