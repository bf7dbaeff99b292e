"""A few rows that are known by their names."""

import json
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import select

from app.database import Database
from app.models.automl.lines import MachineLine
from app.models.wildlife.approvals import BulkApprovalItem, ClassificationApproval
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.models.wildlife.providers import LocalAIProvider, LocalEngine
from app.policies import Viewer
from app.services.wildlife.classifications.approvals import bulk_approvals
from app.services.wildlife.classifications.approvals.bulk import Criteria
from resolvers import ids
from tests import factories
from tests.plan.both import Answer, Both
from tests.wildlife import ai_rows, classifying
from tests.wildlife import factories as wildlife


@dataclass(frozen=True)
class Village:
    """The rows under both builds, with the tokens of its people."""

    both: Both
    tokens: dict[str, str]
    ids: dict[str, str]

    async def ask(
        self, document: str, viewer: str | None = None, operation: str | None = None, **variables: Any
    ) -> Answer:
        """The answer that both give; `<name>` in the document and in the variables stands for the id of that row."""
        return await self.both.ask(
            self.request(document, operation, **variables), self.tokens[viewer] if viewer else None
        )

    def request(self, document: str, operation: str | None = None, **variables: Any) -> dict[str, Any]:
        """The body of a request."""
        request = json.dumps({"query": document, "operationName": operation, "variables": variables})
        for name, id in self.ids.items():
            request = request.replace(f"<{name}>", id)
        made: dict[str, Any] = json.loads(request)
        return made


async def build_village(database: Database) -> tuple[dict[str, str], dict[str, str]]:
    """Makes the rows; gives the tokens of its people, and the ids of all."""
    people = {name: await factories.user(database, name) for name in ("owner", "other", "gone")}
    owner, other, gone = (person.user.id for person in people.values())
    rows: dict[str, Any] = {name: person.user for name, person in people.items()}
    rows["one"] = await factories.dataset(database, owner, name="One")
    rows["two"] = await factories.dataset(database, other, name='"Two" 100 %')
    rows["orphan"] = await factories.dataset(database, gone, name="Orphan")
    rows |= {name: await factories.aoi(database, rows["one"]) for name in ("north", "south")}
    rows["west"] = await factories.aoi(database, rows["two"])
    rows["torn"] = await factories.aoi(database, rows["orphan"])
    for name in ("a", "b", "c"):
        rows[name] = await factories.label(database, rows["north"], tags={"name": name})
    rows["import"] = await factories.label_import(database, rows["north"])
    rows["model"] = await factories.model(database, rows["one"])
    rows["job"] = await factories.job(database)
    rows["training"] = await factories.training(database, rows["model"], accuracy=71.5, job_id=rows["job"].id)
    rows["broken"] = await factories.training(database, rows["model"], status="FAILED", accuracy=float("nan"))
    rows["mine"] = await factories.prediction(database, rows["training"])
    rows["theirs"] = await factories.prediction(database, rows["training"], user_id=other)
    rows["shown"] = await factories.prediction(database, rows["training"], user_id=other, published=True)
    rows["feature"] = await factories.feature(database, rows["shown"])
    rows["hint"] = await _notification(database, owner, rows["theirs"])
    rows["news"] = await _notification(database, owner, rows["one"])
    rows["file"] = await factories.artifact(database, training_id=rows["training"].id)
    await factories.artifact(database, training_id=rows["broken"].id, storage_key="no key")
    rows["team"] = await factories.team(database, owner, other)
    rows["invitation"] = await factories.team_invitation(database, rows["team"])
    rows["manager"] = connection = await wildlife.ai_provider_connection(database, owner)
    rows["detector"] = await wildlife.ai_provider(database, connection)
    rows["external"] = await wildlife.ai_provider(database, user_id=other)
    rows["local"] = await wildlife.ai_provider(database, kind=LocalAIProvider, engine=LocalEngine.ONNX)
    rows["machine"] = machine = await factories.machine(database, owner)
    rows["line"] = await factories.add(database, MachineLine(machine_id=machine.id, values=[], is_for_solving=True))
    rows |= await _wood(database, owner, rows["external"].id)
    people["staff"] = await factories.user(database, "staff", is_staff=True)
    tokens = {name: person.token for name, person in people.items()}
    return tokens, {name: ids.encode(row) for name, row in rows.items()}


async def _wood(database: Database, owner: int, detector: int) -> dict[str, Any]:
    """A medium that was classified, and approved in bulk."""
    at = await classifying.season(database, owner, media=1, detection_provider_id=detector)
    row = await classifying.by_person(database, at, 0, owner, classifying.seen(at.fox))
    async with database.writing() as session:
        criteria = Criteria(at.project.id, ids=[row.id])
        bulk = await bulk_approvals.approve_classifications(session, Viewer(owner), criteria)
    async with database.reading() as session:
        [item] = await session.scalars(select(BulkApprovalItem))
        [approval] = await session.scalars(select(ClassificationApproval))
        [seen] = await session.scalars(select(ClassificationDynamicAttrs))
    final = await classifying.final(database, at)
    names = await ai_rows.everything(database, owner, at)
    names |= {"project of the wood": at.project, "collection of the wood": at.link, "row": row, "final": final}
    return names | {"bulk": bulk, "bulk item": item, "approval": approval, "observation": seen}


async def _notification(database: Database, user_id: int, about: Any) -> Any:
    fields = {"subject_type": type(about).__name__, "subject_key": about.id}
    return await factories.notification(database, user_id, **fields)


def break_village(connection: psycopg.Connection) -> None:
    """Suspends one of its people, and takes a dataset from under an area."""
    connection.execute("SET session_replication_role = replica")
    connection.execute("UPDATE users SET is_active = false WHERE username = 'gone'")
    connection.execute("UPDATE aois SET dataset_id = 999 WHERE id = (SELECT max(id) FROM aois)")
