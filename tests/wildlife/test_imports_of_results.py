"""Results of models as files: matched with media of a project, all or nothing, and twice the same is nothing."""

import gzip
import json

import pytest
from sqlalchemy import select, text

from app.models.system import JobState
from app.models.wildlife.classifications import Classification
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.policies import Viewer
from app.services.wildlife.classifications.approvals import approving
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.fixtures import Person
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import joined, season
from tests.wildlife.exchanging import Desk, work

BOX = [0.1, 0.2, 0.3, 0.4]


def results(*images, **more):
    return json.dumps(
        {
            "info": {"format_version": "1.6", "detector": "MDV5A"},
            "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
            "images": list(images),
            **more,
        }
    ).encode()


def found(file, *confidences, category="1", **more):
    return {"file": file, "detections": [{"category": category, "conf": c, "bbox": BOX} for c in confidences], **more}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
async def at(database, owner):
    return await season(database, owner.id, media=4)


@pytest.fixture
def desk(api, change, ask, database, owner):
    return Desk(api, change, ask, database, owner)


@pytest.fixture
def bring(desk, at):
    async def bring(content, mutation="importMegaDetector", **arguments):
        return await desk.bring(mutation, content, classificationProjectId=ids.encode(at.project), **arguments)

    return bring


@pytest.fixture
def rows(database):
    """What the AI rows say, by file: type, confidence, box, frame and label of each observation."""

    async def rows():
        said = text(
            "SELECT resource.name, provider.name, row.is_blank, attrs.observation_type, "
            "attrs.classification_confidence, attrs.bboxes, attrs.first_frame_index, attrs.raw_label "
            "FROM classifications AS row JOIN resources AS resource ON resource.id = row.resource_id "
            "JOIN ai_providers AS provider ON provider.id = row.model_id "
            "LEFT JOIN classification_attrs AS attrs ON attrs.classification_id = row.id "
            "WHERE row.classification_type = 'AI' ORDER BY resource.name, attrs.id"
        )
        async with database.reading() as session:
            return [tuple(row) for row in await session.execute(said)]

    return rows


