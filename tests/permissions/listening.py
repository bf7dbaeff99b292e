"""Everything there is to listen to, and for each what somebody does who is received there."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLEnumType, GraphQLField, get_named_type

from app import events
from app.database import Database
from app.errors import DomainError
from app.events.signals import Signals
from app.models.automl.readings import TableReading
from app.models.automl.works import Work as MachineWork
from app.models.base import Record
from app.models.consulting.requests import ConsultingRequest
from app.models.mapping.inspections import Inspection
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Training
from app.models.social import Post
from app.models.wildlife.ai_jobs import AIClassificationJob
from app.models.wildlife.exchange import WildlifeExport, WildlifeExportFormat, WildlifeImport, WildlifeImportFormat
from app.models.wildlife.uploads import MediaReading
from app.policies import Viewer
from app.services.automl import readings as table_readings
from app.services.automl import works as machine_works
from app.services.consulting import correspondence
from app.services.mapping.trainings import progress
from app.services.mapping.trainings.progress import Work
from app.services.social import messages
from app.services.social.people import friends
from app.services.social.posts import editing, removal
from app.services.system import banners
from app.services.wildlife.ai_jobs.progress import tell
from app.services.wildlife.exchange.progress import topic_of
from app.services.wildlife.media.files import readings
from app.tabular.choices import WorkKind
from resolvers import ids
from tests import factories
from tests.consulting.people import contract_between
from tests.fixtures import Person
from tests.permissions.everything import arguments, selection
from tests.permissions.matrix import CORE
from tests.system.clients import Client
from tests.wildlife import classifying

SAID_OF_THEM = "It goes on."
"""What is said of their work, and what they announce for all: no word of their own."""


@dataclass(frozen=True)
class Couple:
    """A friend of the one who listens, and somebody who asks to be; both have a word in their names."""

    word: str
    friend: Person
    asking: Person
    said_of_them: str


@dataclass(frozen=True)
class Stage:
    """Who listens, what they have said, and the work of whom they watch."""

    database: Database
    signals: Signals
    viewer: Person
    hidden: Couple
    own: Post
    works: Mapping[str, Record]
    posts: list[tuple[Viewer, int]] = field(default_factory=list)


async def stage(database: Database, signals: Signals, viewer: Person, hidden: Couple) -> Stage:
    """The one who listens with their post, and the work of another on their maps."""
    worker = hidden.friend
    dataset = await factories.dataset(database, viewer.id)
    training = await factories.training(database, await factories.model(database, dataset), user_id=worker.id)
    works: dict[str, Record] = {
        Training.__name__: training,
        Prediction.__name__: await factories.prediction(database, training, published=True, user_id=worker.id),
        Inspection.__name__: await factories.inspection(database, dataset, user_id=worker.id),
        TableReading.__name__: await factories.add(database, TableReading(user_id=viewer.id, storage_key="uploads/1")),
        MachineWork.__name__: await _train(database, viewer, worker),
        ConsultingRequest.__name__: await (await contract_between(database, viewer, worker)).row(),
        **await _look_at_media(database, viewer, worker),
    }
    return Stage(database, signals, viewer, hidden, await factories.post(database, viewer.id), works)


async def _train(database: Database, viewer: Person, worker: Person) -> MachineWork:
    """A training of the viewer's machine by the worker, who is in the team that it is for."""
    team = await factories.team(database, viewer.id, worker.id)
    machine = await factories.machine(database, viewer.id, machine_owner_team_id=team.id)
    row = MachineWork(machine_id=machine.id, user_id=worker.id, kind=WorkKind.TRAINING)
    return await factories.add(database, row)


async def _look_at_media(database: Database, viewer: Person, worker: Person) -> dict[str, Record]:
    """A job of the worker's on media of the viewer, and an import and an export, which only their owner learns of."""
    at = await classifying.season(database, viewer.id)
    await classifying.joined(database, at, worker.id)
    asked = {"ai_provider_id": at.provider.id, "project_id": at.project.id, "collection_id": at.link.id}
    job = await factories.add(database, AIClassificationJob(user_id=worker.id, total_count=1, **asked))
    brought = {"research_project_id": at.research.id, "format": WildlifeImportFormat.CAMTRAP_DP, "files": {}}
    row = WildlifeImport(user_id=viewer.id, dry_run=False, keep_good=False, **brought)
    reading = MediaReading(research_project_id=at.research.id, user_id=worker.id, total=1)
    export = WildlifeExport(
        user_id=viewer.id, classification_project_id=at.project.id, format=WildlifeExportFormat.COCO
    )
    rows = [await factories.add(database, each) for each in (row, export, reading)]
    return {type(each).__name__: each for each in (job, *rows)}


