"""People and AI classify, give feedback, approve and undo, one after another and up to four at the same time.

After each step every claim about the rows must hold in SQL. What was refused has changed nothing, and what is approved
never changes: another observation there means another version of the FINAL.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from app.database import Database, WriteSession
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models.wildlife.classification_projects import ClassificationProjectRole
from app.policies import Viewer
from app.services.wildlife.classifications import classifying, marking, writing
from app.services.wildlife.classifications.approvals import approving, bulk_approvals, feedback
from app.services.wildlife.classifications.approvals.bulk import Criteria
from app.services.wildlife.classifications.classifying import Content
from app.services.wildlife.classifications.errors import StaleClassification
from app.services.wildlife.classifications.filters import Filter
from app.services.wildlife.classifications.marking import ItemOutcome, ItemResults, Marks
from app.services.wildlife.classifications.observations import Observation
from tests import factories
from tests.fuzz import FACTOR
from tests.wildlife.claims import broken
from tests.wildlife.classifying import BLANK, Season, ai_provider, joined, season, seen

PEOPLE, MEDIA = ("owner", "admin", "ann", "ben"), 3
REFUSALS = (Conflict, Forbidden, Invalid, NotFound, StaleClassification)
BOUNDED = settings(
    max_examples=5 * FACTOR,
    stateful_step_count=20,
    derandomize=FACTOR == 1,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FINAL = "SELECT id, version FROM classifications WHERE classification_type = 'FINAL' AND resource_id = %s"
BELOW = "SELECT id FROM classifications WHERE classification_type = ANY(%s) AND resource_id = %s ORDER BY id DESC"
BULK = "SELECT id FROM bulk_approvals WHERE project_id = %s ORDER BY id DESC"
GIVEN = """SELECT given.id, final.version FROM classifications AS given JOIN classifications AS final
    ON final.id = given.final_id AND final.source_id = given.source_id
    WHERE given.classification_type = 'FEEDBACK' AND given.superseded_at IS NULL AND given.project_id = %s"""
APPROVED = """SELECT final.id, final.version, final.source_id, (
        SELECT md5(string_agg(concat_ws(' ', attr.id, attr.count, attr.species_id), ',' ORDER BY attr.id))
        FROM classification_attrs AS attr WHERE attr.classification_id = final.source_id)
    FROM classifications AS final WHERE is_approved"""
TABLES = ("classifications", "classification_attrs", "classification_approvals", "bulk_approvals")
DEEDS = ("ai", "classify", "approve", "unapprove", "feedback", "accept", "mark", "bulk", "undo")
ROWS = " UNION ALL ".join(
    f"SELECT md5(string_agg(row::text, ' ' ORDER BY row::text)) FROM {table} AS row" for table in TABLES
)

Do = Callable[[WriteSession], Awaitable[object]]


class Ground:
    """Where the machine runs: a loop, the application's way to the database, and a way past it."""

    def __init__(self, runner: asyncio.Runner, database: Database, connection: psycopg.Connection) -> None:
        self.run, self.database, self.connection = runner.run, database, connection
        self.people = [self.run(factories.user(database, name)).user.id for name in PEOPLE]
        self.done: set[str] = set()

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement, values).fetchall()

    async def begin(self) -> tuple[Season, list[int]]:
        """A project of its own for one run, and the models that work in it."""
        at = await season(self.database, self.people[0], media=MEDIA)
        admin, *annotators = self.people[1:]
        await joined(self.database, at, admin, ClassificationProjectRole.ADMIN)
        for user_id in annotators:
            await joined(self.database, at, user_id)
        second = await ai_provider(self.database, self.people[0], "Second")
        return at, [at.provider.id, second.id]