async def test_results_are_written_for_the_media_they_are_about(bring, rows):
    told = await bring(
        results(
            found("IMG_0.JPG", 0.9, 0.1, 0.5),
            found("IMG_1.JPG"),
            {"file": "IMG_2.JPG", "failure": "Failure image access"},
            found("IMG_9.JPG", 0.9),
        )
    )
    assert (told["status"], told["format"], told["formatVersion"]) == ("FINISHED", "MEGADETECTOR", "1.6")
    assert (told["matched"], told["unmatched"], told["errorCount"]) == (3, 1, 0)
    assert told["counts"] == {
        "deployments": 0,
        "media": 0,
        "observations": 2,
        "species": 0,
        "classifications": 2,
        "approved": 0,
    }
    [problem] = told["problems"]
    assert problem == {
        "file": "results.json",
        "line": 4,
        "field": "file",
        "message": "The classification project has no medium with this path or name.",
        "severity": "WARNING",
    }
    assert await rows() == [
        ("IMG_0.JPG", "MDV5A", False, "ANIMAL", 0.9, BOX, 0, "animal"),
        ("IMG_0.JPG", "MDV5A", False, "ANIMAL", 0.5, BOX, 0, "animal"),
        ("IMG_1.JPG", "MDV5A", True, None, None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("file", "more"),
    [
        ("IMG_1.JPG", {}),
        ("/somewhere/else/IMG_1.JPG", {}),
        ("C:\\cards\\r1-loc1\\IMG_1.JPG", {}),
        ("base/IMG_1.JPG", {"basePath": "base"}),
        ("base/IMG_1.JPG", {"basePath": "base/"}),
        ("r1-loc1/IMG_1.JPG", {}),
        ("r1/IMG_1.JPG", {}),
    ],
)
async def test_media_are_found_by_their_path_or_by_a_unique_name(bring, rows, file, more):
    told = await bring(results(found(file, 0.9)), **more)
    assert (told["matched"], told["unmatched"]) == (1, 0)
    assert [row[0] for row in await rows()] == ["IMG_1.JPG"]


async def test_a_name_that_several_deployments_have_needs_the_deployment(bring, rows, at, database):
    place = await wildlife.location(database, at.research, "loc2")
    other = await wildlife.deployment(database, place, "r2")
    twin = await wildlife.resource(
        database, at.research, "IMG_1.JPG", deployment_id=other.id, file_path="DCIM/IMG_1.JPG"
    )
    await wildlife.put_into(database, at.collection, twin)
    told = await bring(results(found("x/IMG_1.JPG", 0.9)))
    assert (told["matched"], told["unmatched"]) == (0, 1)
    assert told["problems"][0]["message"].startswith("Several media have this name.")
    told = await bring(results(found("x/r2-loc2/y/IMG_1.JPG", 0.8)))
    assert (told["matched"], told["unmatched"]) == (1, 0)
    told = await bring(results(found("z/IMG_1.JPG", 0.7)), deploymentId=ids.encode(at.deployment))
    assert (told["matched"], told["unmatched"]) == (1, 0)
    assert [row[4] for row in await rows()] == [0.8, 0.7] or [row[4] for row in await rows()] == [0.7, 0.8]


async def test_two_files_that_are_one_medium_count_once(bring, rows):
    told = await bring(results(found("IMG_1.JPG", 0.9), found("x/IMG_1.JPG", 0.8)))
    assert (told["matched"], told["unmatched"]) == (1, 1)
    assert told["problems"][0]["line"] == 2
    assert [row[4] for row in await rows()] == [0.9]


async def test_the_threshold_is_the_projects_unless_another_is_given(bring, rows):
    told = await bring(results(found("IMG_1.JPG", 0.19, 0.2)))
    assert told["counts"]["observations"] == 1
    told = await bring(results(found("IMG_1.JPG", 0.19, 0.2), found("IMG_2.JPG")), minimumConfidence=0)
    assert told["counts"]["observations"] == 2
    assert [row[4] for row in await rows()] == [0.19, 0.2, None]


async def test_the_same_file_again_changes_nothing_and_says_so(bring, database):
    content = results(found("IMG_1.JPG", 0.9))
    first = await bring(content)
    async with database.reading() as session:
        before = list(await session.scalars(select(ClassificationDynamicAttrs.id)))
    again = await bring(content)
    assert again["status"] == "UNCHANGED"
    assert again["problems"][0]["message"].startswith("The same files were imported before")
    assert (again["counts"], again["matched"]) == (first["counts"], first["matched"])
    async with database.reading() as session:
        assert list(await session.scalars(select(ClassificationDynamicAttrs.id))) == before
    other = await bring(content, minimumConfidence=0.1)
    assert other["status"] == "FINISHED"


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(bring, rows, database):
    content = results(found("IMG_1.JPG", 0.9), found("IMG_9.JPG", 0.9))
    told = await bring(content, dryRun=True)
    assert (told["status"], told["dryRun"], told["formatVersion"]) == ("FINISHED", True, "1.6")
    assert (told["matched"], told["unmatched"], told["counts"]["observations"]) == (1, 1, 1)
    assert await rows() == []
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM ai_providers WHERE name = 'MDV5A'")) == 0
    assert (await bring(content))["status"] == "FINISHED"
    assert len(await rows()) == 1


async def test_one_wrong_file_stops_the_import_unless_good_ones_are_kept(bring, rows):
    content = results(found("IMG_1.JPG", 0.9), found("IMG_2.JPG", 1.5))
    told = await bring(content)
    assert (told["status"], told["errorCount"]) == ("FAILED", 1)
    assert told["failure"] == "There is 1 error, so nothing was imported. See problems, or set keepGood."
    assert told["problems"][0] == {
        "file": "results.json",
        "line": 2,
        "field": "detections.0",
        "message": "A confidence is a number from 0 to 1.",
        "severity": "ERROR",
    }
    assert await rows() == []
    told = await bring(content, keepGood=True)
    assert (told["status"], told["errorCount"], told["counts"]["classifications"]) == ("FINISHED", 1, 1)
    assert [row[0] for row in await rows()] == ["IMG_1.JPG"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (results().replace(b'"1.6"', b'"3.0"'), "Files of animl say 3.0"),
        (results().replace(b'"format_version": "1.6", ', b""), "names no info.format_version"),
        (results(found("IMG_1.JPG", float("nan"))), "This is not JSON"),
        (b"{", "This is not JSON"),
        (b"PK\x03\x04", "This is not JSON"),
        (gzip.compress(results(found("IMG_1.JPG", 0.9)), mtime=0)[:60], "broken or cut off"),
    ],
)
async def test_a_file_that_cannot_be_read_says_why(bring, rows, content, said):
    told = await bring(content)
    assert told["status"] == "FAILED"
    assert said in told["failure"]
    assert said in told["problems"][0]["message"]
    assert await rows() == []


