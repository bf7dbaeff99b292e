"""People who do things one after another and at the same time: whatever they do, it is as if in some order.

Each step is one act, or several at once in transactions of their own. What came of each, and what is there afterwards,
must be what a model in plain Python comes to with the same acts in some order; and every claim must hold.
"""

import asyncio
from itertools import permutations
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from app.database import Database
from app.models.base import Base
from tests import factories
from tests.social.claims import broken
from tests.social.community import ABOUT, DEEDS, Act, agrees, do, state_of

PEOPLE = ("Ada", "Ben", "Cleo", "Dan")
# The same in every run. Whether acts meet inside the database is not, so a failure may not come again by itself.
BOUNDED = settings(
    max_examples=10,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
AMISS = 7
WHO, WHICH = st.integers(0, len(PEOPLE) - 1), st.sampled_from([0, 0, 0, 1, 2, AMISS])
INTENT = st.tuples(st.sampled_from(sorted(DEEDS)), WHO, WHO, WHICH)
SIDE = {"accept": 1, "decline": 1, "unblock": 0, "unmute": 0, "take message back": 0, "edit": 0, "delete": 0}
TIES = {"part": lambda state: state.friends, "cancel": lambda state: state.requests.values()}
KEPT = {"users", "profiles", "user_preferences", "sessions", "alembic_version"}
TABLES = {name for name, table in Base.metadata.tables.items() if "is_view" not in table.info}
EMPTY = "; ".join(f"DELETE FROM {table}" for table in TABLES - KEPT)


class Ground:
    """Where the machine runs: a loop, the application's way to the database, and a way past it."""

    def __init__(self, runner: asyncio.Runner, database: Database, connection: psycopg.Connection) -> None:
        self.run, self.database, self.connection = runner.run, database, connection
        self.people = [self.run(factories.user(database, name)).user.id for name in PEOPLE]
        self.done: set[str] = set()


async def together(database: Database, acts: list[Act]) -> list[str]:
    """What comes of acts at the same time, once all of them have ended, whatever becomes of one."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(do(database, act)) for act in acts]
    return [task.result() for task in tasks]


class Community(RuleBasedStateMachine):
    """The people and what they do."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self._ground, self._count = ground, 0
        ground.connection.execute(EMPTY)
        self._state = state_of(ground.connection)

    @rule(intents=st.lists(INTENT, min_size=1, max_size=4))
    def do_at_once(self, intents: list[Any]) -> None:
        """One act, or several at the same time."""
        ground, before = self._ground, self._state
        acts = [self._act(*intent) for intent in intents]
        traces = self._traces()
        outcomes = ground.run(together(ground.database, acts))
        self._state = after = state_of(ground.connection)
        came = list(zip(acts, outcomes, strict=True))
        told = "\n".join(map(str, ["in no order:", before, *came, after]))
        assert any(agrees(before, list(order), after) for order in permutations(came)), told
        assert "done" in outcomes or self._traces() == traces, "a refusal has told somebody something"
        assert broken(ground.connection) == {}
        ground.done |= {act.deed for act, outcome in came if outcome == "done"}

    def _act(self, deed: str, actor: int, other: int, which: int) -> Act:
        """What is meant: mostly by one whom what there is allows it."""
        self._count += 1
        people, is_meet = self._ground.people, which != AMISS
        who, whom, row = people[actor], people[other], 0
        if deed in ABOUT:
            rows: dict[int, Any] = getattr(self._state, ABOUT[deed])
            row = sorted(rows)[which % len(rows)] if rows else 0
            who = rows[row][SIDE[deed]] if rows and is_meet and deed in SIDE else who
        elif deed in TIES and is_meet:
            tied = sorted(TIES[deed](self._state)) or [(who, whom)]
            who, whom = tied[which % len(tied)]
        names = " ".join(f"@{PEOPLE[index]}" for index in {other, which % len(PEOPLE)})
        return Act(deed, who, whom, row, f"Word {self._count}, {names}")

    def _traces(self) -> object:
        said = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM user_notifications)"
        return self._ground.connection.execute(said).fetchone()


def test_whatever_people_do_at_once_is_as_if_in_some_order(database_url, redis_url, database_owner):
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(database_url, redis_url)
        ground = Ground(runner, database, database_owner)
        try:
            run_state_machine_as_test(lambda: Community(ground), settings=BOUNDED)
        finally:
            runner.run(database.close())
    assert ground.done == set(DEEDS)  # nothing was tried in vain each time
