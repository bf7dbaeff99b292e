"""What a scope hides it hides in results, too: a key without READ sees of what it changed no more than strangers do."""

from functools import partial
from typing import Any

import pytest
from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_required_argument,
)
from sqlalchemy import Column, Enum, String, func, select, update

from app.formats.graphs.kinds import SLOTS
from app.models.accounts import ApiKey, DataExport, Session, Team, User
from app.models.automl.works import Server
from app.models.base import Base
from app.models.choices import Scope
from app.models.consulting.history import ConsultingStep
from app.models.kinds import JobKind
from app.models.mapping.imports import LabelImport
from app.models.mapping.predictions import Prediction
from app.models.names import Name
from app.models.reports import Report
from app.models.social import Conversation, Message
from app.models.system import Job, UserNotification
from app.models.wildlife.classifications import Classification
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.models.wildlife.species import Species, SpeciesAlias
from app.settings import settings
from resolvers import ids
from resolvers.system.nodes import SHOWN
from schema import schema
from schema.field_extensions import Scoped
from schema.metadata import NEEDS_READ
from tests import factories
from tests.accounts.keys import key_of
from tests.permissions.deeds import inputs
from tests.permissions.everything import lift_limits
from tests.permissions.works import automl, consulting, mapping, social, wildlife
from tests.permissions.world import world

MUTATIONS = schema._schema.mutation_type.fields
DEPTH = 3
PRIVATE = "xyzzy"
"""Stands in everything that strangers do not read."""
MARK_LENGTH_MAX = 60
MARKED = [ApiKey.name, Session.client, UserNotification.message, DataExport.failure, Team.name]
SCOPES = {
    name: scoped.scope
    for name, field in MUTATIONS.items()
    for scoped in field.extensions["strawberry-definition"].extensions
    if isinstance(scoped, Scoped)
}


def shown(kind: GraphQLNamedType, depth: int = DEPTH, top: int = DEPTH) -> str:
    """Every field that can be asked without an argument, so many levels down."""
    if is_abstract_type(kind):
        kinds = schema._schema.get_possible_types(kind)
        if not isinstance(kind, GraphQLUnionType):
            return "{ __typename id }"
        return f"{{ __typename {' '.join(f'... on {each} {shown(each, depth, top)}' for each in kinds)} }}"
    if not isinstance(kind, GraphQLObjectType):
        return ""
    parts = []
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        levels = left(kind, name, below, depth, top)
        if NEEDS_READ in getattr(field.extensions.get("strawberry-definition"), "metadata", {}) or levels is None:
            continue
        if name not in {"edges", "pageInfo"} and not any(map(is_required_argument, field.args.values())):
            label = "" if name == "nodes" else f"{kind}_{name}: "
            parts.append(f"{label}{name} {shown(below, levels, top)}")
    return f"{{ {' '.join(parts) or '__typename'} }}"


def left(kind: GraphQLObjectType, name: str, below: GraphQLNamedType, depth: int, top: int) -> int | None:
    """How many levels are left below a field; None if it is too deep."""
    is_connection = kind.name.endswith("Connection") and kind.name not in SHOWN
    if not is_composite_type(below) or name == "nodes" or not (kind.name in SHOWN or is_connection):
        return depth  # what surrounds rows is no level
    if depth and (kind.name == "User" or below.name in {"User", "UserConnection"} or depth == top):
        return depth - 1
    return None


@pytest.fixture
async def here(database, made_once, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "home", tmp_path)
    monkeypatch.setattr(settings, "species_crops_per_class_min", 1)
    lift_limits(monkeypatch)
    return await made_once("marked world", partial(marked_world, database))


async def marked_world(database):
    """One in which all that strangers do not read is marked."""
    made = await world(database)
    async with database.writing() as session:
        for column in MARKED:
            await session.execute(update(column.class_).values({column: func.concat(PRIVATE, column.class_.id)}))
        await session.execute(update(User).values(email=func.concat(PRIVATE, User.id, "@fieldgraph.test")))
    return made


async def test_every_mutation_is_scoped():
    assert set(SCOPES) == set(MUTATIONS)


async def _answer(ask, database, here, name, input, depth=DEPTH):
    """What a key without READ is answered."""
    scope = SCOPES[name]
    key = await key_of(database, here.people["super" if scope is Scope.ADMIN else "owner"], scope)
    field = MUTATIONS[name]
    takes, gives = (f"($input: {field.args['input'].type})", "(input: $input)") if field.args else ("", "")
    document = f"mutation {takes} {{ {name}{gives} {shown(get_named_type(field.type), depth, depth)} }}"
    return await ask(document, viewer=key, **({"input": input} if field.args else {}))


def _leaks(name, answer, own="nothing"):
    """Where something private is shown beside the row's own words, and what broke."""
    return [*_private(name, dict(answer), own), *[(name, code) for code in answer.codes if code == "INTERNAL"]]


