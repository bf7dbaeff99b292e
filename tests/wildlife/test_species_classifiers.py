"""A project trains a classifier on what it approved: refused in words, judged on what it never saw, used by choice."""

import asyncio
import io
import os
import signal
from decimal import Decimal

import pytest
from PIL import Image
from sqlalchemy import func, select, update

from app.gateways import storage
from app.models.billing.ledger import Currency
from app.models.billing.reservations import Reservation
from app.models.system import Job, JobState
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectRole
from app.models.wildlife.classifications import Classification
from app.models.wildlife.media import Resource
from app.models.wildlife.providers import LocalAIProvider, LocalEngine
from app.models.wildlife.species_classifiers import SpeciesClassifierTraining
from app.policies import Viewer
from app.services.wildlife.classifications.approvals import approving
from app.settings import settings
from app.weights import EFFICIENTNET_LITE0
from jobs import wildlife as _jobs  # noqa: F401 -- registers its jobs
from jobs.broker import WORKS
from jobs.run import attempt
from resolvers import ids
from tests.billing.books import give
from tests.learning.animals import PATCH_BOX, patch
from tests.wildlife import classifying, factories
from tests.wildlife.classifying import by_person, final, season, seen

FIELDS = """status failure crops cropCounts seed goldStandardOnly splitBy trainingCrops testCrops accuracy
    baselineAccuracy balancedAccuracy expectedCalibrationError figures job { state }
    provider { __typename id name version engine available cropImage providerType categories licence }"""
TRAINING = f"query ($id: ID!) {{ speciesClassifierTraining(id: $id) {{ {FIELDS} }} }}"


def png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


async def approve(database, at, number, owner_id, species, **fields):
    """Has the owner say which species a medium shows, and approve it."""
    row = await by_person(database, at, number, owner_id, seen(species, bboxes=list(PATCH_BOX), **fields))
    async with database.writing() as session:
        await approving.approve_classification(session, Viewer(owner_id), row.id, expected_version=None)


async def teach(database, owner, *, places, shots):
    """Two species at some places, as many approved pictures of each at each place, in the storage."""
    at = await season(database, owner.id, media=2 * places * shots)
    for place in range(places):
        location = await factories.location(database, at.research, f"place {place}")
        deployment = await factories.deployment(database, location, f"d{place}")
        for kind in range(2):
            for shot in range(shots):
                number = (place * 2 + kind) * shots + shot
                resource = at.resources[number]
                await storage.put(f"media/{resource.id}", png(patch(kind, place, shot)))
                async with database.writing() as session:
                    values = {"deployment_id": deployment.id, "storage_key": f"media/{resource.id}"}
                    await session.execute(update(Resource).where(Resource.id == resource.id).values(**values))
                await approve(database, at, number, owner.id, (at.fox, at.deer)[kind])
    return at


@pytest.fixture
async def taught(database, owner, monkeypatch):
    """As few as a test of refusals needs: six crops of each species, where six are enough."""
    monkeypatch.setattr(settings, "species_crops_per_class_min", 6)
    return await teach(database, owner, places=3, shots=2)


@pytest.fixture
def work(database):
    """Works on the newest job once, and answers with the job as it is then."""

    async def work():
        newest = select(Job).order_by(Job.id.desc()).limit(1)
        async with database.reading() as session:
            job = (await session.scalars(newest)).one()
        await attempt(database, WORKS[job.kind], job.id, asyncio.Event())
        async with database.reading() as session:
            return (await session.scalars(newest)).one()

    return work


def project_id(at):
    return ids.encode(at.project)