async def test_a_packed_file_is_read(bring, rows):
    told = await bring({"results.json.gz": gzip.compress(results(found("IMG_1.JPG", 0.9)), mtime=0)})
    assert (told["status"], told["matched"]) == ("FINISHED", 1)


async def test_all_frames_of_a_video_are_kept(bring, rows):
    frames = [{"category": "1", "conf": 0.9, "bbox": BOX, "frame_number": frame} for frame in ("10", 20, 30)]
    await bring(results({"file": "IMG_1.JPG", "frame_rate": 10, "frames_processed": [0, 10], "detections": frames}))
    assert [row[6] for row in await rows()] == [10, 20, 30]


async def test_an_approved_answer_stays_and_a_newer_one_stands_beside_it(bring, at, database, owner):
    await bring(results(found("IMG_1.JPG", 0.9)), providerId=ids.encode(at.provider))
    async with database.writing() as session:
        row = (await session.scalars(select(Classification).where(Classification.model_id == at.provider.id))).one()
        await approving.approve_classification(session, Viewer(owner.id), row.id, expected_version=1)
    await bring(results(found("IMG_1.JPG", 0.5)), providerId=ids.encode(at.provider))
    said = text(
        "SELECT row.id = final.source_id, row.superseded_at IS NOT NULL, attrs.classification_confidence "
        "FROM classifications AS row JOIN classifications AS final ON final.id = row.final_id "
        "JOIN classification_attrs AS attrs ON attrs.classification_id = row.id ORDER BY row.id"
    )
    async with database.reading() as session:
        assert [tuple(row) for row in await session.execute(said)] == [(True, True, 0.9), (False, False, 0.5)]


async def test_species_come_with_their_names_and_a_synonym_leads_to_the_accepted_one(bring, at, database):
    accepted = await wildlife.species(database, "Lynx lynx")
    await wildlife.species(database, "Felis lynx", accepted_id=accepted.id)
    fox = await wildlife.species(database, "Vulpes vulpes", vernacular_name="Red fox")
    classes = {"0": "felis lynx", "1": "red FOX", "2": "yeti", "3": "blank"}
    media = [
        found(f"IMG_{number}.JPG", 0.9)
        | {"detections": [{**found("", 0.9)["detections"][0], "classifications": [said]}]}
        for number, said in enumerate([["0", 0.9], ["1", 0.9], ["2", 0.9], ["1", 0.4]])
    ]
    told = await bring(results(*media, classification_categories=classes))
    assert told["counts"]["species"] == 2
    said = text(
        "SELECT species_id, raw_label, classification_confidence FROM classification_attrs ORDER BY resource_id"
    )
    async with database.reading() as session:
        assert [tuple(row) for row in await session.execute(said)] == [
            (accepted.id, "felis lynx", 0.9),
            (fox.id, "red FOX", 0.9),
            (None, "yeti", 0.9),
            (None, "red FOX", 0.9),
        ]


FOX = "aaaa;mammalia;carnivora;canidae;vulpes;vulpes;red fox"
PERSON = "bbbb;mammalia;primates;hominidae;homo;sapiens;human"