async def _look(on: Stage, couple: Couple) -> None:
    """Their job goes on; its events have no words, but every event shows the row with all that it says."""
    async with on.database.writing() as session:
        job = await session.get_one(AIClassificationJob, on.works[AIClassificationJob.__name__].id)
        job.failure = f"{job.failure or ''} {couple.said_of_them}"
        tell(session, job)


def _exchange(kind: type[WildlifeImport] | type[WildlifeExport]) -> Callable[[Stage, Couple], Awaitable[None]]:
    async def exchange(on: Stage, couple: Couple) -> None:
        row = on.works[kind.__name__]
        assert isinstance(row, kind)
        async with on.database.writing() as session:
            events.record(session, topic_of(row), {"message": couple.said_of_them})

    return exchange


async def _read_media(on: Stage, couple: Couple) -> None:
    """Their reading goes on; like a job's, its events have no words."""
    async with on.database.writing() as session:
        reading = await session.get_one(MediaReading, on.works[MediaReading.__name__].id)
        reading.failure = f"{reading.failure or ''} {couple.said_of_them}"
        readings.tell(session, reading)


async def _read_table(on: Stage, couple: Couple) -> None:
    """A reading goes on, which only its owner learns of."""
    async with on.database.writing() as session:
        row = await session.get_one(TableReading, on.works[TableReading.__name__].id)
        row.failure = f"{row.failure or ''} {couple.said_of_them}"
        events.record(session, table_readings.topic_of(row), {})


async def _consult(on: Stage, couple: Couple) -> None:
    """Writes to a contract that both have."""
    request_id = on.works[ConsultingRequest.__name__].id
    async with on.database.writing() as session:
        await correspondence.send_message(session, _rights(couple.friend), request_id, content=couple.said_of_them)


async def _go_on_training(on: Stage, couple: Couple) -> None:
    """Their training goes on."""
    async with on.database.writing() as session:
        topic = machine_works.topic_of(on.works[MachineWork.__name__].id)
        events.record(session, topic, {"message": couple.said_of_them})


def _rights(person: Person) -> Viewer:
    """Those of staff, who are not refused where others would be, and to whom nobody is invisible."""
    return Viewer(person.id, is_staff=True)


def _work(kind: type[Work]) -> Callable[[Stage, Couple], Awaitable[None]]:
    async def work(on: Stage, couple: Couple) -> None:
        topic = progress.topic_of(kind, on.works[kind.__name__].id)
        async with on.database.writing() as session:
            events.record(session, topic, {"message": couple.said_of_them})

    return work


async def _post(on: Stage, couple: Couple) -> None:
    """Says something and changes it."""
    author = _rights(couple.friend)
    async with on.database.writing() as session:
        said = {"content": couple.word}
        post = await editing.create_post(session, author, parent_id=None, about=None, fields=said)
    async with on.database.writing() as session:
        await editing.edit_post(session, author, post.id, changes={"content": f"{couple.word}, again"})
    on.posts.append((author, post.id))


async def take_back(on: Stage) -> None:
    """Deletes all posts, in the order in which they were said."""
    for author, id in on.posts:
        with suppress(DomainError):
            async with on.database.writing() as session:
                await removal.delete_post(session, author, id)


async def _ask(on: Stage, couple: Couple) -> None:
    asking = _rights(couple.asking)
    with suppress(DomainError):
        async with on.database.writing() as session:
            await friends.cancel_friend_request(session, asking, on.viewer.id)
    async with on.database.writing() as session:
        await friends.send_friend_request(session, asking, on.viewer.id)


async def _write(on: Stage, couple: Couple) -> None:
    sender = _rights(couple.friend)
    async with on.database.writing() as session:
        await messages.send_message(session, sender, receiver_id=on.viewer.id, content=couple.word)


async def _answer(on: Stage, couple: Couple) -> None:
    """Replies to the one who listens, and names them elsewhere."""
    naming = {"content": f"@{on.viewer.user.username} {couple.word}"}
    for parent_id in (None, on.own.id):
        with suppress(DomainError):
            async with on.database.writing() as session:
                author = _rights(couple.friend)
                await editing.create_post(session, author, parent_id=parent_id, about=None, fields=naming)