async def test_a_classifier_is_trained_and_judged_on_places_that_it_never_saw(
    change, ask, work, owner, other, database, monkeypatch
):
    monkeypatch.setattr(settings, "species_crops_per_class_min", 16)
    taught = await teach(database, owner, places=4, shots=4)
    begun = await change(
        "trainSpeciesClassifier",
        FIELDS,
        viewer=owner,
        classificationProjectId=project_id(taught),
        name="Forest",
        seed=3,
    )
    names = {taught.fox.scientific_name: 16, taught.deer.scientific_name: 16}
    assert (begun["status"], begun["crops"], begun["cropCounts"]) == (
        "SUBMITTED",
        32,
        {"learned": names, "leftOut": {}},
    )
    async with database.reading() as session:
        before = await session.scalar(select(func.count()).select_from(Classification))

    job = await work()
    assert (job.state, job.error) == (JobState.DONE, None)
    found = (await ask(TRAINING, viewer=owner, id=begun["id"]))["speciesClassifierTraining"]
    assert (found["status"], found["failure"], found["splitBy"]) == ("FINISHED", None, "LOCATION")
    assert found["trainingCrops"] + found["testCrops"] == 32
    assert found["accuracy"] > found["baselineAccuracy"]
    assert [len(row) for row in found["figures"]["confusion_matrix"]] == [2, 2]
    assert {each["name"]: each["test_crops"] + each["training_crops"] for each in found["figures"]["classes"]} == names
    assert found["expectedCalibrationError"] is not None
    provider = found["provider"]
    assert (provider["name"], provider["version"], provider["engine"]) == ("Forest", "1", "SPECIES_HEAD")
    assert (provider["__typename"], provider["providerType"]) == ("LocalAIProvider", "CLASSIFICATION")
    assert provider["available"]
    assert provider["cropImage"]

    # It approves nothing, and nothing uses it before somebody chooses it.
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Classification)) == before
        project = await session.get_one(ClassificationProject, taught.project.id)
        assert project.species_provider_id is None
        kept = (await session.scalars(select(LocalAIProvider).where(LocalAIProvider.name == "Forest"))).one()
    assert storage.local_path(kept.weights_key).is_file()

    # What a project trained is seen by its people alone.
    listed = "query ($id: ID!) { aiProvider(id: $id) { id } speciesClassifierTrainings { nodes { id } } }"
    stranger = await ask(listed, viewer=other, id=provider["id"])
    assert stranger["aiProvider"] is None
    assert stranger["speciesClassifierTrainings"]["nodes"] == []


async def test_the_next_training_is_the_next_version(change, taught, owner, database):
    taught_by = {"research_project_id": taught.research.id, "engine": LocalEngine.SPECIES_HEAD}
    await factories.ai_provider(
        database,
        kind=LocalAIProvider,
        name="Forest",
        version="1",
        provider_type=taught.provider.provider_type,
        **taught_by,
    )
    from app.services.wildlife.species_classifiers import training  # noqa: PLC0415

    async with database.reading() as session:
        assert await training._version(session, taught.research.id, "Forest") == 2
        assert await training._version(session, taught.research.id, "Other") == 1


# Refusals


async def test_a_species_with_too_few_crops_is_refused_or_left_out(
    change, refuse, taught, owner, database, monkeypatch
):
    extra = await factories.species(database, "Meles meles")
    given = {"viewer": owner, "classificationProjectId": project_id(taught)}
    refused = await refuse("trainSpeciesClassifier", **given, speciesIds=[ids.encode(taught.fox), ids.encode(extra)])
    assert refused["code"] == "CONFLICT"
    assert refused["message"] == (
        "Each species needs 6 approved crops: Meles meles has 0. Approve more media with boxes, or leave it out."
    )
    monkeypatch.setattr(settings, "species_crops_per_class_min", 7)
    refused = await refuse("trainSpeciesClassifier", **given)
    assert refused["message"].startswith(
        "A classifier needs at least 2 species with 7 approved crops each. Crops so far: "
    )
    assert f"{taught.fox.scientific_name} 6" in refused["message"]


async def test_a_training_is_estimated_at_what_is_held_for_it(ask, change, taught, owner, other, database, monkeypatch):
    monkeypatch.setattr(settings, "species_training_price_tokens", Decimal("0.5"))
    await give(database, owner.id, 100, Currency.EAML)
    asked = """query ($id: ID!, $species: [ID!]) { estimateSpeciesClassifierTraining(
        classificationProjectId: $id, speciesIds: $species) { price available currency isAffordable } }"""
    estimate = (await ask(asked, viewer=owner, id=project_id(taught)))["estimateSpeciesClassifierTraining"]
    shown = {"price": "6.00000000", "available": "100.00000000", "currency": "EAML", "isAffordable": True}
    assert estimate == shown
    assert (await ask(asked, viewer=other, id=project_id(taught))).codes == ["NOT_FOUND"]
    alone = [ids.encode(taught.fox)]
    assert (await ask(asked, viewer=owner, id=project_id(taught), species=alone)).codes == ["CONFLICT"]
    await change("trainSpeciesClassifier", viewer=owner, classificationProjectId=project_id(taught))
    async with database.reading() as session:
        assert (await session.scalars(select(Reservation.amount))).one() == 6


