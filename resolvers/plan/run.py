"""One run of a plan: level by level down to the last rows, then back up while they are shown."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import VariableValues

from app.errors import Unplanned
from app.postgres.prepared import key_array
from resolvers.context import Context
from resolvers.instances import Instances
from resolvers.loaders import PREFETCHED, Reference
from resolvers.plan.levels import Count, Fetched, InHand, Inputs, Level, Page, Pages, Request, Row
from resolvers.plan.values import Info, Value
from resolvers.viewer_kinds import kind_of

if TYPE_CHECKING:
    from resolvers.plan import Types


Step = dict[str, Any]
"""A statement as it is explained: its level, its text, the rows it gave and the milliseconds they took."""


class State:
    """What a run has of one level so far."""

    # Defaults of the class, not of an `__init__`: each run makes one for each level.
    objects: list[Any] | None = None
    """Of a level in hand."""
    keys: set[int] | None = None
    """By which resolvers have named rows."""
    page: Page | None = None
    rows: Sequence[Row] = ()
    cut: AbstractSet[Any] = frozenset()
    """The places that have more rows than their page."""
    shown: Sequence[Any] = ()
    """What each view has made of the rows, by place."""


class Token(NamedTuple):
    """Where an object is shown: its level, and its place there."""

    level: Level
    place: int
    may_be_missing: bool = False


class PlanRun:
    """The state of a plan's levels for one viewer and one set of variables."""

    def __init__(
        self, types: "Types", context: Context, variables: VariableValues, steps: list[Step] | None = None
    ) -> None:
        self.inputs = Inputs(*kind_of(context.viewer), variables)
        self.states: defaultdict[Level, State] = defaultdict(State)
        self._types = types
        self._info = Info(context.planned())
        self._reader = context.reads.reader
        self._in_turn = context.in_turn
        self._steps = steps
        self._named: dict[Level, None] = {}
        """The levels that resolvers have come up with objects for since it was last looked."""

    async def show(self, root: InHand, value: Any) -> Any:
        """An object as JSON's values; text that is JSON already is in it as fragments."""
        self.states[root].objects = [value]
        await self._fetch([root])
        return self.states[root].shown[0][0]

    async def show_value(self, value: Value, answer: Any) -> Any:
        """What a resolver has answered, shown likewise."""
        tokens = value.complete(answer, self, value)
        levels, self._named = list(self._named), {}
        await self._fetch(levels)
        return self.linked(tokens)

    async def _fetch(self, levels: list[Level]) -> None:
        order: list[Level] = []
        while levels:
            order += levels
            await self._read(levels)
            for level in levels:
                if level.values:
                    await self._compute(level)
            levels = [*(child for level in levels for child in level.children.values()), *self._named]
            self._named = {}
        for level in reversed(order):
            self._show(level)

    async def _read(self, levels: list[Level]) -> None:
        """Has the statements of one depth run side by side."""
        requests: list[tuple[Level, Request]] = []
        for level in levels:
            if isinstance(level, InHand):
                state = self.states[level]
                state.rows = level.rows_of(state.objects or [])
            elif isinstance(level, Fetched) and (request := self._request(level)):
                requests.append((level, request))
        results: list[list[Row]] = []
        if self._steps is not None:
            results = await asyncio.gather(*[self._timed(level, request) for level, request in requests])
        elif len(requests) == 1:
            [(_, (statement, bound))] = requests
            results = [await self._reader.rows(statement.sql, statement.bind(bound), in_turn=self._in_turn)]
        elif requests:
            texts = [(statement.sql, statement.bind(bound)) for _, (statement, bound) in requests]
            results = await self._reader.rows_of(texts, in_turn=self._in_turn)
        for (level, _), rows in zip(requests, results, strict=True):
            self.states[level].rows = rows
            if isinstance(level, Pages):
                self._cut(level)

    def _cut(self, level: Pages) -> None:
        """Take from the pages of a level what was read to know whether there are more."""
        state = self.states[level]
        assert state.page, "it was asked for"
        args = state.page.args
        if level.peeks(args):
            state.rows, state.cut = cut(state.rows, args.size)
        if args.is_backward:
            state.rows = turned(state.rows)

    def _request(self, level: Fetched) -> Request | None:
        state, keys = self.states[level], None
        state.page = self.states[level.pages].page if isinstance(level, Count) else level.page(self.inputs)
        if level.parent_key is not None:
            ids = state.keys if level.parent is None else self._column(level.parent, level.parent_key)
            if not ids:
                return None
            keys = key_array(ids)
        return level.request(self.inputs, state.page, keys)

    def _column(self, level: Level, attribute: str) -> set[Any]:
        """The distinct keys in a column of a level."""
        position = level.position(attribute)
        keys = set(map(itemgetter(position), self.states[level].rows))
        keys.discard(None)
        return keys

    async def _timed(self, level: Level, request: Request) -> list[Row]:
        """Reads what a request asks for, and notes how long that takes."""
        statement, begun = request.statement, time.perf_counter()
        step: Step = {"level": level.label, "sql": statement.sql.decode()}
        assert self._steps is not None, "it is asked for"
        self._steps.append(step)
        rows = await self._reader.rows(statement.sql, statement.bind(request.bound), in_turn=self._in_turn)
        step |= {"rows": len(rows), "ms": round((time.perf_counter() - begun) * 1_000, 3)}
        return rows

    async def _compute(self, level: Level) -> None:
        """Computes the values of a level's rows, which may name rows of levels below."""
        state, width = self.states[level], level.width
        if isinstance(level, InHand):
            owners = state.objects or []
        else:
            assert level.model, "rows are a table's"
            owners = Instances.of(level.model).made([row[width:] for row in state.rows])
            places = [(expression, level.position(name)) for expression, name in level.prefetched.items()]
            if places:
                for owner, row in zip(owners, state.rows, strict=True):
                    owner.__dict__[PREFETCHED] = {expression: row[position] for expression, position in places}
        columns = [await self._values(value, owners) for value in level.values]
        rows = zip(state.rows, zip(*columns, strict=True), strict=True)
        state.rows = [(*row[:width], *values) for row, values in rows]

    async def _values(self, value: Value, owners: list[Any]) -> list[Any]:
        answers, complete = await value.resolve(owners, self._info, self.inputs.variables), value.complete
        return [complete(answer, self, value) for answer in answers]

    def _show(self, level: Level) -> None:
        """Shows the rows of a level, when all below has been shown."""
        state = self.states[level]
        if isinstance(level, Count):
            state.shown = [dict(state.rows)]
            return
        views, links, _ = level.program
        below = [link(self) for link in links]
        cursor = state.page.cursor if state.page and level.has_cursors else None
        state.shown = [view(state.rows, cursor, *below) for view in views]

    def token(self, value: Value, answer: Any) -> Token:
        """The place of an object that a value has come up with."""
        if isinstance(answer, Reference):
            level = value.level(answer.model.__name__, is_reference=True)
            state = self.states[level]
            if state.keys is None:
                state.keys = set()
            state.keys.add(answer.key)
            token = Token(level, answer.key, not answer.is_required and value.may_be_null)
        else:
            level = value.level(self._types.name_of(answer), is_reference=False)
            state = self.states[level]
            if state.objects is None:
                state.objects = []
            token = Token(level, len(state.objects))
            state.objects.append(answer)
        self._named[level] = None
        return token

    def linked(self, tokens: Any) -> Any:
        """What was made of the objects that a value came up with."""
        if tokens is None:
            return None
        if isinstance(tokens, Token):
            value_shown = self.states[tokens.level].shown[0].get(tokens.place)
            if value_shown is None and not tokens.may_be_missing:
                raise Unplanned("a row that is not there")
            return value_shown
        return [self.linked(token) for token in tokens]

    def page_info(self, level: Pages, facts: tuple[tuple[str, str], ...]) -> Callable[[Any], dict[str, Any]]:
        """Tells where the pages of a level lie, by their places."""
        return PageInfos(level, self.states[level], facts).of