def _private(place, value, own):
    if isinstance(value, dict):
        return [leak for key, each in value.items() for leak in _private(f"{place}.{key}", each, own)]
    if isinstance(value, list):
        return [leak for each in value for leak in _private(place, each, own)]
    return [place] if PRIVATE in str(value).replace(own, "") else []


async def test_no_mutation_reads_for_a_key_that_may_not(ask, database, here, unmarked_inputs):
    leaks, done = [], 0
    for name, input in unmarked_inputs.items():
        if SCOPES[name] is not None:
            answer = await _answer(ask, database, here, name, input)
            done += bool(answer.get(name))
            leaks += _leaks(name, answer)
    assert leaks == []
    assert done >= 10


@pytest.fixture
def unmarked_inputs(here):
    return {name: input for name, input in inputs(here).items() if name != "exportMyData"}


# What is private beside the row that a mutation changes.
BESIDE = [Message.content, Prediction.description, LabelImport.failure, Report.comment, Job.message, Job.error]


# What is refused here; all others change something.
NOT_DONE = {
    "startFeedbackTraining",  # it wants an approved correction
    *("solve", "setCurrentVersion"),  # they want the file of a machine that was trained, for many seconds
    *("decideResearchProject", "importSpecies", "markSpeciesSensitive"),  # they are for staff
    *("createAiProviderConnection", "updateAiProviderConnection", "deleteAiProviderConnection"),  # closed to all keys
    # What comes before them has changed what they would change.
    *("createDeploymentFailure", "reparseAiResults", "trainSpeciesClassifier", "giveClassificationFeedback"),
    *("revertBulkApproval", "unapproveClassification", "acceptClassificationFeedback"),
}
DOMAINS = {"mapping": mapping, "social": social, "wildlife": wildlife, "automl": automl, "consulting": consulting}
PUBLIC = {Species.__table__, SpeciesAlias.__table__, Server.__table__}
UNCHANGING = {Classification.__table__, ClassificationDynamicAttrs.__table__, ConsultingStep.__table__}
"""What is approved never changes: `make` writes the words."""
KEPT = {
    *("file_path", "sha256", "storage_key", "thumbnail_key", "preview_key", "timezone", "location_id", "split_column"),
    *("machine_columns.name", "machines.failure", "resources.read_error", "species_classifier_trainings.failure"),
    *(f"graphs.{slot}" for slot in SLOTS),  # the columns that a graph draws
    *("works.failure", "ai_providers.name", "ai_providers.version"),  # the configuration of a job names its provider
}
"""What a mutation looks for, what a copy takes over, what `make` writes, or what a rule of the
database is about."""


def private(module: str) -> list[Column[str]]:
    """Every column of a domain's tables that has room for a mark."""
    mappers = [each for each in Base.registry.mappers if each.class_.__module__.startswith(module)]
    tables = {
        each.local_table.name: each.local_table for each in mappers if each.local_table not in PUBLIC | UNCHANGING
    }
    return [column for _, table in sorted(tables.items()) for column in table.columns if _has_room(column)]


def _has_room(column: Column[Any]) -> bool:
    kind = column.type
    is_text = isinstance(kind, String | Name) and not isinstance(kind, Enum)
    return (
        is_text and (kind.length or MARK_LENGTH_MAX) >= MARK_LENGTH_MAX and KEPT.isdisjoint({column.name, str(column)})
    )


async def test_every_mutation_with_a_scope_is_tried(database, here):
    owner, other = here.people["owner"], here.people["other"]
    tried = set(inputs(here))
    for domain in DOMAINS.values():
        tried |= domain.inputs(await domain.make(database, owner, other, 0)).keys()
    assert {name for name, scope in SCOPES.items() if scope is not None} - tried == set()


def refusal(answer, name):
    """Why a mutation changed nothing, if so."""
    result = answer.get(name)
    if answer.errors or result is None or "_code" in str(result):
        return answer.errors or result.get("InvalidInput_field", result)
    return None


async def test_no_mutation_of_mapping_and_social_life_reads_for_a_key_that_may_not(ask, database, here):
    leaks, refused = [], {}
    owner, other = here.people["owner"], here.people["other"]
    number = 0
    for domain in (mapping, social):
        for name in domain.inputs(await domain.make(database, owner, other, number)):
            number += 1
            made = await domain.make(database, owner, other, number)
            await _mark_beside(database, made)
            answer = await _answer(ask, database, here, name, domain.inputs(made)[name], depth=1)
            leaks += _leaks(name, answer)
            refused |= {name: why} if (why := refusal(answer, name)) else {}
    assert leaks == []
    assert refused.keys() <= NOT_DONE


