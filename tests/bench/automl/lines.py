"""Tables and lines at their limits: a file read in a limited child, its rows appended, and pages of many lines."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import text

from app import parsing
from app.database import Database
from app.formats.tables import lines, reading
from app.models.automl.machines import Machine, MachineColumn
from app.pagination import AgeOrder, cursors
from app.parsing import children
from app.services.automl.machines import loading
from app.tabular.choices import MachineStatus
from app.tabular.datatypes import Datatype, Role
from resolvers import ids

COLUMNS = [
    ("size", "FLOAT"),
    ("count", "FLOAT"),
    ("day", "DATE"),
    ("place", "LABEL"),
    ("note", "LABEL"),
    ("kind", "LABEL"),
]
BLOCK = 20_000
FILLERS, FILLED_AT_ONCE = 2, 500_000
# A statement of a bench has more time than one of a request.
STATEMENT_S_MAX = 3_600.0
LIST = "data_input_lines"
PAGE = """query ($id: ID!, $after: String, $filters: [LineFilterInput!]) {
    dataInputLines(machineId: $id, first: 50, after: $after, filters: $filters, orderBy: OLDEST) {
        nodes { inputs outputs isForLearning } pageInfo { endCursor } } }"""
# As many rows for each, drawn by the database: to upload ten million takes longer than to measure them.
FILL = """
INSERT INTO machine_lines (machine_id, is_for_learning, is_for_evaluation, has_outputs, values)
SELECT :machine, number % 5 <> 0, number % 5 = 0, true, jsonb_build_array(
    round((random() * 1000)::numeric, 3), number % 997, date '2020-01-01' + (number % 1500)::int,
    'place ' || number % 400, 'seen from the bridge ' || number % 50, CASE WHEN random() < 0.4 THEN 'yes' ELSE 'no' END)
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS number
"""


def write(path: Path, *, bytes_min: int = 0, rows_min: int = 0) -> int:
    """A CSV file of at least so many bytes and rows; how many rows it has."""
    random, rows = np.random.default_rng(3), 0
    with path.open("w") as file:
        file.write(",".join(name for name, _ in COLUMNS) + "\n")
        while file.tell() < bytes_min or rows < rows_min:
            kinds_of_rows = ("no", "yes")
            sizes, counts = random.normal(size=BLOCK), random.integers(0, 5_000, BLOCK)
            days, places, kinds = (random.integers(0, most, BLOCK) for most in (28, 400, 2))
            file.writelines(
                f"{size:.6f},{count},2024-03-{1 + day:02},place {place},"
                f"seen from the bridge {day},{kinds_of_rows[kind]}\n"
                for size, count, day, place, kind in zip(sizes, counts, days, places, kinds, strict=True)
            )
            rows += BLOCK
    return rows


async def read(say: Callable[..., None], megabytes: int) -> None:
    """Reads a file as `readTable` does, and then as a machine's lines are read."""
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "table.csv", Path(folder) / "lines"
        rows = write(path, bytes_min=megabytes * 1_000_000)
        cells, took = rows * len(COLUMNS), {}
        began = time.perf_counter()
        report: dict[str, Any] = await parsing.run(reading.read, str(path), {}, cpu_s_max=3_600)
        took["read"], peak = time.perf_counter() - began, _peak_mb()
        began = time.perf_counter()
        format = {name: report[name] for name in ("encoding", "separator", "header", "description_row", "sheet")}
        split = {"kind": "RANDOM", "evaluation_percentage": 20, "seed": 1, "is_first": True}
        split |= {"position": None, "datatype": None}
        asked = (str(path), format, report["columns"], split, None, 1, str(target))
        await parsing.run(lines.write, *asked, cpu_s_max=3_600)
        took["load"] = time.perf_counter() - began
        say("read a table", f"{megabytes} MB, {cells:,} cells", f"{megabytes / took['read']:.1f} MB/s", f"{peak} MB")
        say("write its lines", f"{rows:,} rows", f"{megabytes / took['load']:.1f} MB/s", f"{_peak_mb()} MB")


