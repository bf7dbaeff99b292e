"""Reads the list of a bulk query page by page, a part in each turn, and puts the parts together at the end."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import anyio
import orjson

from app.formats import harmless
from app.gateways import storage
from app.models.integrations import BulkQuery
from app.models.kinds.integrations import IntegrationsJob
from app.security import private_files
from app.services.integrations import answering, bulk
from app.services.integrations.answering import Answers
from app.services.integrations.bulk import CSV, MEDIA_TYPES, NDJSON, Part
from app.services.system.jobs import Progress
from app.settings import settings
from jobs.broker import job
from jobs.folders import working_folder
from jobs.housekeeping import housekeeping
from jobs.run import JobRun

LINES_AT_ONCE = 1_000
Columns = Sequence[tuple[str, ...]]


@job(IntegrationsJob.BULK_QUERY, failed=bulk.query_failed)
async def run_bulk_query(run: JobRun) -> None:
    """Reads for one turn; where the list ends, leaves the files."""
    async with run.database.reading() as session:
        query = await bulk.to_run(session, run.claim.subject_id)
    async with answering.opened(run.database) as answers:
        with working_folder() as folder:
            if not query.is_read:
                is_last = await _read(run, answers, query, folder / "part")
                if not is_last:
                    return
            await _put_together(run, query, answers.columns(query.document), folder)


async def _read(run: JobRun, answers: Answers, query: BulkQuery, path: Path) -> bool:
    """Reads pages until the turn is over or the list ends, and keeps what was read; whether it has ended."""
    begun, rows, after = time.monotonic(), 0, query.after
    total: int | None = query.total
    with private_files.opened(path, "wb") as file:
        while True:
            run.go_on()
            async with run.database.reading() as session:
                viewer = await bulk.viewer_of(session, query)
            is_counted = total is None
            page = await answers.rows(viewer, query.document, query.variables, after=after, is_counted=is_counted)
            total = page.total if is_counted else total
            file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in page.rows)
            rows, after = rows + len(page.rows), page.after
            await _report(run, query.row_count + rows, total)
            is_over = time.monotonic() - begun > settings.bulk_turn_s_max
            if after is None or is_over or file.tell() > settings.bulk_part_bytes_max:
                break
        size_bytes = file.tell()
    part = Part(f"{bulk.folder(query)}/parts/{run.claim.fence}", size_bytes, rows, after, total)
    await storage.put(part.key, path)
    async with run.resting() if after is not None else run.writing() as session:
        await bulk.note_part(session, query.id, part)
    return after is None


async def _report(run: JobRun, rows: int, total: int | None) -> None:
    # Rows may be added while it reads.
    progress = Progress(min(1.0, rows / total) if total else 0.0, "reading", f"Reading: {rows:,} rows so far.")
    await run.report(progress, topic=bulk.topic_of(run.claim.subject_id))


async def _put_together(run: JobRun, query: BulkQuery, columns: Columns | None, folder: Path) -> None:
    async with run.database.reading() as session:
        parts = (await bulk.to_run(session, query.id)).parts
    lines, table = folder / NDJSON, folder / CSV
    with private_files.opened(lines, "wb") as file:
        for part in parts:
            run.go_on()
            async for chunk in storage.stream(part):
                await anyio.wrap_file(file).write(chunk)
    files = {NDJSON: lines}
    if columns is not None:
        files[CSV] = table
        with private_files.opened(table, "wb") as out, lines.open("rb") as rows:
            out.write(harmless.line(".".join(keys) for keys in columns).encode())
            while await asyncio.to_thread(_tabulate, rows, out, columns):
                run.go_on()
    key = f"{bulk.folder(query)}/{run.claim.fence}"
    for kind, path in files.items():
        await storage.put(f"{key}.{kind}", path, filename=f"bulk-query.{kind}", media_type=MEDIA_TYPES[kind])
    size_bytes = sum(path.stat().st_size for path in files.values())
    async with run.ending() as session:
        await bulk.finish_query(session, query.id, key=key, size_bytes=size_bytes)


def _tabulate(rows: IO[bytes], out: IO[bytes], columns: Columns) -> bool:
    """Writes some lines of a table; whether there may be more."""
    for _ in range(LINES_AT_ONCE):
        row = rows.readline()
        if not row:
            return False
        values = orjson.loads(row)
        out.write(harmless.line(_cell(values, keys) for keys in columns).encode())
    return True


def _cell(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        value = None if value is None else value.get(key)
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


housekeeping("bulk queries", bulk.remove_old_queries)
