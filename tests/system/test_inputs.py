"""Whatever a client puts into an input field, it is answered in words of its own world, and a refusal changes nothing.

The fields are the schema's: a new one is tried as soon as it is there. `FUZZ=1` sends every value to the API; otherwise
each field gets null and some of the others, chosen by `SEED`: always the same ones, unless it is to look for long.
"""

import json
import os
import random
import re
from functools import lru_cache, partial
from itertools import islice
from uuid import uuid4

import pytest
from graphql import (
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
    is_scalar_type,
    parse,
    validate,
)
from redis import Redis

from app.geometry.shapes import to_geojson
from app.models.consulting.proposals import ConsultingProposal
from app.models.consulting.requests import ConsultingRequest
from app.models.mapping.trainings import TrainingStatus
from app.web.graphql.documents.cache import RULES
from app.web.graphql.errors import Refused
from app.web.graphql.operations.coercion import coerced
from resolvers import ids
from schema import schema
from schema.metadata import NEEDS_KEY
from tests import factories
from tests.billing.books import give
from tests.consulting.people import asked, proposed
from tests.factories import HOUSE, SQUARE
from tests.fixtures import person
from tests.system.linked import machine_rows
from tests.system.odd_values import VALUES

CORE = schema._schema
FUZZ = bool(os.environ.get("FUZZ"))
SEED = int(os.environ.get("SEED") or (random.randrange(2**32) if FUZZ else 1))
# What only a program written in Python would say; attributes of classificators are quoted in another way.
PYTHON = re.compile(
    r"Strawberry|Maybe\[|'Maybe|\bSome\(|sys\.|set_int_max|\bNone\b|NoneType|\bTrue\b|\bFalse\b|0x[0-9a-f]{6}|object at"
    r"|<class|<enum|Traceback|\bb'|\bu'|list index|index out of range|\b[A-Z]\w*(Error|Exception)\b|\bdict\b|\bstr\b"
    r"|\btuple\b|\bisoformat\b|datetime\.|positional|argument must|codec|invalid literal|iterable|unhashable|subscript"
    r"|\bnan\b|\binf\b|\bself\b|__|no attribute '|psycopg|sqlalchemy|asyncpg|graphql-core|decode"
    r"|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}",
)
CHOSEN = random.Random(SEED)
PARTS = 4
LITERALS = ["9" * 5_000, "-" + "9" * 400, "1e999", "NaN", "None", '"""' + "x" * 5_000 + '"""', "[1]", "{a: [{b: 1}]}"]
FIXED = {
    "password": "correct horse battery",
    "mediaUrl": "https://pictures.example.org/roof.png",
    "sourceImagery": "https://tiles.example.org/{z}/{x}/{y}.png",
    "email": "somebody@fieldgraph.test",
    "website": "https://example.org",
    "mediaType": "image/png",
    "zoomLevel": 19,
    "bytes": 1_000,
    "geojson": {"type": "FeatureCollection", "features": []},
}


def sample(kind, name="", rows=None):
    """A value that fits a type: what a client might send."""
    named = get_nullable_type(kind)
    if is_list_type(named):
        return [sample(named.of_type, name, rows)]
    if is_input_object_type(named):
        return {
            each: sample(field.type, each, rows)
            for each, field in named.fields.items()
            if is_required_input_field(field) or each in {"id", "userId"}  # not required while former names are taken
        }
    if is_enum_type(named):
        return next(iter(named.values))
    if named.name == "ID":
        return (rows or {}).get(name, "RGF0YXNldDox")
    scalars = {
        "String": "Roofs",
        "Int": 5,
        "Float": 0.5,
        "Boolean": True,
        "Date": "2026-03-01",
        "DateTime": "2026-03-01T12:00:00Z",
        "JSON": {},
        "BigInt": 5,
        "Decimal": "1.5",
        "GeoJSONPolygon": to_geojson(SQUARE),
        "GeoJSONPoint": {"type": "Point", "coordinates": [12, 46]},
        "GeoJSONGeometry": to_geojson(HOUSE),
    }
    return FIXED.get(name, scalars[named.name])


def places(kind, path=()):
    """Every place in a type where a value stands."""
    yield path
    named = get_nullable_type(kind)
    if is_list_type(named):
        yield from places(named.of_type, (*path, 0))
    elif is_input_object_type(named):
        for name, field in named.fields.items():
            yield from places(field.type, (*path, name))


def type_at(kind, path):
    for step in path:
        named = get_nullable_type(kind)
        kind = named.of_type if step == 0 else named.fields[step].type
    return kind


