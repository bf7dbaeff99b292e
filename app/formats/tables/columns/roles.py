"""What each column is for, where nobody says it, and which columns cannot help."""

import re
from collections.abc import Sequence

from app.formats.tables.columns import statistics as kinds
from app.formats.tables.columns.datatypes import Column
from app.formats.tables.columns.statistics import Statistics
from app.tabular.datatypes import UNPREDICTABLE, ColumnIssue, Datatype, Role

MISSING_SHARE_MAX = 0.75
ROWS_OF_IDENTIFIERS_MIN = 10
CLASSES_MAX = 10
INPUT_WORD = re.compile(r"(?:^|[^a-z])inputs?(?:$|[^a-z])", re.IGNORECASE)
OUTPUT_WORD = re.compile(r"(?:^|[^a-z])outputs?(?:$|[^a-z])", re.IGNORECASE)
IDENTIFIER = re.compile(r"(?i:^(id|ids|uuid|guid|nr|no|row|index|rowid|key)$|[_\s.-](id|uuid|guid|key)$)|[a-z]I[Dd]$")
UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\Z", re.IGNORECASE)


def assign(columns: Sequence[Column], seen: Sequence[Statistics], outputs: Sequence[str]) -> None:
    """Gives each column its role, and says which cannot help."""
    for column, statistics in zip(columns, seen, strict=True):
        _note(column, statistics)
    named = set(outputs)
    for column, statistics in zip(columns, seen, strict=True):
        if column.name in named:
            column.role = Role.OUTPUT
        elif column.role is not Role.IGNORE and not named:
            column.role = _by_itself(column, statistics)
    if not any(column.role is Role.OUTPUT for column in columns):
        inputs = [each for each in columns if each.role is Role.INPUT]
        # The last one, of those that can be predicted if there are any.
        for column in ([each for each in inputs if each.datatype not in UNPREDICTABLE] or inputs)[-1:]:
            column.role = Role.OUTPUT
    for column, statistics in zip(columns, seen, strict=True):
        if column.role is Role.OUTPUT:
            _classes(column, statistics)


def _note(column: Column, seen: Statistics) -> None:
    if column.datatype is Datatype.IGNORE:
        column.role = Role.IGNORE
    elif _is_identifier(column, seen):
        column.datatype, column.role = Datatype.IGNORE, Role.IGNORE
        column.reason = "Each row has a different value, as identifiers have."
        column.warn(
            ColumnIssue.IDENTIFIER,
            "This looks like an identifier: it tells rows apart and says nothing of new ones. It is left out.",
        )
    elif seen.missing > MISSING_SHARE_MAX * seen.rows:
        column.role = Role.IGNORE
        column.warn(
            ColumnIssue.MOSTLY_MISSING,
            f"{100 * seen.missing / seen.rows:.0f} % of the values are missing. It is left out.",
        )
    elif not seen.has_many and len(seen.distinct) == 1:
        if not seen.missing:
            column.role = Role.IGNORE
        column.warn(ColumnIssue.CONSTANT, "All values are the same, so nothing can be learned from them.")
    elif column.datatype is Datatype.LABEL and _tells_rows_apart(seen) and not column.issues:
        column.warn(
            ColumnIssue.IDENTIFIER,
            "Each row has a text of its own, which as a label says nothing of other rows. "
            "Set the role IGNORE to leave it out.",
        )


def _tells_rows_apart(seen: Statistics) -> bool:
    return seen.rows >= ROWS_OF_IDENTIFIERS_MIN and seen.all_different and not seen.missing


def _is_identifier(column: Column, seen: Statistics) -> bool:
    if not _tells_rows_apart(seen):
        return False
    if column.datatype is Datatype.FLOAT:
        whole = bool(seen.common(lenient=False) & kinds.WHOLE)
        return seen.counts_up or (whole and bool(IDENTIFIER.search(column.name)))
    if column.datatype is not Datatype.LABEL:
        return False
    return bool(IDENTIFIER.search(column.name)) or all(map(UUID.match, seen.distinct))


def _by_itself(column: Column, seen: Statistics) -> Role:
    words = f"{column.name}\n{column.description or ''}"
    if OUTPUT_WORD.search(words):
        return Role.OUTPUT
    if INPUT_WORD.search(words):
        return Role.INPUT
    if seen.first_missing is not None and seen.last_present is not None and seen.first_missing > seen.last_present:
        return Role.OUTPUT
    return Role.INPUT


def _classes(column: Column, seen: Statistics) -> None:
    """Numbers that are to be learned, and are few, may be classes."""
    if column.datatype is not Datatype.FLOAT or seen.has_many or not len(seen.distinct) <= CLASSES_MAX:
        return
    whole = seen.common(lenient=True) & (kinds.WHOLE | kinds.TRUTH)
    if len(seen.distinct) == 2 and whole:
        column.datatype, column.decimal = Datatype.LABEL, None
        column.reason = "It is to be learned, and has two values: these are classes."
    elif whole:
        column.warn(
            ColumnIssue.CLASSES_AS_NUMBERS,
            f"These are {len(seen.distinct)} whole numbers. If they are classes, set the datatype LABEL.",
        )
