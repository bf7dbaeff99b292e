"""Every text of a mutation takes as many characters as its limit says, and refuses one more by name.

The inputs are the schema's and the limits those that the services check: a new one is tried as soon as it is there.
"""

from datetime import UTC, datetime
from functools import partial

import pytest
from redis import Redis
from sqlalchemy import update

from app import checks
from app.models.accounts import ApiKey, User
from app.models.choices import Scope
from app.models.mapping.trainings import Model, ModelStatus, Training
from app.models.reports import Report, ReportReason
from app.models.system import Banner
from app.models.wildlife.classifications import Classification
from app.models.wildlife.observations import ObservationType
from app.policies import Viewer
from app.services.accounts.email.tokens import Purpose, token_of
from app.services.system.files import uploads
from app.services.wildlife.classifications import writing
from app.services.wildlife.classifications.approvals import approving
from app.services.wildlife.classifications.observations import Observation
from resolvers import ids
from tests import factories
from tests.fixtures import person
from tests.system.test_blank_texts import FIELDS, SECRETS, by_mutation
from tests.system.test_inputs import CORE, FIXED, a_row_of_each, ids_for, put, send
from tests.wildlife import classifying
from tests.wildlife import factories as wild

ELSEWHERE = {
    "email": "tests/accounts/test_one_address.py",
    "code": "a code of OpenStreetMap's, or of coupons, is compared: tests/billing/test_coupon_codes.py",
    "state": "a seal of ours is compared, not kept",
    "secret": "a seal of ours is compared, not kept",
    "token": "a token of ours is compared, not kept",
    "deviceToken": "a token of ours is compared, not kept",
    "upload": "a seal of ours is compared, not kept",
    "redirectUri": "one of those that are set",
    "mediaType": "one of a few",
    "mediaUrl": "a URL has a rule of its own: tests/gateways/test_outside.py",
    "sourceImagery": "a URL has a rule of its own: tests/gateways/test_imagery.py",
    "key": "tags: tests/gateways/test_osm.py",
    0: "tags: tests/gateways/test_osm.py",
    "source": "a URL has a rule of its own: tests/gateways/test_imagery.py",
    "url": "a URL has a rule of its own: tests/gateways/test_outside.py",
    "apiUrl": "a URL has a rule of its own: tests/gateways/test_outside.py",
    "apiAuthPassw": "a password has a rule of its own, since it may be of any characters",
    "timezone": "one of those that there are",
    "sha256": "64 digits",
    "serialNumber": "compared, not kept",
    "csv": "a file with a rule of its own, by its bytes",
    "fileName": "its end is looked at, and the name is not kept",
    "trapperInstanceUrl": "a URL has a rule of its own: tests/gateways/test_outside.py",
    ("readTable", "options.encoding"): "one of a few",
    ("readTable", "options.separator"): "one of four characters",
    ("correctColumns", "columns.0.name"): "compared, not kept",
    ("createMachine", "columns.0.name"): "compared, not kept",
    ("createMachine", "split.column"): "compared, not kept",
    **{
        ("createMachine", f"options.{name}"): "as of readTable"
        for name in ("encoding", "separator", "sheet", "outputs.0")
    },
    ("trainMachine", "split.column"): "compared, not kept",
    ("trainMachine", "classWeights.weights.0.label"): "compared with the labels of the lines",
    **{
        (mutation, field): "the name of a column, which it must equal"
        for mutation in ("createGraph", "updateGraph")
        for field in ("x", "y", "z", "size", "style", "color", "col", "row", "animationFrame")
    },
    **{(mutation, "hue"): "one of a few" for mutation in ("createGraph", "updateGraph")},
    ("readTable", "options.sheet"): "not yet measured here: a sealed upload comes before it",
    ("approveClassifications", "individualId"): "compared, not kept",
}
"""Texts that `checks.text` does not measure, and why: in every mutation, or in one."""
WILDLIFE = {
    "timezone": "Europe/Warsaw",
    "apiUrl": "https://manager.example.org",
    "startsAt": "2026-05-01T12:00:00Z",
    "endsAt": "2026-05-02T12:00:00Z",
    "sha256": "0" * 64,
    "csv": "taxonID,scientificName,taxonRank\n1,Vulpes vulpes,species\n",
}
"""What the services of camera traps take, for what a test does not try."""


@pytest.fixture
def measured(monkeypatch):
    """The limits by which texts were measured, by argument."""
    limits = {}
    text = checks.text

    def measure(field, value, *, length_max, is_one_line=True, is_exact=False):
        limits[field.replace("[", ".").replace("]", "")] = length_max
        return text(field, value, length_max=length_max, is_one_line=is_one_line, is_exact=is_exact)

    monkeypatch.setattr(checks, "text", measure)
    return limits


@pytest.fixture
async def people_and_rows(database, made_once):
    return await made_once("texts", partial(every_row_of, database))


@pytest.fixture
def owner(people_and_rows):
    return people_and_rows[0]


@pytest.fixture
def staff(people_and_rows):
    return people_and_rows[1]


