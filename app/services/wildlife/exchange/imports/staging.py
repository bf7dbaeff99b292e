"""Records of a file in a temporary table of the transaction: from there they are matched and inserted as a whole."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson
from sqlalchemy import CursorResult, text

from app.database import WriteSession, copy_in
from app.formats.wildlife import records
from app.formats.wildlife.records import Record
from app.telemetry.metering import in_thread

BATCH = 2_000
ROWS_AT_ONCE = 500
MAKE = (
    "CREATE TEMP TABLE import_records (place bigint, kind text, file text, line bigint, record jsonb) ON COMMIT DROP",
    "CREATE TEMP TABLE import_matches (place bigint, resource_id bigint, final_id bigint) ON COMMIT DROP",
)
COPY = "COPY import_records (place, kind, file, line, record) FROM STDIN"
INDEX = (
    "CREATE INDEX ON import_records (kind, place)",
    "ANALYZE import_records",
)
NUL = "\0"


class Staged(NamedTuple):
    """A record that was matched with a medium."""

    place: int
    file: str
    line: int | None
    record: dict[str, Any]
    resource_id: int
    final_id: int


async def load(session: WriteSession, path: Path) -> None:
    """Puts all records of a file into the table."""
    for statement in MAKE:
        await session.execute(text(statement))
    await copy_in(session, COPY, _pieces(path))
    for statement in INDEX:
        await session.execute(text(statement))


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    numbered = enumerate(records.kept(path))
    while piece := await in_thread(_piece, numbered):
        yield piece


def _piece(numbered: Iterator[tuple[int, Record]]) -> bytes:
    return b"".join(_row(place, record) for place, record in islice(numbered, BATCH))


def _row(place: int, record: Record) -> bytes:
    content = orjson.dumps(_without_nul(record.values))
    line = b"\\N" if record.line is None else str(record.line).encode()
    file = record.file.replace("\\", "/").replace("\t", " ").replace("\n", " ").replace("\r", " ").encode()
    return b"\t".join((str(place).encode(), record.kind.encode(), file, line, content.replace(b"\\", b"\\\\"))) + b"\n"


def _without_nul(value: Any) -> Any:
    """PostgreSQL keeps no NUL in a text."""
    if isinstance(value, str):
        return value.replace(NUL, "") if NUL in value else value
    if isinstance(value, Mapping):
        return {_without_nul(key): _without_nul(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    return value


MATCHED = text(
    """
    SELECT staged.place, staged.file, staged.line, staged.record, matched.resource_id, matched.final_id
    FROM import_matches AS matched JOIN import_records AS staged USING (place)
    WHERE staged.kind = :kind ORDER BY matched.final_id, staged.place
    """
)


async def matched(session: WriteSession, kind: str) -> AsyncGenerator[list[list[Staged]], None]:
    """The matched records of a kind by medium, some media at a time, in the order in which FINALs are locked."""
    rows = await session.stream(MATCHED.bindparams(kind=kind).execution_options(yield_per=BATCH))
    media: list[list[Staged]] = []
    try:
        async for row in rows:
            staged = Staged(*row)
            if media and media[-1][-1].final_id == staged.final_id:
                media[-1].append(staged)
                continue
            if len(media) >= ROWS_AT_ONCE:
                yield media
                media = []
            media.append([staged])
    finally:
        await rows.close()
    if media:
        yield media


async def ask(session: WriteSession, statement: str, **values: Any) -> list[Any]:
    """The rows of a statement about the temporary tables."""
    result = cast("CursorResult[Any]", await session.execute(text(statement), values))
    return list(result.all()) if result.returns_rows else []


def batched(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The values in lists."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch
