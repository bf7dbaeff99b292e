"""`fieldgraph backup` and `fieldgraph restore`: everything that is kept, in one folder, and back from it.

Files are copied before and after the database is: none is ever changed, and one that is deleted between the two copies
was there for the first. What happened (`events`) is left out: its order is that of one server, and clients begin anew.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from app.events import epochs
from app.gateways import storage
from app.operations import audit_chain
from app.operations.database.migrate import history, missing, plain_url, upgrade
from app.operations.database.roles import grant, owner_url
from app.operations.database.sequences import mend
from app.operations.processes.instance import secret
from app.operations.processes.process import CannotStart
from app.operations.processes.servers import client_programs
from app.security import child_environment, private_files
from app.settings import settings

DUMP, FILES, SECRET, MANIFEST = "database.dump", "files", "secret", "backup.json"
FORMAT = 1
# What belongs to the restored database itself goes first; extensions stay, as only a superuser can make some anew.
# The names of all are asked for before any goes: of what went along with another, only a number would be left.
# A table with partitions depends on itself, which is no reason to keep it.
CLEAR = """
DROP SCHEMA IF EXISTS audit, machine_line_partitions CASCADE;
DO $$ DECLARE command text; BEGIN
    FOREACH command IN ARRAY coalesce((
        SELECT array_agg(format('DROP %s IF EXISTS %s CASCADE', CASE relkind WHEN 'v' THEN 'VIEW'
            WHEN 'S' THEN 'SEQUENCE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, pg_class.oid::regclass))
        FROM pg_class LEFT JOIN pg_depend ON objid = pg_class.oid AND deptype IN ('e', 'i') AND refobjid <> objid
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S') AND objid IS NULL
    ), '{}') LOOP EXECUTE command; END LOOP;
    FOREACH command IN ARRAY coalesce((
        SELECT array_agg(format('DROP ROUTINE IF EXISTS %s CASCADE', pg_proc.oid::regprocedure))
        FROM pg_proc LEFT JOIN pg_depend ON objid = pg_proc.oid AND deptype = 'e'
        WHERE pronamespace = 'public'::regnamespace AND objid IS NULL
    ), '{}') LOOP EXECUTE command; END LOOP;
    FOREACH command IN ARRAY coalesce((
        SELECT array_agg(format('DROP TEXT SEARCH CONFIGURATION IF EXISTS %s CASCADE', pg_ts_config.oid::regconfig))
        FROM pg_ts_config LEFT JOIN pg_depend ON objid = pg_ts_config.oid AND deptype = 'e'
        WHERE cfgnamespace = 'public'::regnamespace AND objid IS NULL
    ), '{}') LOOP EXECUTE command; END LOOP;
    FOREACH command IN ARRAY coalesce((
        SELECT array_agg(format('DROP TYPE IF EXISTS %s CASCADE', pg_type.oid::regtype))
        FROM pg_type LEFT JOIN pg_class ON pg_class.oid = typrelid
            LEFT JOIN pg_depend ON objid = pg_type.oid AND deptype = 'e'
        WHERE typnamespace = 'public'::regnamespace AND objid IS NULL
            AND (typtype IN ('e', 'd') OR typtype = 'c' AND relkind = 'c')
    ), '{}') LOOP EXECUTE command; END LOOP;
END $$;
"""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself; it is written last, so a backup without it is not whole."""

    format: int
    made_at: str
    revision: str | None
    files: int
    has_secret: bool


def back_up(folder: Path, *, replace: bool) -> Manifest:
    """Writes everything into a folder that is not there yet, or replaces a backup that is."""
    if folder.exists() and any(folder.iterdir()):
        if not replace:
            raise CannotStart(f"{folder} already exists. Choose another folder, or replace it with --yes.")
        if not (folder / MANIFEST).exists():
            raise CannotStart(f"{folder} is not a backup, so it is not replaced. Choose another folder.")
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    private_files.folder(draft)
    try:
        _copy_files(draft / FILES)
        _run([client_programs() / "pg_dump", "--format=custom", "--no-owner", "--no-acl", "--no-comments",
              "--exclude-table-data=events", f"--file={draft / DUMP}"])  # fmt: skip
        count = _copy_files(draft / FILES)
        has_secret = _keep_secret(draft / SECRET)
        manifest = Manifest(FORMAT, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", _revision(), count, has_secret)
        private_files.write(draft / MANIFEST, json.dumps(asdict(manifest), indent=2))
        (draft / DUMP).chmod(private_files.FILE_MODE)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def restore(folder: Path, *, replace: bool) -> Manifest:
    """Puts back what a backup holds; the database in one transaction, after the files that it names."""
    manifest = read_manifest(folder)
    if not replace and _holds_data():
        raise CannotStart("This database is not empty. To replace all of it with the backup, add --yes.")
    _restore_secret(folder, manifest, replace=replace)
    asyncio.run(_restore_files(folder / FILES, _files_in(folder / FILES)))
    _restore_database(folder / DUMP)
    upgrade(owner_url())
    grant(owner_url(), str(settings.database_url))
    audit_chain.forget(settings.home)
    asyncio.run(_begin_epoch())
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """What a backup says of itself, if it is whole and this version can read it."""
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text()))
    except FileNotFoundError:
        raise CannotStart(
            f"{folder} is not a complete backup: {MANIFEST}, which is written last, is missing."
        ) from None
    except (ValueError, TypeError):
        raise CannotStart(f"This version of Fieldgraph cannot read {folder / MANIFEST}.") from None
    if manifest.format != FORMAT or manifest.revision not in history():
        raise CannotStart(f"{folder} was made by a newer version of Fieldgraph. Restore it with that version.")
    for name in (DUMP, *([SECRET] if manifest.has_secret else [])):
        if not (folder / name).exists():
            raise CannotStart(f"{folder} is incomplete: {name} is missing.")
    return manifest


def _copy_files(target: Path) -> int:
    """Copies what is not there yet; answers how many files there are."""
    private_files.folder(target)
    asyncio.run(_copy_to(target, {path.relative_to(target).as_posix() for path in _files_in(target)}))
    return len(_files_in(target))


async def _copy_to(target: Path, there: set[str]) -> None:
    async for key in storage.every():
        if key not in there:
            await storage.download_if_there(key, target / key)


async def _restore_files(source: Path, paths: Sequence[Path]) -> None:
    for path in paths:
        await storage.put(path.relative_to(source).as_posix(), path)


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _keep_secret(target: Path) -> bool:
    """The home's own key. One that is set by the environment is kept where the environment is."""
    if settings.secret.get_secret_value() or not (settings.home / SECRET).exists():
        return False
    private_files.write(target, secret(settings.home))
    return True


def _restore_secret(folder: Path, manifest: Manifest, *, replace: bool) -> None:
    own = settings.home / SECRET
    if not manifest.has_secret or settings.secret.get_secret_value():
        return
    content = (folder / SECRET).read_text()
    if own.exists() and own.read_text() != content and not replace:
        raise CannotStart(f"{own} differs from the key in the backup. To replace it, add --yes.")
    private_files.home(settings.home)
    private_files.write(own, content)


def _restore_database(dump: Path) -> None:
    """In one transaction that is committed only after the dump was read to its end."""
    programs, environment = client_programs(), _environment()
    reading: list[str | Path] = [programs / "pg_restore", "--no-owner", "--no-acl", "--no-comments", "--file=-", dump]
    writing: list[str | Path] = [
        programs / "psql",
        "--quiet",
        "--no-psqlrc",
        "--set=ON_ERROR_STOP=1",
        "--output=/dev/null",
    ]
    with (
        subprocess.Popen(reading, stdout=subprocess.PIPE, env=child_environment.variables()) as reader,
        subprocess.Popen(writing, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as writer,
    ):
        assert reader.stdout is not None
        assert writer.stdin is not None
        try:
            writer.stdin.write(f"BEGIN; SET LOCAL lock_timeout = '5s'; {CLEAR}".encode())
            shutil.copyfileobj(reader.stdout, writer.stdin)
            writer.stdin.write(b"COMMIT;" if reader.wait() == 0 else b"ROLLBACK;")
        except BrokenPipeError:
            reader.kill()
        output = writer.communicate()[1].decode(errors="replace").strip()
    if writer.returncode or reader.returncode:
        raise CannotStart(
            f"The database was not restored and is unchanged. Stop the API and the workers, then try again.\n{output}"
        )


async def _begin_epoch() -> None:
    mend(owner_url())
    from app.database import Database  # noqa: PLC0415 -- only here

    database = Database(str(settings.database_url), str(settings.redis_url or "redis://localhost"))
    try:
        await epochs.establish(database.engine)
    finally:
        await database.close()


def _holds_data() -> bool:
    with psycopg.connect(plain_url(owner_url())) as connection:
        row = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
    return bool(row and row[0])


def _revision() -> str | None:
    behind = len(missing(owner_url()))
    seen = list(history())[: len(history()) - behind]
    return seen[-1] if seen else None


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, env=_environment(), stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise CannotStart(f"{Path(command[0]).name} failed:\n{done.stderr.strip()}")


def _environment() -> dict[str, str]:
    """Where the database is, for PostgreSQL's own programs: in a command line everybody could read the password."""
    settings_of_url = psycopg.conninfo.conninfo_to_dict(plain_url(owner_url()))
    names = {"dbname": "PGDATABASE", "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    names |= {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "options": "PGOPTIONS"}
    return child_environment.variables("HOME") | {
        names[name]: str(value) for name, value in settings_of_url.items() if name in names
    }