class Classifying(RuleBasedStateMachine):
    """The people, the models, and what they do."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self._ground = ground
        self._at, self._models = ground.run(ground.begin())

    @rule(
        acts=st.lists(
            st.tuples(
                st.sampled_from(DEEDS),
                st.integers(0, len(PEOPLE) - 1),
                st.integers(0, MEDIA - 1),
                st.integers(0, 5),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def do_at_once(self, acts: list[tuple[str, int, int, int]]) -> None:
        """One act, or several at the same time, each in a transaction of its own."""
        ground = self._ground
        before, approved = ground.rows(ROWS), ground.rows(APPROVED)
        deeds = [(name, self._deed(name, *rest)) for name, *rest in acts]
        outcomes = ground.run(self._together([deed for _, deed in deeds]))
        assert any(outcomes) or ground.rows(ROWS) == before, "a refusal has changed something"
        now = {id: rest for id, *rest in ground.rows(APPROVED)}
        for id, version, source_id, said in approved:
            if id in now and now[id][0] == version:
                assert now[id] == [version, source_id, said], "what is approved was changed"
        assert broken(ground.connection) == {}, acts
        ground.done |= {name for (name, _), is_done in zip(deeds, outcomes, strict=True) if is_done}

    async def _together(self, deeds: list[Do]) -> list[bool]:
        return list(await asyncio.gather(*map(self._try, deeds)))

    async def _try(self, deed: Do) -> bool:
        """Whether it was done, and not refused."""
        try:
            async with self._ground.database.writing() as session:
                result = await deed(session)
        except REFUSALS:
            return False
        return not isinstance(result, ItemResults) or any(item.outcome is ItemOutcome.DONE for item in result.items)

    def _deed(self, name: str, who: int, medium: int, which: int) -> Do:
        # What only admins may do is mostly done by one of them, so that it is not refused each time.
        is_admin_meant = name not in {"classify", "feedback"} and which != 4
        at, viewer = self._at, Viewer(self._ground.people[who % 2 if is_admin_meant else who])
        resource_id, said = at.resources[medium].id, Content(self._seen(which))
        [(final_id, version)] = self._ground.rows(FINAL, resource_id)
        expected = version - 1 if which == 5 else version
        found, bulk = Filter(project_id=at.project.id), self._newest(BULK, at.project.id)
        model = self._models[which % 2]
        marks = [Marks(is_blank=True), Marks(is_setup=which == 1), Marks(is_gold_standard=True)][which % 3]
        row = self._below(["AI", "USER"], resource_id, which)
        given, seen_at = next(iter(self._ground.rows(GIVEN, at.project.id)), (0, 0))
        deeds: dict[str, Do] = {
            "ai": lambda session: writing.write_ai_classification(
                session, at.project.id, resource_id, model, said.observations
            ),
            "classify": lambda session: classifying.classify(
                session, viewer, project_id=at.project.id, resource_id=resource_id, content=said
            ),
            "approve": lambda session: approving.approve_classification(
                session, viewer, row, expected_version=expected
            ),
            "unapprove": lambda session: approving.unapprove_classification(
                session, viewer, final_id, expected_version=expected
            ),
            "feedback": lambda session: feedback.give_feedback(session, viewer, final_id, content=said),
            "accept": lambda session: feedback.accept_feedback(session, viewer, given, expected_version=seen_at),
            "mark": lambda session: marking.mark_classifications(session, viewer, [final_id], marks),
            "bulk": lambda session: bulk_approvals.approve_classifications(
                session, viewer, Criteria(at.project.id, filter=found, minimum_confidence=[None, 0.5][which % 2])
            ),
            "undo": lambda session: bulk_approvals.revert_bulk_approval(session, viewer, bulk),
        }
        return deeds[name]

    def _seen(self, which: int) -> list[Observation]:
        at = self._at
        choices = [
            [seen(at.fox, classification_confidence=0.9)],
            [seen(at.deer, classification_confidence=0.3)],
            [seen(kind=BLANK)],
            [],
            [seen(at.fox), seen(at.deer, count=2)],
            [seen(at.fox, count=which + 1)],
        ]
        return choices[which]

    def _newest(self, statement: str, *values: object) -> int:
        return next((id for (id,) in self._ground.rows(statement, *values)), 0)

    def _below(self, types: list[str], resource_id: int, which: int) -> int:
        found = [id for (id,) in self._ground.rows(BELOW, types, resource_id)]
        return found[which % len(found)] if found else 0


@pytest.mark.fuzz
def test_whatever_people_and_ai_do_at_once_every_claim_holds(database_url, redis_url, servers):
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner, servers.connect("tests") as connection:
        database = Database(database_url, redis_url)
        ground = Ground(runner, database, connection)
        try:
            run_state_machine_as_test(lambda: Classifying(ground), settings=BOUNDED)
        finally:
            runner.run(database.close())
    assert ground.done == set(DEEDS)
