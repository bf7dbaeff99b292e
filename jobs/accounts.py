"""Jobs of accounts: archives of a user's data."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from inspect import getdoc
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import orjson

from app.database import ReadSession
from app.errors import NotFound
from app.formats.features.records import Features, JsonLines
from app.gateways import storage
from app.models.base import Record
from app.models.kinds.accounts import AccountsJob
from app.services.accounts.email import templates  # noqa: F401 -- registers who writes mails about accounts
from app.services.accounts.users import data_exports, personal_data, profiles
from app.services.social.people import account_deletion  # noqa: F401 -- registers what goes with an account that is deleted
from app.services.system.jobs import Progress
from app.settings import settings
from jobs.broker import job
from jobs.folders import working_folder
from jobs.housekeeping import housekeeping
from jobs.run import JobRun

SHAPE = "geom"
README = """Your data at {address}

Account: {username}
Made: {made_at}

`.jsonl` files have one JSON object per line, `.geojson` files open in any map program. Times are in UTC, positions in
longitude and latitude. Numbers in `_id` fields are the `id` of a line in another file, or of another user's row.
`manifest.json` says what each field means. Passwords, tokens and their hashes are not included.

{files}
"""


@job(AccountsJob.EXPORT_DATA, failed=data_exports.export_failed)
async def export_data(run: JobRun) -> None:
    """Writes somebody's rows, table by table, and their files into a ZIP file, and keeps that for a while."""
    with working_folder() as folder:
        path = folder / "archive.zip"
        async with run.database.reading() as session:
            # All tables as of one moment.
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            export, username = await data_exports.export_to_make(session, run.claim.subject_id)
            with ZipFile(path, "w", ZIP_DEFLATED) as archive:
                await _fill(run, session, archive, export.user_id, username)
        key = data_exports.export_key(export, run.claim.fence)
        await storage.put(key, path, filename=data_exports.FILENAME, media_type=data_exports.MEDIA_TYPE)
        size = path.stat().st_size
    async with run.ending() as session:
        await data_exports.finish_export(session, export.id, storage_key=key, size_bytes=size)


async def _fill(run: JobRun, session: ReadSession, archive: ZipFile, user_id: int, username: str) -> None:
    tables = []
    for number, table in enumerate(personal_data.THEIRS):
        run.go_on()
        progress = Progress(number / len(personal_data.THEIRS), "writing", f"Writing {table.__tablename__}.")
        await run.report(progress, topic=data_exports.export_topic(run.claim.subject_id))
        tables.append(await _table(session, archive, table, user_id))
    for key in await personal_data.files_of(session, user_id):
        await _file(archive, key)
    about = {"address": settings.address, "username": username, "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    archive.writestr("manifest.json", orjson.dumps(about | {"files": tables}, option=orjson.OPT_INDENT_2))
    lines = "\n".join(f"{table['name']} ({table['rows']}): {table['about']}" for table in tables)
    archive.writestr("README.txt", README.format(**about, files=lines))


async def _table(session: ReadSession, archive: ZipFile, table: type[Record], user_id: int) -> dict[str, Any]:
    """Writes somebody's rows of a table; their entry in the manifest."""
    columns = personal_data.exported_columns(table)
    has_shape = any(column.key == SHAPE for column in columns)
    writer = Features(SHAPE) if has_shape else JsonLines()
    name, count = f"{table.__tablename__}.{'geojson' if has_shape else 'jsonl'}", 0
    with archive.open(name, "w", force_zip64=True) as file:
        async for rows in personal_data.rows_of(session, table, user_id):
            count += len(rows)
            await asyncio.to_thread(_write, file, writer, rows)
        file.writelines(writer.finish())
    fields = {column.key: column.property.doc for column in columns if column.property.doc}
    return {"name": name, "about": getdoc(table), "rows": count, "fields": fields}


def _write(file: IO[bytes], writer: Features | JsonLines, rows: Sequence[Mapping[str, Any]]) -> None:
    file.write(writer.write(rows))


async def _file(archive: ZipFile, key: str) -> None:
    """Copies a file of theirs; one that is gone meanwhile is left out."""
    try:
        with archive.open(f"files/{key}", "w", force_zip64=True) as file:
            async for chunk in storage.stream(key):
                file.write(chunk)
    except NotFound:
        return


housekeeping("avatars", profiles.prune_avatars)
housekeeping("archives", data_exports.remove_old_exports)