async def test_both_generations_of_speciesnet(bring, database):
    fox = await wildlife.species(database, "Vulpes vulpes")
    box = {"category": "1", "label": "animal", "conf": 0.9, "bbox": BOX}
    old = {
        "predictions": [
            {"filepath": "IMG_0.JPG", "detections": [box, box], "prediction": FOX, "prediction_score": 0.95},
            {"filepath": "IMG_1.JPG", "detections": [], "prediction": "c;;;;;;blank", "prediction_score": 0.95},
            {"filepath": "IMG_2.JPG", "detections": [], "prediction": FOX, "prediction_score": 0.95},
        ]
    }
    told = await bring(json.dumps(old).encode(), "importSpeciesNet")
    assert (told["status"], told["formatVersion"], told["matched"]) == ("FINISHED", "4", 3)
    said = text(
        "SELECT species_id, observation_type, bboxes IS NULL FROM classification_attrs ORDER BY resource_id, id"
    )
    async with database.reading() as session:
        expected = [(fox.id, "ANIMAL", False), (fox.id, "ANIMAL", False), (fox.id, "ANIMAL", True)]
        assert [tuple(row) for row in await session.execute(said)] == expected
    best = {"processed_classification": {"class": FOX, "score": 0.8, "source": "classifier"}}
    new = {
        "info": {"format_version": "20261015"},
        "predictions": [
            {"filepath": "IMG_3.JPG", "detections": [box | best, {**box, "category": "2", "label": "human"}]}
        ],
    }
    told = await bring(json.dumps(new).encode(), "importSpeciesNet")
    assert (told["status"], told["formatVersion"], told["counts"]["observations"]) == ("FINISHED", "20261015", 2)
    async with database.reading() as session:
        found = [tuple(row) for row in await session.execute(said)]
        assert found[3:] == [(fox.id, "ANIMAL", False), (None, "HUMAN", False)]


async def test_only_admins_of_the_project_import_and_strangers_see_nothing(desk, at, refuse, other, database, ask):
    signed_in = await factories.user(database, "annotator")
    stranger, annotator = other, Person(signed_in.user, signed_in.token)
    await joined(database, at, annotator.id)
    begun = await desk.begin(
        "importMegaDetector", results(found("IMG_1.JPG", 0.9)), classificationProjectId=ids.encode(at.project)
    )
    document = "query ($id: ID!) { wildlifeImport(id: $id) { id } wildlifeImports { totalCount } }"
    for viewer in (stranger, annotator):
        desk.viewer = viewer
        files = await desk.files(results(found("IMG_1.JPG", 0.9)))
        refused = await refuse(
            "importMegaDetector", viewer=viewer, classificationProjectId=ids.encode(at.project), files=files
        )
        assert refused["code"] == ("NOT_FOUND" if viewer is stranger else "FORBIDDEN")
        answer = await ask(document, viewer=viewer, id=begun["id"])
        assert answer["wildlifeImport"] is None
        assert answer["wildlifeImports"]["totalCount"] == 0


async def test_who_lost_the_right_meanwhile_imports_nothing(desk, at, rows, database):
    begun = await desk.begin(
        "importMegaDetector", results(found("IMG_1.JPG", 0.9)), classificationProjectId=ids.encode(at.project)
    )
    async with database.writing() as session:
        await session.execute(text("UPDATE classification_projects SET status = 'FINISHED'"))
    assert (await work(database)).state is JobState.FAILED
    told = await desk.told(begun["id"])
    assert told["status"] == "FAILED"
    assert await rows() == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"files": []}, "files"),
        ({"minimumConfidence": 2}, "minimumConfidence"),
        ({"files": [{"upload": "nonsense"}]}, "upload"),
    ],
)
async def test_a_wrong_argument_is_refused(desk, at, refuse, owner, wrong, field):
    given = {"files": await desk.files(results(found("IMG_1.JPG", 0.9))), **wrong}
    refused = await refuse("importMegaDetector", viewer=owner, classificationProjectId=ids.encode(at.project), **given)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


@pytest.mark.parametrize("path", ["../a.json", "/a.json", "a/../../b.json", "c:\\a.json", ""])
async def test_a_path_stays_in_its_folder(desk, at, refuse, owner, path):
    [file] = await desk.files(results(found("IMG_1.JPG", 0.9)))
    refused = await refuse(
        "importMegaDetector",
        viewer=owner,
        classificationProjectId=ids.encode(at.project),
        files=[{**file, "path": path}],
    )
    assert refused["code"] == "INVALID_INPUT"


async def test_an_upload_is_of_a_known_kind(refuse, owner):
    refused = await refuse("requestImportUpload", viewer=owner, fileName="virus.exe", bytes=5)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "fileName")
