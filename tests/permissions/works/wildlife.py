"""What each mutation of camera-trap projects is given: something of the owner's, whose inputs disturb no other's."""

from datetime import timedelta
from typing import Any

from app.database import Database
from app.models.base import Record
from app.models.kinds.wildlife import WildlifeJob
from app.models.system import JobState
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobBatch, AIJobStage, RemoteStatus, UserRemoteTask
from app.models.wildlife.calibrations import CalibrationSample
from app.models.wildlife.classification_projects import ClassificationProjectMember, ClassificationProjectRole
from app.models.wildlife.media import ResourceStatus
from app.models.wildlife.species_classifiers import SpeciesClassifierTraining
from app.models.wildlife.uploads import MediaUpload
from app.policies import Viewer
from app.services.wildlife.classifications.approvals import approving, bulk_approvals, feedback
from app.services.wildlife.classifications.approvals.bulk import Criteria
from app.services.wildlife.classifications.classifying import Content
from app.services.wildlife.exchange.imports.requests import USE
from app.services.wildlife.media.files.readings import ARCHIVE
from tests import factories
from tests.fixtures import Person
from tests.permissions.works.made import Works, uploaded
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import BOX, Season

IMPORTS = (
    *("importCamtrapDp", "importWildlifeInsights", "importMegaDetector"),
    *("importSpeciesNet", "importClassifications"),
)
EXPORTS = ("exportObservations", "exportCamtrapDp", "exportMegaDetector", "exportCoco", "exportDeployments")
APPROVE, UNAPPROVE, FEEDBACK, ACCEPT, MARK, BULK, REVERT = range(7)
CLASSIFY, SEQUENCE, DUPLICATE, MOVE, DELETE, TAKE_OUT = range(7, 13)
"""The media, by what is done with them."""


async def make(database: Database, owner: Person, other: Person, number: int, inside: str = "inside") -> Works:
    """A season of the owner's, in a project that strangers do not see; `inside` stands in what is approved."""
    at = await classifying.season(database, owner.id, media=TAKE_OUT + 1)
    uploads = {name: await uploaded(database, owner, USE) for name in IMPORTS}
    more: dict[str, Any] = {**uploads, "readMedia": await uploaded(database, owner, ARCHIVE)}
    rows: dict[str, Record] = {f"medium {position}": medium for position, medium in enumerate(at.resources)}
    rows |= {"research project": at.research, "deployment": at.deployment, "collection": at.collection}
    rows |= {"other": other.user, "project": at.project, "link": at.link, "provider": at.provider, "fox": at.fox}
    rows |= await _people(database, at, owner, other, number)
    rows |= await _places(database, at, other)
    rows |= await _media(database, at, owner)
    rows |= await _collections(database, at, owner)
    rows |= await _classifications(database, at, owner, inside)
    rows |= await _intelligence(database, at, owner)
    for name, position in {"approve": APPROVE, "unapprove": UNAPPROVE, "feedback": FEEDBACK, "accept": ACCEPT}.items():
        more[f"version to {name}"] = (await classifying.final(database, at, position)).version
    return Works(rows, more)


async def _people(database: Database, at: Season, owner: Person, other: Person, number: int) -> dict[str, Record]:
    names = ("member", "annotator", "leaver")
    rows: dict[str, Record] = {name: (await factories.user(database, f"{name}{number}")).user for name in names}
    for person in rows.values():
        await wildlife.member(database, at.research, person.id)
    given = {"project_id": at.project.id, "user_id": rows["annotator"].id}
    rows["membership"] = await factories.add(
        database, ClassificationProjectMember(**given, role=ClassificationProjectRole.ANNOTATOR)
    )
    for name in ("team", "spare team"):
        rows[name] = await factories.team(database, owner.id, name=f"{name} {number}")
    await wildlife.team(database, at.research, rows["spare team"].id)
    for name in ("new project", "spare project", "given project"):
        rows[name] = await wildlife.project(database, owner.id)
    await wildlife.member(database, rows["given project"], other.id)
    return rows


async def _places(database: Database, at: Season, other: Person) -> dict[str, Record]:
    spare = await wildlife.location(database, at.research, "loc2")
    place = await wildlife.location(database, at.research, "loc3")
    late = await wildlife.deployment(
        database, place, "r2", clock_correction_s=60, clock_corrected_at=wildlife.SPRING, clock_corrected_by_id=other.id
    )
    rows = {"spare location": spare, "location": place, "late deployment": late}
    rows["spare deployment"] = await wildlife.deployment(database, place, "r3")
    for position, name in enumerate(("failure", "spare failure")):
        begins = wildlife.SPRING + timedelta(days=position)
        rows[name] = await wildlife.failure(database, at.deployment, begins, begins + timedelta(hours=1))
    for depth in (1.0, 2.0, None):
        marked = {"deployment_id": at.deployment.id, "resource_id": at.resources[0].id, "distance": 5.0, "depth": depth}
        rows["sample"] = await factories.add(
            database, CalibrationSample(**marked, user_id=at.research.owner_id, bbox=BOX)
        )
    return rows