@pytest.mark.parametrize("domain", ["wildlife", "automl", "consulting"])
async def test_no_mutation_shows_private_words_of_other_rows_to_a_key_that_may_not_read(ask, database, here, domain):
    """Everything is the owner's, and strangers see none of it: only the row itself is shown that a mutation changes."""
    owner, other = here.people["owner"], here.people["other"]
    made = await DOMAINS[domain].make(database, owner, other, 0, inside=PRIVATE)
    await _mark_all(database, f"app.models.{domain}")
    leaks, refused = [], {}
    for name, input in DOMAINS[domain].inputs(made).items():
        answer = await _answer(ask, database, here, name, input, depth=1)
        leaks += _leaks(name, answer, own=_mark_of(answer.get(name)))
        refused |= {name: why} if (why := refusal(answer, name)) else {}
    assert leaks == []
    assert refused.keys() <= NOT_DONE


async def _mark_all(database, module):
    async with database.writing() as session:
        for column in private(module):
            table = column.table
            words = func.concat(f"{PRIVATE} {table.name} ", table.c.id, ".")
            await session.execute(table.update().values({column.name: words}))


def _mark_of(result):
    """What stands in the words of the row that was changed."""
    own = [ids.decode(value) for name, value in (result or {}).items() if name.removesuffix("_id") in SHOWN]
    return f"{PRIVATE} {SHOWN[own[0][0]].__table__.name} {own[0][1]}." if own else "nothing"


async def _mark_beside(database, made):
    async with database.writing() as session:
        for column in BESIDE:
            ours = [row.id for row in made.rows.values() if isinstance(row, column.class_)]
            words = func.concat(PRIVATE, column.class_.id)
            others = update(column.class_).where(column.class_.id.not_in(ours))
            if column.class_ is Job:  # of others, how far they are is public
                others = others.where(Job.kind.not_in([kind for kind in JobKind if kind.is_public]))
            await session.execute(others.values({column: words}))


READ_BACK = """mutation {{ updateAccount(input: {{ firstName: "{name}" }}) {{ ... on User {{
    firstName email emailVerified lastLogin notificationsDeliveryMethods unreadNotificationsCount
    sessions {{ totalCount nodes {{ address client }} }} apiKeys {{ totalCount nodes {{ name hint scopes }} }}
    preferences {{ timeFormat }} teams {{ totalCount }} profile {{ id }}
}} }} }}"""


async def test_writing_shows_what_was_written_and_what_everybody_sees(ask, database, owner):
    key = await key_of(database, owner, Scope.WRITE)
    made = (await ask(READ_BACK.format(name="Ann"), viewer=key))["updateAccount"]
    assert made.pop("firstName") == "Ann"
    assert made.pop("profile")
    nobody = {"totalCount": 0, "nodes": []}
    assert (made.pop("sessions"), made.pop("apiKeys"), made.pop("teams")) == (nobody, nobody, {"totalCount": 0})
    assert set(made.values()) == {None}


async def test_what_is_hidden_and_never_null_is_refused_before_anything_is_done(ask, database, here):
    made = await social.make(database, here.people["owner"], here.people["other"], 0)
    said = {"sender_id": made.rows["friend"].id, "receiver_id": here.people["owner"].id, "content": "Good night."}
    last = await factories.add(database, Message(**said))
    key = await key_of(database, here.people["owner"], Scope.WRITE)
    read = f"""mutation {{ readConversation(input: {{ userId: "{made.id("friend")}" }}) {{ lastMessage {{ id }} }} }}"""
    unread = select(Conversation.unread_count).where(Conversation.user_id == here.people["owner"].id)
    answer = await ask(read, viewer=key)
    assert answer.codes == ["SCOPE_MISSING"]
    assert "readConversation" not in answer
    async with database.reading() as session:
        assert await session.scalar(unread) == 1
    both = await key_of(database, here.people["owner"], Scope.WRITE, Scope.READ)
    assert (await ask(read, viewer=both))["readConversation"]["lastMessage"] == {"id": ids.encode(last)}
    async with database.reading() as session:
        assert await session.scalar(unread) == 0


async def test_with_read_it_is_shown(ask, database, owner):
    key = await key_of(database, owner, Scope.WRITE, Scope.READ)
    made = (await ask(READ_BACK.format(name="Ann"), viewer=key))["updateAccount"]
    assert made["email"] == "owner@fieldgraph.test"
    assert made["apiKeys"]["totalCount"] == made["sessions"]["totalCount"] == 1


async def test_a_second_mutation_acts_with_all_the_rights_again(ask, database, owner):
    key = await key_of(database, owner, Scope.WRITE)
    both = """mutation {
        a: updateAccount(input: {firstName: "Ann"}) { ... on User { email } }
        no: requestAccountDeletion { ... on User { email } }
    }"""
    answer = await ask(both, viewer=key)
    assert answer.codes == ["FORBIDDEN"]
    twice = """mutation {
        a: updateAccount(input: {firstName: "Ann"}) { ... on User { email } }
        b: updateAccount(input: {lastName: "Lee"}) { ... on User { firstName lastName email } }
    }"""
    assert (await ask(twice, viewer=key))["b"] == {"firstName": "Ann", "lastName": "Lee", "email": None}
    async with database.reading() as session:
        user = (await session.scalars(select(User).where(User.id == owner.id))).one()
    assert (user.first_name, user.last_name) == ("Ann", "Lee")