async def test_one_species_alone_is_refused(refuse, taught, owner):
    given = {"classificationProjectId": project_id(taught), "speciesIds": [ids.encode(taught.fox)]}
    refused = await refuse("trainSpeciesClassifier", viewer=owner, **given)
    assert "at least 2 species" in refused["message"]


async def test_what_is_not_approved_not_gold_or_without_a_box_is_no_crop(refuse, database, owner):
    at = await season(database, owner.id, media=3)
    await by_person(database, at, 0, owner.id, seen(at.fox))
    await approve(database, at, 1, owner.id, at.fox)
    async with database.writing() as session:
        row = await by_person(database, at, 2, owner.id, seen(at.deer, bboxes=None))
        await approving.approve_classification(session, Viewer(owner.id), row.id, expected_version=None)
    given = {"viewer": owner, "classificationProjectId": project_id(at)}
    refused = await refuse("trainSpeciesClassifier", **given)
    assert f"Crops so far: {at.fox.scientific_name} 1. Approve" in refused["message"]
    refused = await refuse("trainSpeciesClassifier", **given, goldStandardOnly=True)
    assert "Crops so far: none." in refused["message"]


async def test_only_admins_train_and_strangers_see_no_project(refuse, taught, other, staff, database):
    given = {"classificationProjectId": project_id(taught)}
    assert (await refuse("trainSpeciesClassifier", viewer=other, **given))["code"] == "NOT_FOUND"
    await classifying.joined(database, taught, other.id, ClassificationProjectRole.ANNOTATOR)
    refused = await refuse("trainSpeciesClassifier", viewer=other, **given)
    assert (refused["code"], refused["message"]) == (
        "FORBIDDEN",
        "Only admins of the classification project may do this.",
    )
    assert (await refuse("trainSpeciesClassifier", **given))["code"] == "UNAUTHENTICATED"


async def test_a_machine_without_weights_says_so(refuse, taught, owner, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "weights_folder", tmp_path)
    refused = await refuse("trainSpeciesClassifier", viewer=owner, classificationProjectId=project_id(taught))
    assert refused["code"] == "UNAVAILABLE"
    assert refused["message"] == EFFICIENTNET_LITE0.reason


@pytest.mark.parametrize("seed", [-1, 2**31 - 1])
async def test_the_seed_has_bounds(refuse, change, taught, owner, seed):
    given = {"classificationProjectId": project_id(taught), "seed": seed}
    if seed > 0:
        assert (await change("trainSpeciesClassifier", "seed", viewer=owner, **given))["seed"] == seed
    else:
        assert (await refuse("trainSpeciesClassifier", viewer=owner, **given))["code"] == "INVALID_INPUT"


async def test_one_training_at_a_time(change, refuse, taught, owner):
    given = {"viewer": owner, "classificationProjectId": project_id(taught)}
    begun = await change("trainSpeciesClassifier", **given)
    refused = await refuse("trainSpeciesClassifier", **given)
    assert refused["message"] == "This project is already training a classifier. Wait for it or cancel it."
    assert begun["id"]


# Ends


async def test_a_training_that_is_cancelled_makes_no_provider(change, refuse, ask, taught, owner, database):
    begun = await change("trainSpeciesClassifier", viewer=owner, classificationProjectId=project_id(taught))
    cancelled = await change("cancelSpeciesClassifierTraining", FIELDS, viewer=owner, id=begun["id"])
    assert (cancelled["status"], cancelled["provider"]) == ("FAILED", None)
    assert "cancelled" in cancelled["failure"].lower()
    refused = await refuse("cancelSpeciesClassifierTraining", viewer=owner, id=begun["id"])
    assert refused["message"] == "This training has already ended."


async def test_an_engine_that_is_killed_is_tried_again_and_leaves_nothing(
    change, taught, owner, database, work, monkeypatch
):
    monkeypatch.setattr(settings, "job_attempts_max", 1)
    monkeypatch.setattr(settings, "job_setbacks_max", 0)
    await change("trainSpeciesClassifier", viewer=owner, classificationProjectId=project_id(taught))
    begin = asyncio.create_subprocess_exec

    async def killed(*command, **how):
        process = await begin(*command, **how)
        os.kill(process.pid, signal.SIGKILL)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", killed)
    job = await work()
    assert job.state in {JobState.FAILED, JobState.QUEUED}
    async with database.reading() as session:
        training = (await session.scalars(select(SpeciesClassifierTraining))).one()
        assert training.provider_id is None
        assert not (await session.scalars(select(LocalAIProvider).where(LocalAIProvider.user_id == owner.id))).all()