async def _media(database: Database, at: Season, owner: Person) -> dict[str, Record]:
    sequence = await wildlife.sequence(database, at.deployment)
    async with database.writing() as session:
        for position, changes in {SEQUENCE: {"sequence_id": sequence.id}, DUPLICATE: {"sha256": "1" * 64}}.items():
            medium = await session.merge(at.resources[position])
            for name, value in changes.items():
                setattr(medium, name, value)
    await factories.add(
        database,
        MediaUpload(
            research_project_id=at.research.id,
            user_id=owner.id,
            file_path="IMG_NEW.JPG",
            size_bytes=1,
            sha256="2" * 64,
            storage_key=f"media/{at.research.id}/new",
        ),
    )
    address = f"https://example.org/{at.research.id}.jpg"
    there = {"file_path": address, "status": ResourceStatus.ADDRESS, "storage_key": None}
    return {"sequence": sequence, "address": await wildlife.resource(database, at.research, "there", **there)}


async def _collections(database: Database, at: Season, owner: Person) -> dict[str, Record]:
    rows: dict[str, Record] = {
        name: await wildlife.collection(database, at.research, name)
        for name in ("new collection", "linked collection", "spare collection")
    }
    rows["spare link"] = await classifying.linked(database, at.project, rows["linked collection"])
    rows["spare classification project"] = await classifying.classification_project(database, at.research, name="Spare")
    for name in ("classificator", "spare classificator"):
        rows[name] = await classifying.classificator(database, owner.id, name)
    return rows


async def _classifications(database: Database, at: Season, owner: Person, inside: str) -> dict[str, Record]:
    """What AI and the owner say of the media; some of it is approved."""
    viewer, rows = Viewer(owner.id), {}
    for position in (UNAPPROVE, FEEDBACK, ACCEPT, MARK, REVERT):
        species = at.deer if position == MARK else at.fox
        seen = classifying.seen(species, individual_id=inside)
        said = await classifying.by_person(database, at, position, owner.id, seen, comments=inside)
        if position == REVERT:
            async with database.writing() as session:
                criteria = Criteria(at.project.id, ids=[said.id])
                rows["bulk approval"] = await bulk_approvals.approve_classifications(session, viewer, criteria)
            continue
        version = (await classifying.final(database, at, position)).version
        async with database.writing() as session:
            await approving.approve_classification(session, viewer, said.id, expected_version=version)
        rows[f"said of {position}"] = said
    async with database.writing() as session:
        content = Content([classifying.seen(at.deer)])
        rows["feedback"] = await feedback.give_feedback(session, viewer, rows[f"said of {ACCEPT}"].id, content=content)
    for position in (APPROVE, BULK):
        id = await classifying.by_ai(database, at, position, classifying.seen(at.fox))
        rows[f"said of {position}"] = await classifying.row(database, id)
    return rows


async def _intelligence(database: Database, at: Season, owner: Person) -> dict[str, Record]:
    """Connections, models, and what they are at."""
    rows: dict[str, Record] = {}
    for name in ("connection", "spare connection"):
        at_home = f"https://{name.split()[0]}.example.org"
        rows[name] = await wildlife.ai_provider_connection(database, owner.id, api_url=at_home)
    for name in ("detector", "running detector"):
        rows[name] = await wildlife.ai_provider(database, rows["connection"], name=name)
    project, task_of = {"project_id": at.project.id, "user_id": owner.id}, {"user_id": owner.id}
    for name, stage, provider in (
        ("running job", AIJobStage.RUNNING, rows["running detector"]),
        ("waiting job", AIJobStage.RUNNING, at.provider),
        ("done job", AIJobStage.DONE, at.provider),
    ):
        task = await factories.add(database, UserRemoteTask(**task_of, connection_id=rows["connection"].id))
        given = {"ai_provider_id": provider.id, "user_remote_task_id": task.id, "collection_id": at.link.id}
        rows[name] = job = await factories.add(
            database, AIClassificationJob(**project, **given, stage=stage, total_count=1)
        )
        batch = {"ai_job_id": job.id, "resource_ids": [at.resources[0].id], "submissions": 1}
        await factories.add(database, AIJobBatch(**batch, status=RemoteStatus.RUNNING))
    queued = {"kind": WildlifeJob.TRAIN_SPECIES, "user_id": owner.id, "state": JobState.QUEUED}
    learned = {"job_id": (await factories.job(database, **queued)).id, "name": "Forest", "seed": 1}
    training = SpeciesClassifierTraining(**project, **learned, species_ids=[at.fox.id], crop_counts={})
    return rows | {"species training": await factories.add(database, training)}


