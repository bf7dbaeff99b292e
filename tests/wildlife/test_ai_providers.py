"""Connections keep their secrets; providers are created, synced and changed by their owners."""

import logging

import pytest
from sqlalchemy import select, text

from app.gateways.fakes.ai_manager import DETECTOR, LOGIN, PASSWORD, FakeManager
from app.models.wildlife.providers import AIProviderConnection, TrapperAIProvider
from app.security import encryption
from app.services.wildlife.providers.connections import USE
from app.settings import settings
from resolvers import ids
from tests.servers import serving
from tests.wildlife import ai, factories

GIVEN = {
    "apiUrl": "https://manager.example.org/",
    "apiAuthLogin": "worker",
    "apiAuthPassw": "a secret of theirs",
    "trapperInstanceUrl": "https://fieldgraph.example.org/",
}
DEER = {"aiLabel": "red deer", "value": "Cervus elaphus", "gbifSpeciesKey": 2440958}
NOSE = {"name": "nose"}
SPECIES = {"attributeMappings": [{"attributeType": "species", "labels": [DEER]}]}


@pytest.fixture
def manager():
    return FakeManager(ai.one_animal)


@pytest.fixture
async def connection(database, owner, manager, monkeypatch):
    with serving(manager) as server:
        monkeypatch.setattr(settings, "outside_hosts_allowed", [server.host])
        yield await factories.ai_provider_connection(
            database,
            owner.id,
            api_url=server.url,
            api_auth_login=LOGIN,
            api_auth_passw=encryption.encrypt(USE, PASSWORD),
        )


@pytest.fixture
def sync(change, database, owner, connection):
    async def sync():
        await change("syncAiModels", viewer=owner, id=ids.encode(connection))
        await ai.work(database)
        async with database.reading() as session:
            row = await session.get_one(AIProviderConnection, connection.id)
        return row.last_sync_report, row.last_sync_error

    return sync


async def providers(database):
    async with database.reading() as session:
        return list(await session.scalars(select(TrapperAIProvider).order_by(TrapperAIProvider.id)))


async def test_a_password_is_encrypted_and_never_shown_nor_logged(ask, change, database, owner, caplog):
    caplog.set_level(logging.DEBUG)
    made = await change("createAiProviderConnection", "apiUrl trapperInstanceUrl", viewer=owner, **GIVEN)
    assert (made["apiUrl"], made["trapperInstanceUrl"]) == (
        "https://manager.example.org",
        "https://fieldgraph.example.org",
    )
    async with database.reading() as session:
        kept = await session.scalar(text("SELECT api_auth_passw FROM ai_provider_connections"))
        everything = str((await session.execute(text("SELECT * FROM ai_provider_connections"))).all())
    assert encryption.decrypt(USE, kept) == GIVEN["apiAuthPassw"]
    assert GIVEN["apiAuthPassw"] not in everything + caplog.text
    fields = await ask('{ __type(name: "AIProviderConnection") { fields { name } } }', viewer=owner)
    names = {field["name"].lower() for field in fields["__type"]["fields"]}
    assert not {name for name in names if "pass" in name or "token" in name}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://localhost/", "http://169.254.169.254/", "ftp://a.org", "https://u:p@a.org"]
)
async def test_an_address_inside_is_refused(refuse, owner, url):
    refused = await refuse("createAiProviderConnection", viewer=owner, **{**GIVEN, "apiUrl": url})
    assert (refused["__typename"], refused["field"]) == ("InvalidInput", "apiUrl")


async def test_the_password_is_not_sent_to_another_address(change, refuse, owner):
    made = await change("createAiProviderConnection", viewer=owner, **GIVEN)
    refused = await refuse("updateAiProviderConnection", viewer=owner, id=made["id"], apiUrl="https://evil.example.org")
    assert refused["field"] == "apiAuthPassw"
    changed = await change("updateAiProviderConnection", "isActive", viewer=owner, id=made["id"], isActive=False)
    assert changed["isActive"] is False


async def test_a_connection_is_its_owners(ask, refuse, owner, other, connection):
    id = ids.encode(connection)
    for name in ("updateAiProviderConnection", "deleteAiProviderConnection", "syncAiModels"):
        assert (await refuse(name, viewer=other, id=id))["code"] == "NOT_FOUND"
    seen = await ask("{ aiProviderConnections { nodes { id } } }", viewer=other)
    assert seen["aiProviderConnections"]["nodes"] == []
    mine = await ask("{ aiProviderConnections { nodes { id } } }", viewer=owner)
    assert mine["aiProviderConnections"]["nodes"] == [{"id": id}]


async def test_a_sync_reads_all_pages(database, manager, sync):
    manager.models = [
        DETECTOR | {"id": f"00000000-0000-4000-8000-00000000000{n}", "name": f"Model {n}", "model_file_hash": None}
        for n in range(5)
    ]
    report, error = await sync()
    assert error is None
    assert report["created"] == [f"Model {n}" for n in range(5)]
    assert [provider.name for provider in await providers(database)] == report["created"]


async def test_what_keeps_its_edits_is_only_told_where_its_model_is(change, database, owner, manager, sync):
    await sync()
    [provider] = await providers(database)
    labels = [{"aiLabel": "animal", "value": "unknown"}]
    edited = {"attributeMappings": [{"attributeType": "observation_type", "labels": labels}]}
    await change("updateAiProvider", viewer=owner, id=ids.encode(provider), keepSynced=False, categories=edited)
    manager.models = [manager.models[0] | {"id": "00000000-0000-4000-8000-000000000001", "name": "Renamed"}]
    report, _ = await sync()
    [after] = await providers(database)
    assert (after.id, after.name, after.categories) == (provider.id, "MegaDetector", edited)
    assert str(after.remote_id) == "00000000-0000-4000-8000-000000000001"
    assert report["updated"] == ["MegaDetector"]
    assert after.last_synced > provider.last_synced


