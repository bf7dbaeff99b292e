"""Reads a package from the descriptor to the last observation: good rows are handed on, wrong ones are named.

Tables are read in the order deployments, media, observations. Of a row only its key stays in memory, as a hash.
"""

import csv
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import orjson

from app.errors import Unreadable, quoted
from app.formats.wildlife import folders
from app.formats.wildlife.camtrap_dp import descriptor, details, meaning
from app.formats.wildlife.camtrap_dp.checks import Checks
from app.formats.wildlife.camtrap_dp.descriptor import Descriptor
from app.formats.wildlife.camtrap_dp.fields import (
    DEPLOYMENT_RULES,
    DEPLOYMENTS,
    MEDIA,
    MEDIA_RULES,
    OBSERVATION_RULES,
    TableRules,
)
from app.formats.wildlife.camtrap_dp.rows import Rows, iso
from app.formats.wildlife.folders import Folder
from app.formats.wildlife.keys import Keys
from app.formats.wildlife.observations import Oddities
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Record, Summary
from app.formats.wildlife.tables.csv_files import Table

FRAMES = "frames"
INLINE_ROWS_MAX = 10_000


def read(path: Path, problems: Problems, summary: Summary, zone: ZoneInfo | None = None) -> Iterator[Record]:
    """The good rows of all tables, one after the other."""
    with folders.opened(path, descriptor.NAME) as folder:
        folder.at(descriptor.NAME, descriptor.ABSENT)
        with folder.opened(descriptor.NAME) as file:
            described = descriptor.read(file.read(descriptor.BYTES_MAX + 1), problems)
        summary.version = described.version
        summary.metadata = dict(described.metadata)
        yield Record("package", descriptor.NAME, 1, {"taxa": descriptor.taxa(described.metadata)})
        yield from _Reading(folder, described, problems, summary, zone).records()