def inputs(made: Works) -> dict[str, dict[str, Any]]:
    """What the mutations of camera-trap projects are given, by their names; in this order all of them can be done."""
    return {
        **_of_projects(made),
        **_of_places(made),
        **_of_exchange(made),
        **_of_media(made),
        **_of_intelligence(made),
        **_of_classifications(made),
        **_deletions(made),
    }


def _of_projects(made: Works) -> dict[str, dict[str, Any]]:
    research, project = made.id("research project"), made.id("project")
    return {
        "createResearchProject": {"name": "Marsh", "acronym": "MARSH"},
        "updateResearchProject": {"id": research, "abstract": "Who is there?"},
        "decideResearchProject": {"id": made.id("new project"), "status": "APPROVED"},
        "transferResearchProject": {"id": made.id("given project"), "userId": made.id("other")},
        "setResearchProjectMember": {"projectId": research, "userId": made.id("member"), "role": "MANAGER"},
        "removeResearchProjectMember": {"projectId": research, "userId": made.id("leaver")},
        "setResearchProjectTeam": {"projectId": research, "teamId": made.id("team"), "role": "MEMBER"},
        "removeResearchProjectTeam": {"projectId": research, "teamId": made.id("spare team")},
        "createClassificationProject": {"researchProjectId": research, "name": "Autumn"},
        "updateClassificationProject": {"id": project, "sequenceGapS": 60},
        "setClassificationProjectMember": {"projectId": project, "userId": made.id("member"), "role": "ANNOTATOR"},
        "addClassificationProjectCollection": {"projectId": project, "collectionId": made.id("new collection")},
        "updateClassificationProjectCollection": {"id": made.id("spare link"), "isActive": False},
        "createClassificator": {"name": "Marsh", "copyOfId": made.id("classificator")},
        "updateClassificator": {"id": made.id("classificator"), "description": "For marshes."},
        "importSpecies": {"checklist": "GBIF", "csv": "taxonKey,scientificName\n1,Lutra lutra\n"},
        "markSpeciesSensitive": {"id": made.id("fox"), "isSensitive": True},
    }


def _of_places(made: Works) -> dict[str, dict[str, Any]]:
    research, deployment = made.id("research project"), made.id("deployment")
    point = {"type": "Point", "coordinates": [23.85, 52.7]}
    begins, ends = wildlife.SPRING.isoformat(), wildlife.SUMMER.isoformat()
    locations = "locationID,latitude,longitude,timezone\nloc8,52.7,23.85,Europe/Warsaw\n"
    deployments = f"deploymentCode,locationID,deploymentStart\nr8,loc3,{begins}\n"
    return {
        "createLocation": {
            "researchProjectId": research,
            "locationId": "loc9",
            "point": point,
            "timezone": "Europe/Warsaw",
        },
        "updateLocation": {"id": made.id("location"), "habitat": "Marsh"},
        "importLocations": {"researchProjectId": research, "csv": locations},
        "createDeployment": {"locationId": made.id("location"), "deploymentCode": "r9", "startsAt": begins},
        "updateDeployment": {"id": made.id("spare deployment"), "endsAt": ends},
        "importDeployments": {"researchProjectId": research, "csv": deployments, "dryRun": True},
        "createDeploymentFailure": {"deploymentId": deployment, "startsAt": begins, "endsAt": ends, "reason": "Snow."},
        "updateDeploymentFailure": {"id": made.id("failure"), "reason": "Snow."},
        "setClockCorrection": {"deploymentId": made.id("spare deployment"), "seconds": 60},
        "clearClockCorrection": {"deploymentId": made.id("late deployment")},
        "addCalibrationSample": {
            "deploymentId": deployment,
            "resourceId": made.id(f"medium {APPROVE}"),
            "bbox": BOX,
            "distance": 3.0,
        },
        "fitCalibration": {"deploymentId": deployment},
    }


def _of_exchange(made: Works) -> dict[str, dict[str, Any]]:
    project = {"classificationProjectId": made.id("project")}
    files = {name: {"files": [{"upload": made.more[name], "path": "results.json"}]} for name in IMPORTS}
    files["importWildlifeInsights"]["timezone"] = "Europe/Warsaw"
    return {
        "requestImportUpload": {"fileName": "results.json", "bytes": 10},
        **{name: project | given for name, given in files.items()},
        **dict.fromkeys(EXPORTS, project),
    }


