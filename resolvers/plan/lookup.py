"""The plan of one row by its key as straight code: one statement, no run, and nothing that waits.

Most requests of a front end are such. What is not one, or may not be, is left to a run.
"""

from collections.abc import Callable
from typing import Any

import orjson
from graphql import VariableValues

from app.errors import Unplanned
from app.postgres.connection import Row
from app.telemetry.metering import Work
from resolvers.context import Context
from resolvers.loaders import Reference
from resolvers.plan.leaves import SHOWN_WITH
from resolvers.plan.levels import InHand, Keyed
from resolvers.plan.values import Info

Deliver = Callable[[bytes | None], None]


def fits(root: InHand) -> bool:
    """Whether it may be such a plan, as far as it has been run."""
    return len(root.values) == 1 and not root.children and root.values[0].may_name_row


def begin(root: InHand, context: Context, variables: VariableValues, work: Work, deliver: Deliver) -> bool:
    """Ask for the row of a plan that fits; `deliver` is called once with the JSON of `data`, or None if there is none.

    False if nothing can be asked now. Raises what the resolver raises.
    """
    [value] = root.values
    try:
        reference = value.resolve_now(Info(context.naming), variables)
    except Unplanned:
        reference = None
    if not isinstance(reference, Reference):
        value.may_name_row = False
        return False
    level = value.levels.get((reference.model.__name__, True))
    if level is None:
        return False  # it has not been met before
    if not isinstance(level, Keyed) or not level.is_whole:
        value.may_name_row = False
        return False
    shown = level.program.views[0]

    def answered(rows: list[Row] | None) -> None:
        try:
            data = _data(root, shown(rows, None)) if rows else None
        except Exception:  # noqa: BLE001 - a value that cannot be shown, say: whoever asks again gets the error
            data = None
        deliver(data)

    kind, bound = context.kind
    statement = level.statement(kind)
    parameters = statement.bind({"keys": b"{%d}" % reference.key, **bound})
    reads = context.database.reads_now(context.viewer_id)
    return reads.reader.pipeline.ask(statement.sql, parameters, work, answered)


def _data(root: InHand, shown: dict[int, Any]) -> bytes:
    [row] = shown.values()
    before, after = root.frame
    return b"%b%b%b" % (before, orjson.dumps(row, option=SHOWN_WITH), after)