class PageInfos:
    """Where the pages of one level and run lie."""

    def __init__(self, level: Pages, state: State, facts: tuple[tuple[str, str], ...]) -> None:
        self._facts = facts
        assert state.page, "it was asked for"
        self._args = state.page.args
        self._cut = state.cut
        self._ends: dict[Any, tuple[str, str]] = {}
        if level.has_cursors:
            position, write = level.position("id"), state.page.cursor
            first: dict[Any, Row] = {}
            last: dict[Any, Row] = {}
            for row in state.rows:
                first.setdefault(row[0], row)
                last[row[0]] = row
            for place, row in first.items():
                end = last[place]
                self._ends[place] = write(row[position], row[1]), write(end[position], end[1])

    def of(self, place: Any) -> dict[str, Any]:
        """The page below one parent."""
        start, end = self._ends.get(place, (None, None))
        has_previous, has_next = self._args.neighbours(has_more=place in self._cut)
        facts = {
            "hasNextPage": has_next,
            "hasPreviousPage": has_previous,
            "startCursor": start,
            "endCursor": end,
            "__typename": "PageInfo",
        }
        return {key: facts[name] for key, name in self._facts}


def turned(rows: Sequence[Row]) -> list[Row]:
    """Rows that were read from the end, in the order of their list; those of one place lie together."""
    return [row for _, of_place in groupby(rows, key=itemgetter(0)) for row in reversed(list(of_place))]


def cut(rows: Sequence[Row], size: int) -> tuple[list[Row], set[Any]]:
    """The first rows of each place, and the places that have more."""
    rows_shown: list[Row] = []
    more: set[Any] = set()
    place, number = None, 0
    for row in rows:
        if row[0] != place:
            place, number = row[0], 0
        number += 1
        if number > size:
            more.add(place)
        else:
            rows_shown.append(row)
    return rows_shown, more