def _of_media(made: Works) -> dict[str, dict[str, Any]]:
    project, collection = {"researchProjectId": made.id("research project")}, {"id": made.id("collection")}
    known = {"path": f"IMG_{DUPLICATE}.JPG", "bytes": 1, "sha256": "1" * 64}
    same, deployment = {"path": "COPY.JPG", "bytes": 1, "sha256": "1" * 64}, made.id("deployment")
    return {
        "requestMediaUploads": {**project, "files": [known, same]},
        "requestMediaArchiveUpload": {"bytes": 10},
        "readMedia": {**project, "collectionId": made.id("collection")},
        "fetchMedia": {**project, "resourceIds": [made.id("address")]},
        "addMediaAddresses": {
            **project,
            "media": [{"url": "https://example.org/a.jpg"}],
            "deploymentId": deployment,
        },
        "updateResource": {"id": made.id(f"medium {DUPLICATE}"), "tags": ["snow"]},
        "moveMedia": {
            **project,
            "resourceIds": [made.id(f"medium {MOVE}")],
            "toDeploymentId": made.id("spare deployment"),
        },
        "createCollection": {**project, "name": "Autumn"},
        "updateCollection": {**collection, "description": "Snow."},
        "addToCollection": {"id": made.id("new collection"), "resourceIds": [made.id(f"medium {DUPLICATE}")]},
        "removeFromCollection": {**collection, "resourceIds": [made.id(f"medium {TAKE_OUT}")]},
    }


def _of_intelligence(made: Works) -> dict[str, dict[str, Any]]:
    login = {"apiAuthLogin": "worker", "apiAuthPassw": "a secret"}
    project = {"classificationProjectId": made.id("project")}
    return {
        "createAiProviderConnection": {"apiUrl": "https://manager.example.org", **login},
        "updateAiProviderConnection": {"id": made.id("connection"), "isShared": False},
        "syncAiModels": {"id": made.id("connection")},
        "createExternalAiProvider": {"name": "Eyes", "providerType": "DETECTION"},
        "updateAiProvider": {"id": made.id("provider"), "version": "2"},
        "startAiClassification": {"collectionId": made.id("link"), "providerId": made.id("detector")},
        "cancelAiClassification": {"id": made.id("running job")},
        "updateAiClassification": {"id": made.id("waiting job")},
        "reparseAiResults": {"id": made.id("done job")},
        "buildFrameIndex": project,
        "trainSpeciesClassifier": project,
        "cancelSpeciesClassifierTraining": {"id": made.id("species training")},
    }


def _of_classifications(made: Works) -> dict[str, dict[str, Any]]:
    project, fox = {"classificationProjectId": made.id("project")}, made.id("fox")
    said = {"observations": [{"observationType": "ANIMAL", "speciesId": fox, "bboxes": BOX}]}
    group = {"observationType": "ANIMAL", "observationLevel": "GROUP", "speciesId": fox, "count": 2}
    version, of = made.more, "said of"
    return {
        "classify": {**project, **said, "resourceId": made.id(f"medium {CLASSIFY}")},
        "classifySequence": {**project, "sequenceId": made.id("sequence"), "observations": [group]},
        "approveClassification": {
            "id": made.id(f"{of} {APPROVE}"),
            "expectedVersion": version["version to approve"],
        },
        "unapproveClassification": {
            "id": made.id(f"{of} {UNAPPROVE}"),
            "expectedVersion": version["version to unapprove"],
        },
        "giveClassificationFeedback": {"id": made.id(f"{of} {FEEDBACK}"), **said},
        "acceptClassificationFeedback": {"id": made.id("feedback"), "expectedVersion": version["version to accept"]},
        "markClassifications": {"ids": [made.id(f"{of} {MARK}")], "isSetup": True},
        "approveClassifications": {**project, "ids": [made.id(f"{of} {BULK}")]},
        "revertBulkApproval": {"id": made.id("bulk approval")},
    }


def _deletions(made: Works) -> dict[str, dict[str, Any]]:
    project = made.id("research project")
    return {
        "deleteMedia": {"researchProjectId": project, "resourceIds": [made.id(f"medium {DELETE}")]},
        "removeCalibrationSample": {"id": made.id("sample")},
        "removeClassificationProjectMember": {"id": made.id("membership")},
        "removeClassificationProjectCollection": {"id": made.id("spare link")},
        "deleteClassificationProject": {"id": made.id("spare classification project")},
        "deleteClassificator": {"id": made.id("spare classificator")},
        "deleteAiProviderConnection": {"id": made.id("spare connection")},
        "deleteCollection": {"id": made.id("spare collection")},
        "deleteDeploymentFailure": {"id": made.id("spare failure")},
        "deleteDeployment": {"id": made.id("late deployment")},
        "deleteLocation": {"id": made.id("spare location")},
        "deleteResearchProject": {"id": made.id("spare project")},
    }
