"""Ids: what each names, and that a wrong one names nothing and changes nothing."""

from base64 import urlsafe_b64encode

import pytest

from app.geometry.shapes import to_geojson
from app.models.mapping.trainings import TrainingStatus
from resolvers import ids
from tests import factories
from tests.factories import SQUARE


def made_up(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


NOT_IDS = {
    "empty": "",
    "text": "dataset 5",
    "number": "5",
    "unicode": "ïd",
    "without a key": made_up("Dataset"),
    "without a number": made_up("Dataset:five"),
    "zero": made_up("Dataset:0"),
    "negative": made_up("Dataset:-1"),
    "padded": made_up("Dataset:05"),
    "spaced": made_up("Dataset: 5"),
    "a float": made_up("Dataset:5.0"),
    "too large": made_up(f"Dataset:{2**63}"),
    "huge": made_up(f"Dataset:{'9' * 5_000}"),
    "nothing": made_up("Dataset:999999"),
    "another type": made_up("User:1000000"),
    "no type": made_up("Unicorn:1"),
    "a hidden table": made_up("Session:1"),
    "a base class": made_up("Record:1"),
}


@pytest.fixture
async def rows(database, owner):
    """One row of every type, in a dataset of the owner's."""
    dataset = await factories.dataset(database, owner.id)
    aoi = await factories.aoi(database, dataset)
    model = await factories.model(database, dataset)
    job = await factories.job(database, user_id=owner.id)
    training = await factories.training(database, model, status=TrainingStatus.FINISHED, job_id=job.id)
    prediction = await factories.prediction(database, training)
    found = [owner.user, dataset, aoi, await factories.label(database, aoi), model, job, training, prediction]
    found.append(await factories.feature(database, prediction))
    found.append(await factories.artifact(database, prediction_id=prediction.id))
    found.append(await factories.notification(database, owner.id))
    return {type(row).__name__: row for row in found}


async def test_node_finds_every_type_by_its_id(ask, owner, rows):
    for name, row in rows.items():
        answer = await ask("query ($id: ID!) { node(id: $id) { __typename id } }", viewer=owner, id=ids.encode(row))
        assert answer == {"node": {"__typename": name, "id": ids.encode(row)}}


async def test_nodes_come_in_the_order_asked_for_with_gaps_where_there_is_nothing(ask, owner, rows):
    wanted = [ids.encode(rows["Model"]), made_up("Model:999999"), ids.encode(rows["Dataset"]), "nonsense"]
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    answer = await ask(document, viewer=owner, ids=wanted)
    assert answer["nodes"] == [{"id": wanted[0]}, None, {"id": wanted[2]}, None]
    assert answer.codes == ["NOT_FOUND", "NOT_FOUND"]
    assert [error["path"] for error in answer.errors] == [["nodes", 1], ["nodes", 3]]
    assert (await ask(document, ids=wanted[:1] * 101)).codes == ["BAD_REQUEST"]


async def test_nodes_of_one_type_take_one_statement(ask, database, owner, statements):
    wanted = [ids.encode(await factories.dataset(database, owner.id)) for _ in range(5)]
    statements.clear()
    answer = await ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=wanted)
    assert len(answer["nodes"]) == 5
    assert len(statements) == 1


@pytest.mark.parametrize("field", ["node", "dataset"])
async def test_a_wrong_id_is_not_found(ask, owner, field):
    document = f"query ($id: ID!) {{ {field}(id: $id) {{ id }} me {{ username }} }}"
    for why, id in NOT_IDS.items():
        answer = await ask(document, viewer=owner, id=id)
        assert answer == {field: None, "me": {"username": "owner"}}, why
        assert answer.codes == ["NOT_FOUND"], why


@pytest.mark.parametrize("field", ["user", "dataset", "aoi", "label", "model", "training", "prediction"])
async def test_a_field_finds_its_own_type_alone(ask, owner, rows, field):
    document = f"query ($id: ID!) {{ {field}(id: $id) {{ __typename id }} }}"
    for name, row in rows.items():
        answer = await ask(document, viewer=owner, id=ids.encode(row))
        if name.lower() == field:
            assert answer == {field: {"__typename": name, "id": ids.encode(row)}}
        else:
            assert (answer.codes, dict(answer)) == (["NOT_FOUND"], {field: None})


async def test_what_is_hidden_is_not_found(ask, other, rows):
    for name in ("Prediction", "PredictedFeature", "Artifact", "UserNotification"):
        for viewer in (other, None):
            answer = await ask("query ($id: ID!) { node(id: $id) { id } }", viewer=viewer, id=ids.encode(rows[name]))
            assert (answer.codes, dict(answer)) == (["NOT_FOUND"], {"node": None})


KINDS = {"id": "Dataset", "datasetId": "Dataset", "aoiId": "AOI", "modelId": "Model", "trainingId": "Training"}
MUTATIONS = {
    "updateDataset": ("id", {"name": "Mine"}),
    "createAoi": ("datasetId", {"geom": to_geojson(SQUARE)}),
    "uploadLabels": ("aoiId", {"geojson": {"type": "FeatureCollection", "features": []}}),
    "fetchOsmLabels": ("aoiId", {}),
    "createModel": ("datasetId", {"name": "Mine"}),
    "startTraining": ("modelId", {"zoomLevel": [19]}),
    "cancelTraining": ("trainingId", {}),
    "publishTraining": ("trainingId", {}),
    "startPrediction": ("modelId", {"geom": to_geojson(SQUARE), "zoomLevel": 19}),
}


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_change_to_nothing_or_to_another_type_is_not_found_and_changes_nothing(refuse, owner, rows, name):
    argument, others = MUTATIONS[name]
    wrong = [ids.encode(row) for type_name, row in rows.items() if type_name != KINDS[argument]]
    for id in (*wrong, made_up(f"{KINDS[argument]}:999999"), "nonsense"):
        refused = await refuse(name, viewer=owner, **{argument: id}, **others)
        assert refused["code"] == "NOT_FOUND"


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_stranger_is_asked_to_sign_in(refuse, rows, name):
    argument, others = MUTATIONS[name]
    refused = await refuse(name, **{argument: ids.encode(rows[KINDS[argument]])}, **others)
    assert refused["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("name", ["updateDataset", "createAoi", "uploadLabels", "fetchOsmLabels", "startTraining"])
async def test_what_is_anothers_may_be_seen_but_not_changed(refuse, other, rows, name):
    argument, others = MUTATIONS[name]
    refused = await refuse(name, viewer=other, **{argument: ids.encode(rows[KINDS[argument]])}, **others)
    assert refused["code"] == "FORBIDDEN"


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_token_that_does_not_hold_changes_nothing(unchanged, api, rows, name):
    argument, others = MUTATIONS[name]
    document = f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ __typename }} }}"
    body = {"query": document, "variables": {"input": {argument: ids.encode(rows[KINDS[argument]]), **others}}}
    async with unchanged():
        reply = await api.post("/graphql", json=body, headers={"Authorization": "Bearer expired"})
    assert [error["extensions"]["code"] for error in reply.json()["errors"]] == ["UNAUTHENTICATED"]
