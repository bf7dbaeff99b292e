"""One run of a plan: level by level down to the last rows, then back up while they are shown."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import VariableValues

from app.errors import Unplanned
from app.pagination import PageArgs
from resolvers.context import Context
from resolvers.loaders import Reference
from resolvers.plan import statements
from resolvers.plan.levels import Level, Row
from resolvers.plan.sources import Given
from resolvers.plan.statements import Bound, Statement
from resolvers.plan.values import Info, Value

if TYPE_CHECKING:
    from resolvers.plan import Types


Step = dict[str, Any]
"""A statement as it is explained: its level, its text, the rows it gave and the milliseconds they took."""


class Token(NamedTuple):
    """Where an object is shown: its level, and its place there."""

    level: Level
    place: int
    may_be_missing: bool = False


class Run:
    """What the levels of a plan have found for one viewer and one set of variables."""

    def __init__(
        self, types: "Types", context: Context, variables: VariableValues, steps: list[Step] | None = None
    ) -> None:
        self.variables = variables
        self.viewer_kind, self.bound = statements.kind_of(context.viewer)
        self.info = Info(context.planned())
        self.rows: dict[Level, list[Row]] = {}
        self.shown: dict[Level, list[Any]] = {}
        self.objects: defaultdict[Level, list[Any]] = defaultdict(list)
        self.keys: defaultdict[Level, set[int]] = defaultdict(set)
        self.pages: dict[Level, PageArgs] = {}
        self.cut: dict[Level, set[Any]] = {}
        self.cursors: dict[Level, Callable[[int, Any], str]] = {}
        self._types = types
        self._reader = context.database.reader
        self._in_turn = context.in_turn
        self._steps = steps
        self._found: dict[Level, None] = {}

    async def show(self, root: Given, value: Any) -> Any:
        """An object as JSON's values; text that is JSON already is in it as fragments."""
        self.objects[root] = [value]
        await self._fetch([root])
        return self.shown[root][0][0]

    async def show_found(self, value: Value, found: Any) -> Any:
        """What a resolver has answered, shown likewise."""
        tokens = value.completed(self, found)
        levels, self._found = list(self._found), {}
        await self._fetch(levels)
        return self.linked(tokens)

    async def _fetch(self, levels: list[Level]) -> None:
        order: list[Level] = []
        while levels:
            order += levels
            await self._ask(levels)
            for level in levels:
                if level.values:
                    await level.settle(self)
            levels = [*(kid for level in levels for kid in level.kids.values()), *self._found]
            self._found = {}
        for level in reversed(order):
            level.assemble(self)

    async def _ask(self, levels: list[Level]) -> None:
        """Has the statements of one depth run side by side."""
        asked = []
        for level in levels:
            question = level.ask(self)
            if question is not None:
                asked.append((level, *question))
            elif level not in self.rows:
                level.take(self, [])
        answers = [self._answer(level, statement, bound) for level, statement, bound in asked]
        if len(answers) > 1:  # side by side; for one alone that would only cost
            found = await asyncio.gather(*answers)
        else:
            found = [await answer for answer in answers]
        for (level, *_), rows in zip(asked, found, strict=True):
            level.take(self, rows)

    def _answer(self, level: Level, statement: Statement, bound: Bound) -> Awaitable[list[Row]]:
        rows = self._reader.rows(statement.sql, statement.bind(bound), in_turn=self._in_turn)
        if self._steps is None:
            return rows
        step: Step = {"level": level.told, "sql": statement.sql.decode()}
        self._steps.append(step)
        return self._noted(step, rows)

    async def _noted(self, step: Step, answer: Awaitable[list[Row]]) -> list[Row]:
        begun = time.perf_counter()
        rows = await answer
        step |= {"rows": len(rows), "ms": round((time.perf_counter() - begun) * 1_000, 3)}
        return rows

    def column(self, level: Level, attribute: str) -> set[Any]:
        """The distinct keys in a column of a level."""
        position = level.position(attribute)
        return {row[position] for row in self.rows[level]}

    def token(self, value: Value, found: Any) -> Token:
        """The place of an object that a value has come up with."""
        if isinstance(found, Reference):
            level = value.below(found.model.__name__, is_reference=True)
            self.keys[level].add(found.key)
            token = Token(level, found.key, not found.is_required and value.may_be_null)
        else:
            level = value.below(self._types.name_of(found), is_reference=False)
            token = Token(level, len(self.objects[level]))
            self.objects[level].append(found)
        self._found[level] = None
        return token

    def linked(self, tokens: Any) -> Any:
        """What was made of the objects that a value came up with."""
        if tokens is None:
            return None
        if isinstance(tokens, Token):
            shown = self.shown[tokens.level][0].get(tokens.place)
            if shown is None and not tokens.may_be_missing:
                raise Unplanned("a row that is not there")
            return shown
        return [self.linked(token) for token in tokens]