async def begin_typing(on: Stage, sender: Person) -> None:
    """Is received to write to the one who listens, if they want to know of it."""
    async with on.database.reading() as session:
        reader, is_delivered = await messages.find_reader(session, _rights(sender), on.viewer.id)
    if is_delivered:
        await messages.tell_typing(on.signals, _rights(sender), reader, is_typing=True)


async def _type(on: Stage, couple: Couple) -> None:
    await begin_typing(on, couple.friend)


async def _announce(on: Stage, couple: Couple) -> None:
    async with on.database.writing() as session:
        announcer = _rights(couple.friend)
        await banners.create_banner(session, announcer, message=couple.said_of_them, start_date=None, end_date=None)


DEEDS: dict[str, Callable[[Stage, Couple], Awaitable[None]]] = {
    "trainingUpdated": _work(Training),
    "predictionUpdated": _work(Prediction),
    "inspectionUpdated": _work(Inspection),
    "feedUpdated": _post,
    "friendshipChanged": _ask,
    "messageReceived": _write,
    "notificationReceived": _answer,
    "typing": _type,
    "bannerChanged": _announce,
    "aiClassificationJobUpdated": _look,
    "wildlifeImportUpdated": _exchange(WildlifeImport),
    "wildlifeExportUpdated": _exchange(WildlifeExport),
    "mediaReadingUpdated": _read_media,
    "tableReadingUpdated": _read_table,
    "workUpdated": _go_on_training,
    "consultingRequestUpdated": _consult,
}
"""What somebody does to be received, by what is listened to."""


async def do(on: Stage, couple: Couple, *names: str) -> None:
    """All of it, or some; what is refused is not done."""
    for name in names or DEEDS:
        with suppress(DomainError):
            await DEEDS[name](on, couple)


def subscriptions(works: Mapping[str, Record]) -> Iterator[tuple[str, str]]:
    """Every subscription, asked for all that it says and all of its rows; with choices, once with each of them."""
    for name, declared in CORE.subscription_type.fields.items():
        event = get_named_type(declared.type)
        parts = [f"{part} {selection(get_named_type(of.type), is_whole=True)}" for part, of in event.fields.items()]
        given = [arguments(declared, lambda kind: json.dumps(ids.encode(works[kind]))).strip("()")]
        given += ["after: $after"] if "after" in declared.args else []
        for choice in _choices(declared):
            asked = ", ".join(filter(None, [*given, choice]))
            head = "($after: String)" if "after" in declared.args else ""
            document = f"subscription {head} {{ {name}{f'({asked})' if asked else ''} {{ {' '.join(parts)} }} }}"
            yield f"{name}({choice})" if choice else name, document


def _choices(declared: GraphQLField) -> list[str]:
    kinds = {name: get_named_type(argument.type) for name, argument in declared.args.items()}
    enums = {name: kind for name, kind in kinds.items() if isinstance(kind, GraphQLEnumType)}
    return [f"{name}: {value}" for name, kind in enums.items() for value in kind.values] or [""]


class Listener:
    """Somebody's socket with all subscriptions, and all that was received by each."""

    def __init__(self, client: Client, on: Stage) -> None:
        self._client = client
        self._on = on
        self.received: dict[str, list[Any]] = {}

    async def begin(self, after: str) -> None:
        """Listens to what has happened after a place, and to what happens."""
        for name, document in subscriptions(self._on.works):
            self.received[name] = []
            variables = {"after": after} if "$after" in document else {}
            asked = {"query": document, "variables": variables}
            await self._client.say({"id": name, "type": "subscribe", "payload": asked})

    async def until(self, names: set[str], word: str, again: Callable[[], Awaitable[None]]) -> None:
        """Passes when each of these has said a word; where nothing is kept, it is said `again` until it comes."""
        listening = asyncio.create_task(self._until(names, word))
        while not listening.done():
            await again()
            await asyncio.wait({listening}, timeout=0.2)
        await listening

    async def _until(self, names: set[str], word: str) -> None:
        left = set(names)
        while left:
            message = await self._client.receive()
            assert message["type"] == "next", message
            # A row of which a part may not be seen would be left out as a whole, with what it says.
            assert "errors" not in message["payload"], message
            self.received[message["id"]].append(message["payload"])
            if word in json.dumps(message["payload"]):
                left.discard(message["id"])
