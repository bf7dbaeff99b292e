"""Links outlive no right: each asks, whenever it is used, what whoever it was given to may do then."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from graphql import GraphQLObjectType
from sqlalchemy import delete, update

from app.gateways import storage
from app.models.accounts import ApiKey, DataExport, Session, TeamMembership, User
from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.models.base import Record
from app.models.choices import Scope
from app.models.consulting.history import ConsultingFile
from app.models.integrations import BulkQuery
from app.models.mapping.datasets import AOI, Dataset
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Training
from app.models.reports import Report, ReportReason, ReportState
from app.models.social import Block, Post
from app.models.wildlife.exchange import WildlifeExport
from app.models.wildlife.media import Resource
from app.models.wildlife.projects import ResearchProjectMember
from app.policies import Viewer
from app.security.signing import Seal
from app.services import links
from app.services.accounts.users import data_exports
from app.services.automl.answering import solving
from app.services.consulting import correspondence
from app.services.integrations import bulk
from app.services.mapping import artifacts
from app.services.mapping.labels import exports
from app.services.mapping.predictions import downloads
from app.services.social.posts import pictures
from app.services.system import digests
from app.services.system.files import uploads
from app.settings import settings
from resolvers import ids
from schema import schema
from tests import factories
from tests.accounts.keys import key_of
from tests.fixtures import Person, person
from tests.system.linked import MEDIA, MEDIUM, a_bulk_query, a_machine, a_request, camera_traps

FIELDS = {
    "AOI.labelsLink": "... on AOI { labelsLink(format: GEOJSON) }",
    "AOI.gpxLink": "... on AOI { gpxLink }",
    "Dataset.labelsLink": "... on Dataset { labelsLink(format: GEOJSON) }",
    "Prediction.download": "... on Prediction { download(format: GEOJSON) }",
    "Artifact.link": "... on Prediction { artifacts { nodes { link } } }",
    "PostMedia.url": "... on Post { media { url } }",
    "Report.evidenceUrl": "... on Report { evidenceUrl }",
    "DataExport.link": "... on DataExport { link }",
    "BulkQuery.link": "... on BulkQuery { link }",
    "BulkQuery.csvLink": "... on BulkQuery { csvLink }",
    "Resource.originalLink": "... on Resource { originalLink }",
    "Resource.pictureLink": "... on Resource { pictureLink }",
    "Resource.annotatedLink": "... on Resource { annotatedLink }",
    "WildlifeExport.downloadLink": "... on WildlifeExport { downloadLink }",
    "NNModel.bundleLink": "... on NNModel { bundleLink }",
    "NNModel.reportLink": "... on NNModel { reportLink }",
    "Graph.image": "... on Graph { image }",
    "Work.resultLink": "... on Work { resultLink }",
    "ConsultingFile.link": "... on ConsultingFile { link }",
    "ActivityChart.link": "... on Deployment { activityChart { link } }",
}
FIGURES = {"WildlifeStatistics.overviewChart": "overviewChart", "WildlifeStatistics.deploymentMap": "deploymentMap"}
UPLOAD = """mutation { requestAvatarUpload(input: {mediaType: "image/png", bytes: 5}) { ... on UploadLink { url } } }"""
UNSIGNED = {
    "Post.mediaUrl": "It is elsewhere on the web.",
    "OsmAccount.imgUrl": "It is OpenStreetMap's.",
    "OsmAuthorization.url": "It leads to OpenStreetMap.",
    "TopUp.checkoutUrl": "It leads to the payment provider.",
    "Profile.avatarUrl": "It is public; tests/accounts/test_profiles.py shows until when.",
    "Webhook.url": "It leads to its receiver.",
    "TeamInvitationLink.url": "It leads to a page, and is shown to whom the token in it is shown.",
    "AIProviderConnection.apiUrl": "It leads to an AI Manager.",
    "AIProviderConnection.trapperInstanceUrl": "It is where an AI Manager finds this API.",
}
KINDS = {
    "AOI.labelsLink": exports.AREA,
    "AOI.gpxLink": exports.AREA,
    "Dataset.labelsLink": exports.DATASET,
    "Prediction.download": downloads.FEATURES,
    "Artifact.link": artifacts.ARTIFACT,
    "PostMedia.url": pictures.PICTURE,
    "Report.evidenceUrl": pictures.EVIDENCE,
    "DataExport.link": data_exports.DATA_EXPORT,
    "BulkQuery.link": bulk.BULK_QUERY,
    "BulkQuery.csvLink": bulk.BULK_QUERY,
    "UploadLink.url": uploads.UPLOAD,
    "RequestedUpload.url": links.KINDS["media-upload"],
    "Resource.originalLink": links.KINDS["medium"],
    "Resource.pictureLink": links.KINDS["medium-picture"],
    "Resource.annotatedLink": links.KINDS["annotated-picture"],
    "WildlifeExport.downloadLink": links.KINDS["wildlife-export"],
    "NNModel.bundleLink": links.KINDS["machine-bundle"],
    "NNModel.reportLink": links.KINDS["machine-report"],
    "Graph.image": links.KINDS["graph-image"],
    "Work.resultLink": solving.SOLVED,
    "ConsultingFile.link": correspondence.FILE,
    "ActivityChart.link": links.KINDS["activity-chart"],
    "WildlifeStatistics.overviewChart": links.KINDS["project-overview"],
    "WildlifeStatistics.deploymentMap": links.KINDS["deployment-map"],
    "mail": digests.UNSUBSCRIBE,
}


@dataclass
class Here:
    """Who asks, and a row of everything that links lead to."""

    people: dict[str, Person]
    rows: dict[str, Record]
    holders: dict[str, str] = field(default_factory=lambda: {"Report.evidenceUrl": "staff"})

    def holder(self, coordinate: str) -> Person:
        return self.people[self.holders.get(coordinate, "member")]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("links")


@pytest.fixture
async def here(database, made_once, home, monkeypatch):
    monkeypatch.setattr(settings, "home", home)
    return await made_once("links", partial(everything_linked, database))


@pytest.fixture
def owner(here):
    return here.people["owner"]


async def everything_linked(database):
    owner, other = [await person(database, name) for name in ("owner", "other")]
    staff = await person(database, "staff", is_staff=True)
    team = await factories.team(database, owner.id, other.id)
    dataset = await factories.dataset(database, owner.id)
    aoi = await factories.aoi(database, dataset)
    await factories.label(database, aoi)
    training = await factories.training(database, await factories.model(database, dataset))
    prediction = await factories.prediction(database, training, team_id=team.id)
    await factories.feature(database, prediction)
    artifact = await factories.artifact(database, prediction_id=prediction.id, storage_key="predictions/1/a")
    shown = {"media_key": "7", "media_type": "image/webp", "media_width": 9, "media_height": 9}
    post = await factories.post(database, owner.id, **shown)
    accused = {"subject_type": "Post", "subject_key": post.id, "accused_id": owner.id}
    report = await factories.add(
        database, Report(user_id=other.id, reason=ReportReason.SPAM, evidence="Roofs", evidence_key="7", **accused)
    )
    now = datetime.now(UTC)
    lasts = {"finished_at": now, "expires_at": now + timedelta(days=1)}
    export = await factories.add(
        database, DataExport(user_id=other.id, storage_key="exports/1.zip", size_bytes=1, **lasts)
    )
    for key in ("predictions/1/a", "pictures/7/400.webp", "pictures/7/1600.webp", "exports/1.zip"):
        await storage.put(key, b"content")
    rows = [dataset, aoi, training, prediction, artifact, post, report, export, team]
    rows.append(await a_bulk_query(database, other.id, **lasts))
    rows += [*await camera_traps(database, owner, other), *await a_machine(database, owner, team)]
    rows.append(await a_request(database, owner, team))
    return Here({"owner": owner, "member": other, "staff": staff}, {type(row).__name__: row for row in rows})


def found(answer: Any) -> list[str]:
    """Whatever in an answer is an address of ours."""
    if isinstance(answer, dict):
        return [each for value in answer.values() for each in found(value)]
    if isinstance(answer, list):
        return [each for value in answer for each in found(value)]
    return [answer] if isinstance(answer, str) and answer.startswith("/") else []


async def link(ask, here, coordinate, viewer) -> str:
    """As it is given to this viewer."""
    if coordinate == "mail":
        return urlsplit(digests.unsubscribe_url(viewer.id, f"{viewer.user.username}@fieldgraph.test")).path
    if coordinate == "UploadLink.url":
        answer = await ask(UPLOAD, viewer=viewer)
    elif coordinate == "RequestedUpload.url":
        answer = await ask(MEDIA, viewer=viewer, project=ids.encode(here.rows["ResearchProject"]), files=[MEDIUM])
    elif coordinate in FIGURES:
        of = f"wildlifeStatistics(classificationProjectId: $id) {{ {FIGURES[coordinate]} }}"
        project = ids.encode(here.rows["ClassificationProject"])
        answer = await ask(f"query ($id: ID!) {{ {of} }}", viewer=viewer, id=project)
    else:
        fields = FIELDS[coordinate]
        row = here.rows[re.search(r"on (\w+)", fields)[1]]
        answer = await ask(f"query ($id: ID!) {{ node(id: $id) {{ {fields} }} }}", viewer=viewer, id=ids.encode(row))
    [address] = found(dict(answer))
    return address


async def used(api, address) -> Any:
    if address.startswith("/uploads/"):
        for media_type in ("image/png", "application/octet-stream"):
            answer = await api.put(address, content=b"hello", headers={"Content-Type": media_type})
            if answer.status_code != 415:
                break
        return answer
    return await (api.post if address.startswith("/unsubscribe/") else api.get)(address)


ELSEWHERE = {"ai-medium": "tests/wildlife/test_ai_jobs.py", "shared-picture": "tests/wildlife/test_pictures.py"}
"""Kinds of links that no member of a project is given, and where they are tried."""


def test_every_kind_of_link_is_here():
    assert set(KINDS.values()) == {kind for name, kind in links.KINDS.items() if name not in ELSEWHERE}


def test_every_link_of_the_schema_is_here():
    shown = {
        f"{kind.name}.{name}"
        for kind in schema._schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name in kind.fields
        if re.search(r"(url|link|download)$", name, re.IGNORECASE) and not kind.name.startswith("__")
    }
    assert shown - set(UNSIGNED) == set(KINDS) - {"mail", "Graph.image", *FIGURES}


@pytest.mark.parametrize("coordinate", KINDS)
async def test_a_link_works_for_its_holder_and_nothing_that_was_forged_does(api, ask, here, coordinate):
    address = await link(ask, here, coordinate, here.holder(coordinate))
    route, token = address.split("/")[1:]
    assert KINDS[coordinate].route == route
    refused = 404 if coordinate == "mail" else 403
    signed, _, signature = token.rpartition(".")
    for forged in (
        # The first digit: the last one may have bits that do not count.
        f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        f"{signed[:-1]}.{signature}",
        signed,
        "x",
        Seal("links").dumps([]),
        Seal("uploaded").dumps(["upload"]),
    ):
        assert (await used(api, f"/{route}/{forged}")).status_code == refused
    for other in {kind.route for kind in links.KINDS.values()} - {route, "unsubscribe"}:
        assert (await used(api, f"/{other}/{token}")).status_code == 403
    assert (await used(api, address)).status_code == (201 if KINDS[coordinate].route == "uploads" else 200)


def _with(statement):
    async def withdraw(database, here, holder):
        async with database.writing() as session:
            await session.execute(statement(here, holder))

    return withdraw


def _row(here, model, **values):
    return update(model).where(model.id == here.rows[model.__name__].id).values(values)


def _gone(model):
    return _with(lambda here, _: delete(model).where(model.id == here.rows[model.__name__].id))


async def _blocked(database, here, holder):
    await factories.add(database, Block(user_id=here.people["owner"].id, blocked_id=holder.id, username="other"))


suspended = _with(lambda _, holder: update(User).where(User.id == holder.id).values(is_active=False))
author_suspended = _with(lambda here, _: update(User).where(User.id == here.people["owner"].id).values(is_active=False))
signed_out = _with(lambda _, holder: delete(Session).where(Session.user_id == holder.id))
no_longer_staff = _with(lambda _, holder: update(User).where(User.id == holder.id).values(is_staff=False))
left_team = _with(lambda _, holder: delete(TeamMembership).where(TeamMembership.user_id == holder.id))
moved = _with(lambda _, holder: update(User).where(User.id == holder.id).values(email="new@fieldgraph.test"))
query_expired = _with(lambda here, _: _row(here, BulkQuery, expires_at=datetime.now(UTC) - timedelta(seconds=1)))
expired = _with(lambda here, _: _row(here, DataExport, expires_at=datetime.now(UTC) - timedelta(seconds=1)))
decided = _with(lambda here, _: _row(here, Report, state=ReportState.DISMISSED))
picture_changed = _with(lambda here, _: _row(here, Post, media_key="8"))
picture_removed = _with(lambda here, _: _row(here, Post, media_key=None))
moved_team = _with(lambda here, _: _row(here, Prediction, team_id=None))
left_project = _with(lambda _, holder: delete(ResearchProjectMember).where(ResearchProjectMember.user_id == holder.id))
machine_deleted = _with(lambda here, _: _row(here, Machine, deleted_at=datetime.now(UTC)))
export_pruned = _with(lambda here, _: _row(here, WildlifeExport, storage_key=None))

ACCOUNT = {"suspended": suspended, "signed out": signed_out}
WITHDRAWN = {
    "AOI.labelsLink": {**ACCOUNT, "deleted": _gone(AOI)},
    "AOI.gpxLink": {**ACCOUNT, "deleted": _gone(AOI)},
    "Dataset.labelsLink": ACCOUNT,
    "Prediction.download": {**ACCOUNT, "left the team": left_team, "shared no more": moved_team},
    "Artifact.link": {**ACCOUNT, "left the team": left_team, "deleted": _gone(Prediction)},
    "PostMedia.url": {
        **ACCOUNT,
        "blocked": _blocked,
        "its author suspended": author_suspended,
        "another picture": picture_changed,
        "no picture": picture_removed,
        "deleted": _gone(Post),
    },
    "Report.evidenceUrl": {**ACCOUNT, "decided": decided, "no longer staff": no_longer_staff},
    "DataExport.link": {**ACCOUNT, "expired": expired, "deleted": _gone(DataExport)},
    "BulkQuery.link": {**ACCOUNT, "expired": query_expired, "deleted": _gone(BulkQuery)},
    "BulkQuery.csvLink": {**ACCOUNT, "expired": query_expired, "deleted": _gone(BulkQuery)},
    "UploadLink.url": ACCOUNT,
    "RequestedUpload.url": ACCOUNT,
    "Resource.originalLink": {**ACCOUNT, "left the project": left_project, "deleted": _gone(Resource)},
    "Resource.pictureLink": {**ACCOUNT, "left the project": left_project, "deleted": _gone(Resource)},
    "Resource.annotatedLink": {**ACCOUNT, "left the project": left_project, "deleted": _gone(Resource)},
    "WildlifeExport.downloadLink": {
        **ACCOUNT,
        "left the project": left_project,
        "its file deleted": export_pruned,
        "deleted": _gone(WildlifeExport),
    },
    "NNModel.bundleLink": {**ACCOUNT, "left the team": left_team, "deleted": _gone(NNModel)},
    "NNModel.reportLink": {**ACCOUNT, "left the team": left_team, "machine deleted": machine_deleted},
    "Graph.image": {**ACCOUNT, "left the team": left_team, "machine deleted": machine_deleted},
    "Work.resultLink": {**ACCOUNT, "left the team": left_team, "machine deleted": machine_deleted},
    "ConsultingFile.link": {**ACCOUNT, "left the team": left_team, "deleted": _gone(ConsultingFile)},
    "ActivityChart.link": {**ACCOUNT, "left the project": left_project},
    "WildlifeStatistics.overviewChart": {**ACCOUNT, "left the project": left_project},
    "WildlifeStatistics.deploymentMap": {**ACCOUNT, "left the project": left_project},
    "mail": {"suspended": suspended, "another address": moved},
}
CASES = [(coordinate, how) for coordinate, ways in WITHDRAWN.items() for how in ways]


def test_every_link_has_rights_to_withdraw():
    assert set(WITHDRAWN) == set(KINDS)


@pytest.mark.parametrize(("coordinate", "how"), CASES)
async def test_a_link_is_worth_nothing_once_the_right_is_withdrawn(api, ask, database, here, coordinate, how):
    holder = here.holder(coordinate)
    address = await link(ask, here, coordinate, holder)
    await WITHDRAWN[coordinate][how](database, here, holder)
    answer = await used(api, address)
    assert answer.status_code == 410
    if coordinate != "mail":
        [error] = answer.json()["errors"]
        assert (error["message"], error["extensions"]["code"]) == (links.GONE, "FORBIDDEN")


@pytest.mark.parametrize("coordinate", sorted(set(KINDS) - {"mail", "Report.evidenceUrl"}))
async def test_a_link_given_to_a_key_ends_with_the_key(api, ask, database, here, coordinate):
    key = await key_of(database, here.people["member"], *Scope)
    address = await link(ask, here, coordinate, key)
    async with database.writing() as session:
        await session.execute(delete(ApiKey))
    assert (await used(api, address)).status_code == 410


@pytest.mark.parametrize("coordinate", sorted(set(KINDS) - {"mail"}))
async def test_a_link_ends_after_a_while(api, ask, here, coordinate, monkeypatch):
    monkeypatch.setattr(settings, "file_link_s", -1)
    answer = await used(api, await link(ask, here, coordinate, here.holder(coordinate)))
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (410, "This link has expired.")


async def test_a_link_of_a_kind_that_is_not_known_here_is_gone(api, ask, here, monkeypatch):
    """As after a newer version was taken back."""
    address = await link(ask, here, "Artifact.link", here.holder("Artifact.link"))
    monkeypatch.delitem(links.KINDS, KINDS["Artifact.link"].name)
    answer = await used(api, address)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (410, links.GONE)


PUBLIC = ("AOI.labelsLink", "AOI.gpxLink", "Dataset.labelsLink", "PostMedia.url")


@pytest.mark.parametrize("coordinate", PUBLIC)
async def test_what_strangers_see_strangers_download(api, ask, here, coordinate):
    assert (await used(api, await link(ask, here, coordinate, None))).status_code == 200


async def test_a_deleted_dataset_or_training_takes_its_links_along(api, ask, database, owner, here):
    dataset = await factories.dataset(database, owner.id)
    training = await factories.training(database, await factories.model(database, here.rows["Dataset"]))
    artifact = await factories.artifact(database, training_id=training.id, storage_key="predictions/1/a")
    addresses = [
        urlsplit(links.signed(kind, Viewer(), row.id, *facts)).path
        for kind, row, facts in ((exports.DATASET, dataset, ["GEOJSON"]), (artifacts.ARTIFACT, artifact, []))
    ]
    assert (await used(api, addresses[1])).status_code == 200
    async with database.writing() as session:
        await session.execute(delete(Dataset).where(Dataset.id == dataset.id))
        await session.execute(delete(Training).where(Training.id == training.id))
    assert [(await used(api, address)).status_code for address in addresses] == [410, 410]


@pytest.mark.parametrize("url", ["https://example.org/api/", "https://example.org/api"])
def test_links_begin_with_the_public_address(monkeypatch, url):
    monkeypatch.setattr(settings, "public_url", url)
    assert links.signed(exports.AREA, Viewer(), 1).startswith("https://example.org/api/exports/")