def _peak_mb() -> int:
    """The most memory that the child has had."""
    [child] = children._idle
    status = Path(f"/proc/{child._process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1_000


async def append(say: Callable[..., None], database_url: str, redis_url: str, rows: int) -> None:
    """Appends the rows of a file to a machine, in one transaction, as a job does."""
    database = Database(database_url, redis_url, statement_s_max=STATEMENT_S_MAX)
    machine = await _machine(database)
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "table.csv", Path(folder) / "lines"
        write(path, rows_min=rows)
        async with database.reading() as session:
            columns = [
                {"name": each.name, "datatype": each.datatype.value, "role": each.role.value}
                for each in await loading.columns_in_order(session, machine.id)
            ]
        began = time.perf_counter()
        asked = (str(path), {"header": True}, columns, None, "LEARNING", machine.id, str(target))
        report = await parsing.run(lines.write, *asked, cpu_s_max=3_600)
        parsed = time.perf_counter() - began
        async with database.writing(s_max=3_600) as session:
            await loading.finish_loading(session, machine.id, report, target)
        took = time.perf_counter() - began
    say("append a file", f"{rows:,} rows", f"{rows / took:,.0f} rows/s", f"{100 * parsed / took:.0f} % parsing")
    await database.close()


async def pages(say: Callable[..., None], database_url: str, redis_url: str, ask: Any, rows: int) -> None:
    """Pages of a machine with many lines: the first, one in the middle, and those of a value."""
    database = Database(database_url, redis_url, statement_s_max=STATEMENT_S_MAX)
    machine = await _machine(database)
    began = time.perf_counter()
    await asyncio.gather(*(_fill(database, machine.id, first, rows) for first in range(FILLERS)))
    say("fill a machine", f"{rows:,} lines", f"{rows / (time.perf_counter() - began):,.0f} lines/s", "")
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE machine_lines"))
        middle = text("SELECT min(id) + :half FROM machine_lines WHERE machine_id = :machine")
        at = (await connection.execute(middle, {"half": rows // 2, "machine": machine.id})).scalar_one()
    await database.close()
    place = [{"column": "place", "equals": "place 7"}, {"column": "size", "atLeast": 500}]
    rare = [{"column": "size", "atMost": 0.0005}]
    for what, given in (
        ("the first page of lines", {}),
        ("a page in the middle", {"after": cursors(AgeOrder.OLDEST, LIST)(at, None)}),
        ("a page of one value in 800", {"filters": place}),
        ("a page of one value in 2 000 000", {"filters": rare}),
    ):
        took = await ask(PAGE, {"id": ids.encode(machine), **given}, 1 if "2 000 000" in what else 30)
        say(what, f"{rows:,} lines", f"{1_000 * median(took):.1f} ms", f"{1_000 * max(took):.1f} ms at most")


async def _fill(database: Database, machine_id: int, part: int, rows: int) -> None:
    """Every second half million of lines, each in a transaction of its own."""
    for first in range(1 + part * FILLED_AT_ONCE, rows + 1, FILLERS * FILLED_AT_ONCE):
        values = {"machine": machine_id, "first": first, "last": min(first + FILLED_AT_ONCE - 1, rows)}
        async with database.writing(s_max=3_600) as session:
            await session.execute(text(FILL), values)


async def _machine(database: Database) -> Machine:
    async with database.writing() as session:
        machine = Machine(machine_owner_user_id=1, machine_name="Bench", status=MachineStatus.READY, pending={})
        session.add(machine)
        await session.flush()
        for at, (name, datatype) in enumerate(COLUMNS):
            role = Role.OUTPUT if name == "kind" else Role.INPUT
            column = MachineColumn(
                machine_id=machine.id,
                position=at,
                name=name,
                datatype=Datatype(datatype),
                role=role,
                decimal="." if datatype == "FLOAT" else None,
                date_order="YMD" if datatype == "DATE" else None,
            )
            session.add(column)
    return machine
