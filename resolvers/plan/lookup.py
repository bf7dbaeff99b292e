"""The plan of one row by its key as straight code: one statement, no run, and nothing that waits.

Most requests of a front end are such. What is not one, or may not be, is left to a run.
"""

from collections.abc import Callable
from typing import Any

import orjson
from graphql import VariableValues

from app.errors import Unplanned
from app.postgres.connection import Row
from app.postgres.prepared import key_array
from app.telemetry.metering import Work
from resolvers.context import Context
from resolvers.loaders import Reference
from resolvers.plan.leaves import SHOWN_WITH
from resolvers.plan.levels import InHand, Inputs, Keyed, Level
from resolvers.plan.values import Info
from resolvers.viewer_kinds import kind_of

Deliver = Callable[[bytes | None], None]


def fits(root: InHand) -> bool:
    """Whether it may be such a plan, as far as it has been run."""
    if len(root.values) != 1 or root.children:
        return False
    [value] = root.values
    levels = [level for (_, is_reference), level in value.levels.items() if is_reference]
    return value.may_name_row and all(map(_shows_columns_alone, levels))


def _shows_columns_alone(level: Level) -> bool:
    return not level.values and not level.children and len(level.views) == 1


def begin(root: InHand, context: Context, variables: VariableValues, work: Work, deliver: Deliver) -> bool:
    """Ask for the row of a plan that fits; `deliver` is called once with the JSON of `data`, or None if there is none.

    False if nothing can be asked now. Raises what the resolver raises.
    """
    [value] = root.values
    try:
        reference = value.resolve_now(Info(context.naming()), variables)
    except Unplanned:
        reference = None
    if not isinstance(reference, Reference):
        value.may_name_row = False
        return False
    level = value.levels.get((reference.model.__name__, True))
    if not isinstance(level, Keyed) or not _shows_columns_alone(level):
        return False  # or it has not been met before
    request = level.request(Inputs(*kind_of(context.viewer), variables), None, key_array([reference.key]))
    assert request, "rows by keys have a statement"
    sql, parameters = request.statement.sql, request.statement.bind(request.bound)

    def answered(rows: list[Row] | None) -> None:
        try:
            data = _data(root, level, rows) if rows else None
        except Exception:  # noqa: BLE001 - a value that cannot be shown, say: whoever asks again gets the error
            data = None
        deliver(data)

    return context.reads.reader.pipeline.ask(sql, parameters, work, answered)


def _data(root: InHand, level: Level, rows: list[Row]) -> bytes:
    [shown] = level.program.views[0](rows, None).values()
    answer = root.program.views[0](((0, None),), None, *(_only(shown) for _ in root.program.links))
    return orjson.dumps(answer[0], option=SHOWN_WITH)


def _only(shown: Any) -> Callable[[Any], Any]:
    return lambda _: shown