async def test_a_model_is_known_by_its_id_first_and_by_its_weights_then(database, manager, sync):
    one, two = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    manager.models = [
        DETECTOR | {"id": one, "name": "A", "model_file_hash": "aa" * 32},
        DETECTOR | {"id": two, "name": "B", "model_file_hash": "bb" * 32},
    ]
    await sync()
    before = {provider.name: provider.id for provider in await providers(database)}
    manager.models = [
        DETECTOR | {"id": two, "name": "A2", "model_file_hash": "aa" * 32},
        DETECTOR | {"id": one, "name": "B2", "model_file_hash": "bb" * 32},
    ]
    await sync()
    after = {provider.name: provider.id for provider in await providers(database)}
    assert (after["A2"], after["B2"]) == (before["B"], before["A"])


async def test_a_sync_finds_species_and_reports_the_labels_of_none(database, manager, sync):
    named = await factories.species(database, "Cervus elaphus", checklist="GBIF", key="2440958")
    by_name = await factories.species(database, "Sus scrofa", checklist="COL", key="abc")
    labels = [
        DEER,
        {"aiLabel": "boar", "value": "sus SCROFA", "gbifSpeciesKey": "1"},
        {"aiLabel": "snark", "value": "Boojum"},
    ]
    manager.models = [
        DETECTOR | {"categories": {"attributeMappings": [{"attributeType": "species", "labels": labels}]}}
    ]
    report, _ = await sync()
    assert report["unresolvedLabels"] == ["snark"]
    [provider] = await providers(database)
    found = [label["speciesId"] for label in provider.categories["attributeMappings"][0]["labels"]]
    assert found == [named.id, by_name.id, None]


@pytest.mark.parametrize(
    "model", [{"id": "none"}, {"provider_type": "oracle"}, {"categories": {"attributeMappings": 1}}, {"name": None}]
)
async def test_a_model_that_breaks_a_rule_is_refused_alone(database, manager, sync, model):
    manager.models = [manager.models[0], DETECTOR | {"id": "00000000-0000-4000-8000-000000000009", **model}]
    report, error = await sync()
    assert error is None
    assert len(await providers(database)) == (2 if model == {"name": None} else 1)
    assert len(report["refused"]) == (0 if model == {"name": None} else 1)


@pytest.mark.parametrize("answers", [[(500, None)] * 9, [(401, None)]])
async def test_of_a_list_that_is_not_whole_nothing_is_written(database, manager, sync, answers):
    await sync()
    manager.models = []
    manager.faults.answers = answers
    report, _ = await sync()
    [provider] = await providers(database)
    assert provider.is_active
    assert report["deactivated"] == []


@pytest.mark.parametrize(
    "categories",
    [
        [],
        {"attributeMappings": {}},
        {"attributeMappings": [{"attributeType": "colour", "labels": []}]},
        {"attributeMappings": [{"attributeType": "sex", "labels": [{"aiLabel": "m", "value": "both"}]}]},
        {"attributeMappings": [{"attributeType": "species", "labels": [DEER | {"speciesId": 1}]}]},
        {"attributeMappings": [{"attributeType": "species", "labels": [{"value": "x"}]}]},
    ],
)
async def test_categories_of_another_shape_are_refused(refuse, owner, categories):
    refused = await refuse(
        "createExternalAiProvider", viewer=owner, name="X", providerType="DETECTION", categories=categories
    )
    assert refused["field"] == "categories"


async def test_an_external_provider_is_its_owners(change, refuse, owner, other):
    made = await change(
        "createExternalAiProvider", "name isActive", viewer=owner, name="SpeciesNet", providerType="CLASSIFICATION"
    )
    assert made["isActive"] is True
    assert (await refuse("updateAiProvider", viewer=other, id=made["id"], name="Mine"))["code"] == "FORBIDDEN"
    changed = await change("updateAiProvider", "aiProvider { name }", viewer=owner, id=made["id"], name="SpeciesNet 5")
    assert changed["aiProvider"]["name"] == "SpeciesNet 5"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"providerType": "DETECTION", "cropImage": True}, "cropImage"),
        ({"providerType": "DETECTION", "keypointTopology": {"keypoints": []}}, "keypointTopology"),
        ({"providerType": "POSE", "keypointTopology": {"keypoints": [NOSE, NOSE]}}, "keypointTopology"),
        ({"providerType": "POSE", "keypointTopology": {"keypoints": [NOSE], "skeleton": [[0, 1]]}}, "keypointTopology"),
        ({"providerType": "POSE", "name": " "}, "name"),
    ],
)
async def test_fields_that_do_not_fit_are_refused(refuse, owner, fields, field):
    refused = await refuse("createExternalAiProvider", viewer=owner, **{"name": "X", **fields})
    assert refused["field"] == field


async def test_one_list_has_every_kind(ask, database, owner, connection):
    await factories.ai_provider(database, connection)
    await factories.ai_provider(database, user_id=owner.id, name="Elsewhere")
    document = """{ aiProviders(orderBy: OLDEST) { nodes {
        __typename name ... on TrapperAIProvider { connection { apiUrl } } } } }"""
    seen = await ask(document, viewer=owner)
    assert seen["aiProviders"]["nodes"] == [
        {"__typename": "TrapperAIProvider", "name": "MegaDetector", "connection": {"apiUrl": connection.api_url}},
        {"__typename": "ExternalAIProvider", "name": "Elsewhere"},
    ]
    assert (await ask(document))["aiProviders"]["nodes"] == []
