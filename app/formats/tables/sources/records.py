"""Tables of JSON: a list of objects, or an object a line. A column is a name that any of them has."""

from codecs import BOM_UTF8
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import ijson
import orjson

from app.errors import Unreadable
from app.formats.tables.sources.source import Bounded, Texts, check_width
from app.parsing import bounds
from app.settings import settings
from app.tabular.datatypes import TableFormat


class Records:
    """A file of JSON objects."""

    encoding: str | None = "utf-8"
    separator: str | None = None
    sheet: str | None = None

    def __init__(self, path: Path, format: TableFormat) -> None:
        self._path = path
        self.format = format
        self.sheets: list[str] = []
        self.notes: list[str] = []
        self.text_numbers: set[int] = set()
        names: dict[str, None] = {}
        for record in self._records():
            for name in record:
                names.setdefault(name)
            check_width(len(names))
        if len(names) < 2:
            raise Unreadable("These objects have one key or none. A machine needs at least two columns.")
        self.names: Texts | None = list(names)

    def rows(self) -> Iterator[Texts]:
        """Each object as a row."""
        names, bounded = self.names or [], Bounded()
        for record in self._records():
            row = [as_text(record.get(name)) for name in names]
            bounded.take(row)
            yield row

    def _records(self) -> Iterator[dict[str, Any]]:
        with self._path.open("rb") as file:
            if file.read(len(BOM_UTF8)) != BOM_UTF8:
                file.seek(0)
            read = _listed(file) if self.format is TableFormat.JSON else _lined(file)
            for record in read:
                if not isinstance(record, dict):
                    raise Unreadable("This JSON is not a list of objects. Give one object for each row.")
                yield flattened(record)


def _listed(file: IO[bytes]) -> Iterator[Any]:
    try:
        yield from ijson.items(bounds.JsonFile(file), "item", use_float=True)
    except ijson.JSONError:
        raise Unreadable("This is not JSON, or it is cut off.") from None


def _lined(file: IO[bytes]) -> Iterator[Any]:
    most = settings.parser_item_bytes_max
    number = 0
    while line := file.readline(most + 1):
        number += 1
        if len(line) > most:
            raise Unreadable(f"Line {number:,} of this file takes more than {most:,} bytes.")
        if line.strip():
            bounds.check_json(line)
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                raise Unreadable(f"Line {number:,} of this file is not JSON.") from None


def flattened(record: Mapping[str, Any], known: Container[str] = ()) -> dict[str, Any]:
    """A record without nested objects: their values are columns of their own, `outer_inner`. Lists stay as they are.

    What is a name in `known` stays, and so does an object with a name that the record has already.
    """
    flat: dict[str, Any] = {}
    for name, value in record.items():
        inner = flattened({f"{name}_{key}": each for key, each in value.items()}) if _is_nested(value) else {}
        if name in known or not inner or not inner.keys().isdisjoint(record.keys() | flat.keys()):
            flat[name] = value
        else:
            flat |= inner
    return flat


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value)


def as_text(value: Any) -> str:
    """A value as a person would write it in a table."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        case int():
            return str(value)
    return orjson.dumps(value, default=float).decode()