def put(kind, path, value, rows, name=""):
    """A value of a type that fits but for one place."""
    if not path:
        return value
    step, *rest = path
    named = get_nullable_type(kind)
    if step == 0:
        return [put(named.of_type, rest, value, rows, name)]
    made = sample(named, name, rows)
    return {**made, step: put(named.fields[step].type, rest, value, rows, step)}


def arguments():
    """Every argument of every field in the schema."""
    for kind in CORE.type_map.values():
        if not kind.name.startswith("__"):
            for name, field in getattr(kind, "fields", {}).items():
                for argument in getattr(field, "args", {}):
                    yield kind.name, name, argument


def some(values, kind):
    """All of them for a scalar, which stands for many arguments, and where there is time; else some."""
    return values if FUZZ or is_scalar_type(get_named_type(kind)) else CHOSEN.sample(values, len(values) // 4)


@lru_cache
def declared(kind):
    return parse(f"query ($value: {kind}) {{ me {{ id }} }}").definitions[0].variable_definitions


ARGUMENTS = list(arguments())
# What is wrong with a value follows from its type, however many arguments have that.
TYPES = {str(kind): kind for kind in (CORE.type_map[of].fields[field].args[name].type for of, field, name in ARGUMENTS)}


def clean(errors):
    for error in errors:
        message = error if isinstance(error, str) else error["message"]
        # A word that is a name of the schema is no word of Python.
        assert not PYTHON.search(message), message
        assert len(message) < 1_000, message[:200]


def test_the_whole_schema_is_walked():
    inputs = {kind.name for kind in CORE.type_map.values() if isinstance(kind, GraphQLInputObjectType)}
    met = {
        get_named_type(type_at(CORE.type_map[kind].fields[field].args[name].type, path)).name
        for kind, field, name in ARGUMENTS
        for path in places(CORE.type_map[kind].fields[field].args[name].type)
    }
    assert inputs <= met


@pytest.mark.fuzz
def test_a_variable_that_does_not_fit_is_refused_in_plain_words():
    tried = 0
    for kind in TYPES.values():
        for path in places(kind):
            for value in some(VALUES, kind):
                given = {"value": put(kind, path, value, {})}
                try:
                    coerced(CORE, declared(kind), given)
                except Refused as refused:
                    tried += 1
                    clean([error.message for error in refused.errors])
    assert tried > 500


@pytest.mark.fuzz
def test_a_literal_that_does_not_fit_is_refused_in_plain_words():
    tried = 0
    for kind in TYPES.values():
        given = []
        for path in places(kind):
            for literal in ["null", *some(LITERALS, kind)]:
                text = literal
                for step in reversed(path):
                    text = f"[{text}]" if step == 0 else f"{{{step}: {text}}}"
                given.append(f"$v{len(given)}: {kind} = {text}")
        # Walked once for all of them: to walk a document costs more than to look at one literal.
        errors = validate(CORE, parse(f"query ({', '.join(given)}) {{ me {{ id }} }}"), RULES, max_errors=None)
        messages = [error.message for error in errors]
        tried += sum("is never used" not in message for message in messages)
        clean(messages)
    assert tried > 500


@pytest.fixture
async def owner_and_rows(database, made_once):
    return await made_once("inputs", partial(a_row_of_each, database))


@pytest.fixture
def owner(owner_and_rows):
    return owner_and_rows[0]


@pytest.fixture
def rows(owner_and_rows):
    """An id for every argument that takes one, of a row that is the owner's."""
    return owner_and_rows[1]


async def a_row_of_each(database):
    """Somebody, and the ids of their rows."""
    owner, other = [await person(database, name) for name in ("owner", "other")]
    dataset = await factories.dataset(database, owner.id)
    aoi = await factories.aoi(database, dataset)
    model = await factories.model(database, dataset)
    job = await factories.job(database, user_id=owner.id)
    training = await factories.training(database, model, status=TrainingStatus.FINISHED, job_id=job.id)
    prediction = await factories.prediction(database, training)
    feedback_aoi = await factories.feedback_aoi(database, training)
    team = await factories.team(database, owner.id, other.id)
    found = {
        "Dataset": dataset,
        "Aoi": aoi,
        "Label": await factories.label(database, aoi),
        "Model": model,
        "Training": training,
        "Prediction": prediction,
        "Feature": await factories.feature(database, prediction),
        "Feedback": await factories.feedback(database, training),
        "FeedbackAoi": feedback_aoi,
        "FeedbackLabel": await factories.feedback_label(database, feedback_aoi),
        "ApprovedPrediction": await factories.approved_prediction(database, training),
        "Inspection": await factories.inspection(database, dataset),
        "Notification": await factories.notification(database, owner.id),
        **await machine_rows(database, owner.id),
        **await consulting(database, owner, other),
        "Operation": await give(database, owner.id, 1),
        "Team": team,
        "TeamInvitation": await factories.team_invitation(database, team),
        "Post": await factories.post(database, owner.id),
        "User": other.user,
    }
    return owner, {name: ids.encode(row) for name, row in found.items()}


async def consulting(database, owner, other):
    """A request of the owner's, with a proposal of somebody else's."""
    request_id = await asked(database, owner)
    proposal_id = await proposed(database, other, request_id)
    async with database.reading() as session:
        return {
            "ConsultingRequest": await session.get_one(ConsultingRequest, request_id),
            "ConsultingProposal": await session.get_one(ConsultingProposal, proposal_id),
        }


def ids_for(field, rows):
    """The rows by the arguments of one field: `id` is of what the field's name ends with."""
    ends = sorted((name for name in rows if field.removesuffix("s").lower().endswith(name.lower())), key=len)
    own = rows[ends[-1]] if ends else rows["User"]
    if "Consulting" in field:
        own = rows["ConsultingProposal" if "Proposal" in field else "ConsultingRequest"]
    by_name = {f"{name[0].lower()}{name[1:]}Id": id for name, id in rows.items()}
    return {
        **by_name,
        "id": own,
        "requestId": rows["ConsultingRequest"],
        "ids": rows["Notification"],
        "featureIds": rows["Feature"],
        "trainingIds": rows["Training"],
        "table": rows["TableReading"],
        "one": rows["NNModel"],
        "other": rows["NNModel"],
        "lineId": rows["MachineLine"],
        "lineIds": rows["MachineLine"],
        "receiverId": rows["User"],
        "withUserId": rows["User"],
        "parentId": rows["Post"],
        "about": rows["Dataset"],
        "subject": rows["Post"],
    }


def fitting(kind, path, rows, chosen):
    """Values for one place that get past their type: those a resolver has to deal with."""
    at = type_at(kind, path)
    values = (value for value in [None, *chosen.sample(VALUES, len(VALUES))] if fits(at, value))
    given = (put(kind, path, value, rows, path[-1] if path else "") for value in values)
    return islice(given, None if FUZZ else 2)


def fits(kind, value):
    try:
        coerced(CORE, declared(kind), {"value": value})
    except Refused:
        return False
    return True


async def send(api, person, kind, field, name, value):
    definition = CORE.type_map[kind].fields[field]
    others = {
        each: sample(argument.type, each, {})
        for each, argument in definition.args.items()
        if each != name and is_required_argument(argument)
    }
    names = {name: value, **others}
    variables = ", ".join(f"${each}: {definition.args[each].type}" for each in names)
    taken = ", ".join(f"{each}: ${each}" for each in names)
    named = get_named_type(definition.type)
    shown = "" if not hasattr(named, "fields") and not hasattr(named, "types") else "{ __typename %s }"
    problem = "... on Problem { message }" if hasattr(named, "types") else ""
    word = {"Mutation": "mutation", "Query": "query"}[kind]
    document = f"{word} ({variables}) {{ {field}({taken}) {shown % problem if shown else ''} }}"
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"}
    # What moves money is not looked at without a key.
    if NEEDS_KEY in definition.extensions["strawberry-definition"].metadata:
        headers["Idempotency-Key"] = str(uuid4())
    return await api.post("/graphql", content=json.dumps({"query": document, "variables": names}), headers=headers)


@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", ["Query", "Mutation"])
async def test_what_fits_its_type_is_made_or_refused_in_plain_words(
    api, table_rows, redis_url, rows, owner, kind, part
):
    chosen, before = random.Random(SEED + part), table_rows()
    for _, field, name in [each for each in ARGUMENTS if each[0] == kind][part::PARTS]:
        argument = CORE.type_map[kind].fields[field].args[name]
        with Redis.from_url(redis_url) as client:  # nobody is too fast here
            client.flushdb()
        for path in places(argument.type):
            for value in fitting(argument.type, path, ids_for(field, rows), chosen):
                body = (await send(api, owner, kind, field, name, value)).json()
                after, note = (
                    table_rows(),
                    f"SEED={SEED} {field}({name}) at {path}: {json.dumps(value)[:300]} {body}",
                )
                made = (body.get("data") or {}).get(field)
                problem = made.get("message") if isinstance(made, dict) else None
                clean([*body.get("errors", []), *([problem] if problem else [])])
                assert "INTERNAL" not in [error["extensions"]["code"] for error in body.get("errors", [])], note
                if problem or body.get("errors") or kind == "Query":
                    assert after == before, note
                before = after