async def test_media_that_are_gone_are_counted_and_enough_must_be_left(change, taught, owner, database, work):
    await change("trainSpeciesClassifier", viewer=owner, classificationProjectId=project_id(taught))
    await storage.delete(f"media/{taught.resources[0].id}")
    job = await work()
    assert job.state is JobState.FAILED
    assert job.error == (
        f"After unreadable media were left out, {taught.fox.scientific_name} had fewer than 6 crops. "
        "Approve more rows, or leave these species out."
    )


# What to look at


async def ranks(database, at):
    return [(await final(database, at, number)).informativeness for number in range(len(at.resources))]


async def test_media_are_ranked_by_what_a_look_at_them_would_settle(database, owner):
    at = await season(database, owner.id, media=5)
    # Not seen by AI, sure, unsure, and contradicted by a person.
    await classifying.by_ai(database, at, 1, seen(at.fox, classification_confidence=0.97))
    await classifying.by_ai(database, at, 2, seen(at.fox, classification_confidence=0.55))
    await classifying.by_ai(database, at, 3, seen(at.fox, classification_confidence=0.9))
    await by_person(database, at, 3, owner.id, seen(at.deer))
    await classifying.by_ai(database, at, 4, seen(at.fox, classification_confidence=0.4))
    await approve(database, at, 4, owner.id, at.fox)
    found = await ranks(database, at)
    # Each is alone in its sequence, and gets the 0.09 of a first medium once somebody has said something of it.
    assert found == pytest.approx([0.3, 0.09, 0.59, 2.19, 0], abs=0.011)


async def test_of_media_alike_the_first_of_an_event_comes_first(database, owner):
    at = await season(database, owner.id, media=3)
    sequence = await factories.sequence(database, at.deployment)
    async with database.writing() as session:
        keys = [resource.id for resource in at.resources]
        await session.execute(update(Resource).where(Resource.id.in_(keys)).values(sequence_id=sequence.id))
    for number in range(3):
        await classifying.by_ai(database, at, number, seen(at.fox, classification_confidence=0.5))
    found = await ranks(database, at)
    assert found == sorted(found, reverse=True)
    assert found == pytest.approx([0.59, 0.545, 0.53], abs=1e-6)


async def test_an_answer_that_is_replaced_ranks_anew(database, owner):
    at = await season(database, owner.id, media=1)
    await classifying.by_ai(database, at, 0, seen(at.fox, classification_confidence=0.5))
    before = (await ranks(database, at))[0]
    await classifying.by_ai(database, at, 0, seen(at.fox, classification_confidence=0.9))
    assert (await ranks(database, at))[0] == pytest.approx(before - 0.4)


AUDIT = """query ($id: ID!, $provider: ID, $least: Float! = 0.9) {
    labelAudit(classificationProjectId: $id, providerId: $provider, confidenceMin: $least) { nodes { id } } }"""


async def test_labels_that_ai_confidently_contradicts_are_listed(ask, database, owner, other):
    at = await season(database, owner.id, media=4)
    # Contradicted surely, contradicted hardly, agreed with, and not approved.
    for number, (ai, sure) in enumerate(((at.deer, 0.97), (at.deer, 0.6), (at.fox, 0.99), (at.deer, 0.99))):
        await classifying.by_ai(database, at, number, seen(ai, classification_confidence=sure))
        if number < 3:
            await approve(database, at, number, owner.id, at.fox)

    async def listed(viewer=owner, **given):
        found = (await ask(AUDIT, viewer=viewer, id=project_id(at), **given))["labelAudit"]
        return [each["id"] for each in found["nodes"]]

    finals = [ids.encode(await final(database, at, number)) for number in range(4)]
    assert await listed() == [finals[0]]
    assert await listed(least=0.5) == [finals[1], finals[0]]
    assert await listed(provider=ids.encode(at.provider)) == [finals[0]]
    elsewhere = await classifying.ai_provider(database, owner.id, "Other eyes")
    assert await listed(provider=ids.encode(elsewhere)) == []
    assert await listed(viewer=other) == []
    refused = await ask(AUDIT, viewer=owner, id=project_id(at), least=1.5)
    assert refused.codes