class _Reading:
    def __init__(
        self, folder: Folder, described: Descriptor, problems: Problems, summary: Summary, zone: ZoneInfo | None
    ) -> None:
        self._folder = folder
        self._descriptor = described
        self._problems = problems
        self._summary = summary
        self._zone = zone
        self._keys = {DEPLOYMENTS: Keys(), MEDIA: Keys()}
        names = {taxon["scientificName"] for taxon in descriptor.taxa(described.metadata)}
        self._checks = Checks(problems, names)
        self._exact: _Exact | None = None
        self._oddities: dict[str, Oddities] = {}

    def records(self) -> Iterator[Record]:
        yield from self._table(DEPLOYMENT_RULES, "deployment")
        yield from self._table(MEDIA_RULES, "media")
        with ExitStack() as stack:
            if FRAMES in self._descriptor.resources:
                self._exact = self._open_frames(stack)
            yield from self._table(OBSERVATION_RULES, "observation")
        self._summary.counts["bursts"] = self._checks.bursts
        self._summary.effort_days = self._checks.effort_days

    def _table(self, rules: TableRules, kind: str) -> Iterator[Record]:
        seen = self._keys.get(rules.name, Keys())
        for place, file in self._files(rules.name):
            with ExitStack() as stack:
                opened = stack.enter_context(file)
                exact = self._open_details(stack, kind)
                rows = Rows(rules, Table(opened, place, self._problems), self._problems, self._zone)
                for line, row in rows:
                    self._summary.rows[kind] += 1
                    if row is None or not self._leads_somewhere(rules, place, line, row):
                        continue
                    if not self._checked(kind, place, line, row):
                        continue
                    seen.add(row[rules.key], line)
                    self._summary.count(kind, row)
                    fields = self._meant(place, line, row) if kind == "observation" else iso(row)
                    if fields is not None and exact is not None:
                        fields = self._detailed(exact, kind, row[rules.key], fields)
                    if fields is not None:
                        yield Record(kind, place, line, fields)
        for line in seen.repeated():
            self._problems.add(place, line, rules.key, "This key stands in an earlier row, too. Keys must be unique.")
        self._summary.counts[rules.name] = len(seen)

    def _files(self, name: str) -> Iterator[tuple[str, AbstractContextManager[IO[bytes]]]]:
        """Where the rows of a resource are: one file, several, or the descriptor."""
        names = self._descriptor.resources[name]
        if isinstance(names, list) and names and all(isinstance(each, str) for each in names):
            paths = names
        elif isinstance(names, str) and "\n" not in names:
            paths = [names]
        else:
            yield f"{descriptor.NAME}#{name}", _inline(name, names)
            return
        for path in paths:
            yield path, self._file(name, path)

    def _file(self, name: str, path: str) -> AbstractContextManager[IO[bytes]]:
        if "://" in path:
            raise Unreadable(
                f"The resource {name} is at an address. Nothing is fetched from there: download the table and send it "
                "with the descriptor."
            )
        if path.startswith(("/", ".", "~")) or ".." in path or "\\" in path:
            raise Unreadable(f"The path {quoted(path)} of the resource {name} leads out of the package.")
        if not self._folder.has(path):
            raise Unreadable(f"{quoted(path)}, which {descriptor.NAME} names, is not in this package.")
        return self._folder.opened(path)

    def _leads_somewhere(self, rules: TableRules, place: str, line: int, row: dict[str, Any]) -> bool:
        for column, table in rules.leads_to.items():
            if row.get(column) is not None and row[column] not in self._keys[table]:
                message = f"There is no {table.removesuffix('s')} {quoted(row[column])} among the good rows of {table}."
                self._problems.add(place, line, column, message)
                return False
        return True

    def _checked(self, kind: str, place: str, line: int, row: dict[str, Any]) -> bool:
        before = self._problems.errors
        match kind:
            case "deployment":
                self._checks.deployment(place, line, row)
            case "media":
                self._checks.medium(place, line, row)
            case _:
                self._checks.observation(place, line, row)
        return self._problems.errors == before

    def _meant(self, place: str, line: int, row: dict[str, Any]) -> dict[str, Any] | None:
        """An observation in our fields, exactly as it was if the package is one of ours; None if it is derived."""
        fields = meaning.read(line, iso(row), self._odd(place))
        fields |= {"media_id": row.get("mediaID"), "deployment_id": row["deploymentID"]}
        text = None if self._exact is None else self._exact.of(fields["id"])
        return fields if text is None else meaning.restored(fields, text)

    def _odd(self, place: str) -> Oddities:
        return self._oddities.setdefault(place, Oddities(self._problems, place))

    def _open_details(self, stack: ExitStack, kind: str) -> "_Exact | None":
        """Our own table of what deployments or media have beyond the columns of Camtrap DP."""
        name, key = details.RESOURCES.get(kind, ("", ""))
        if name not in self._descriptor.resources:
            return None
        place, file = next(self._files(name))
        table = Table(stack.enter_context(file), place, self._problems)
        return _Exact(table, key) if {key, "values"} <= set(table.columns) else None

    def _detailed(self, exact: "_Exact", kind: str, key: str, fields: dict[str, Any]) -> dict[str, Any]:
        text = exact.of(key)
        if text is None:
            return fields
        valid, wrong = details.read(kind, text)
        for name in wrong:
            self._odd(details.RESOURCES[kind][0]).say(None, name, key, "has a wrong value there; it is left out")
        return {**fields, "details": valid}

    def _open_frames(self, stack: ExitStack) -> "_Exact | None":
        """Our own table: what Camtrap DP has no columns for, so that a package of ours is read without loss."""
        place, file = next(self._files(FRAMES))
        table = Table(stack.enter_context(file), place, self._problems)
        if not {"observationID", "values"} <= set(table.columns):
            self._problems.note(place, 1, None, "This table of frames is not one of Fieldgraph's; it is ignored.")
            return None
        return _Exact(table, "observationID")


class _Exact:
    """A table of our own, read beside one of the standard: both are in the same order."""

    def __init__(self, table: Table, key: str) -> None:
        self._key = key
        self._rows = table.rows()
        self._row = next(self._rows, None)

    def of(self, key: str) -> str | None:
        """The values of the row with this key; none if the next row is another's."""
        row = self._row
        if row is None or row.values.get(self._key) != key:
            return None
        self._row = next(self._rows, None)
        return row.values.get("values") or ""


@contextmanager
def _inline(name: str, data: Any) -> Iterator[IO[bytes]]:
    """Rows in the descriptor as CSV: a text of CSV, or a list of objects."""
    if isinstance(data, str):
        yield io.BytesIO(data.encode())
        return
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data) or len(data) > INLINE_ROWS_MAX:
        raise Unreadable(f"The data of the resource {name} must be a list of at most {INLINE_ROWS_MAX:,} objects.")
    columns = list(dict.fromkeys(column for row in data for column in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_text(row.get(column)) for column in columns] for row in data)
    yield io.BytesIO(text.getvalue().encode())


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()