@pytest.fixture
def every_row(people_and_rows, monkeypatch):
    """An id for every argument, also of what staff and key holders change; uploads are taken for done."""
    for name, value in WILDLIFE.items():
        monkeypatch.setitem(FIXED, name, value)

    async def uploaded(_viewer, _upload, *, use):
        return uploads.Uploaded(f"{use}/1", "application/json", 5)

    monkeypatch.setattr(uploads, "uploaded", uploaded)
    return people_and_rows[2]


async def every_row_of(database):
    """Somebody, somebody of the staff, and the ids of rows; the model is published."""
    (owner, rows), staff = await a_row_of_each(database), await person(database, "staff", is_staff=True)
    now = datetime.now(UTC)
    banner = await factories.add(database, Banner(message="Soon.", start_date=now, user_id=owner.id))
    key = {"token_hash": b"0" * 32, "hint": "fg_", "scopes": [Scope.READ]}
    api_key = await factories.add(database, ApiKey(user_id=owner.id, name="laptop", **key))
    post = await factories.post(database, owner.id)
    about = {"subject_type": "Post", "subject_key": post.id, "accused_id": owner.id, "evidence": "Roofs"}
    report = await factories.add(
        database, Report(user_id=ids.key(rows["User"], User), reason=ReportReason.SPAM, **about)
    )
    async with database.writing() as session:
        published = {"status": ModelStatus.PUBLISHED, "published_training_id": ids.key(rows["Training"], Training)}
        await session.execute(update(Model).values(**published))
    others = {"Banner": banner, "ApiKey": api_key, "Report": report, **await wildlife(database, owner)}
    return owner, staff, {**rows, **{name: ids.encode(row) for name, row in others.items()}}


async def wildlife(database, owner):
    """A row of each kind of a camera-trap project that is the owner's."""
    project = await wild.project(database, owner.id)
    location = await wild.location(database, project)
    deployment = await wild.deployment(database, location)
    sequence = await wild.sequence(database, deployment)
    collection = await wild.collection(database, project)
    resource = await wild.resource(database, project, deployment_id=deployment.id, sequence_id=sequence.id)
    await wild.put_into(database, collection, resource)
    connection = await wild.ai_provider_connection(database, owner.id)
    question = await classifying.classification_project(database, project)
    await classifying.linked(database, question, collection)
    return {
        "ClassificationFeedback": await _approved(database, owner, question, resource),
        "ResearchProject": project,
        "Location": location,
        "Deployment": deployment,
        "DeploymentFailure": await wild.failure(database, deployment, wild.SPRING, wild.SUMMER),
        "Sequence": sequence,
        "Collection": collection,
        "Resource": resource,
        "AiProviderConnection": connection,
        "AiProvider": await wild.ai_provider(database, connection),
        "Classificator": await classifying.classificator(database, owner.id),
        "ClassificationProject": question,
    }


async def _approved(database, owner, question, resource):
    """The FINAL of a medium, approved as AI saw it."""
    provider = await classifying.ai_provider(database, owner.id)
    async with database.writing() as session:
        vehicle = Observation(ObservationType.VEHICLE)
        written = await writing.write_ai_classification(session, question.id, resource.id, provider.id, [vehicle])
        row = await session.get_one(Classification, written.id)
        shown = (await session.get_one(Classification, row.final_id)).version
        return await approving.approve_classification(session, Viewer(owner.id), row.id, expected_version=shown)


TEXTS = [
    each
    for each in FIELDS
    if each[2][-1] not in SECRETS | ELSEWHERE.keys()
    and not any((each[0], ".".join(map(str, each[2][start:]))) in ELSEWHERE for start in range(len(each[2])))
]


def test_there_are_texts_to_try():
    assert len(TEXTS) > 20


@pytest.mark.parametrize("field", by_mutation(TEXTS))
async def test_a_text_may_have_as_many_characters_as_its_limit_and_no_more(
    api, redis_url, every_row, owner, staff, measured, field, monkeypatch
):
    async def given(name: str, path: tuple[str | int, ...], text: str) -> str:
        monkeypatch.setitem(FIXED, "token", token_of(Purpose.SIGN_UP, f"new{len(text)}@fieldgraph.test"))
        with Redis.from_url(redis_url) as client:  # nobody is too fast here
            client.flushdb()
        value = put(CORE.type_map["Mutation"].fields[field].args[name].type, path, text, ids_for(field, every_row))
        answers = [(await send(api, viewer, "Mutation", field, name, value)).text for viewer in (staff, owner)]
        return "".join(answers)

    for name, path in by_mutation(TEXTS)[field]:
        answer = await given(name, path, "Roofs")
        names = [".".join(map(str, path[start:])) for start in range(len(path))]
        most = next((measured[each] for each in names if each in measured), None)
        assert most is not None, f"{field} {path}: no limit was checked, but {answer}; see ELSEWHERE"
        refusal = f"Use 1 to {most} characters; this has"
        assert refusal not in await given(name, path, "a" * most), path
        assert f"{refusal} {most + 1}." in await given(name, path, "a" * (most + 1)), path
