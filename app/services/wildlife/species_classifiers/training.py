"""Trainings of species classifiers, from the question to the provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app import checks, events
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, NotFound, Unavailable
from app.limits import wildlife as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.billing.ledger import OperationCause
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.providers import AIProvider, AIProviderType, LocalAIProvider, LocalEngine
from app.models.wildlife.species_classifiers import (
    EvaluationSplit,
    SpeciesClassifierTraining,
    SpeciesTrainingStatus,
)
from app.policies import Viewer, signed_in, visible
from app.queue import enqueue
from app.services.billing import charges
from app.services.billing.charges import Estimate
from app.services.billing.ledger import named
from app.services.billing.reservations import Purpose
from app.services.system import jobs
from app.services.system.files import left_files, storage_usage
from app.services.system.notifications import notify_if_visible
from app.services.wildlife.classifications import access
from app.services.wildlife.species_classifiers import crops
from app.services.wildlife.species_classifiers.crops import LabelledMedium
from app.settings import settings
from app.weights import EFFICIENTNET_LITE0

FOLDER = "classifiers"
left_files.named_by(FOLDER, AIProvider.weights_key)

ENDED = {SpeciesTrainingStatus.FINISHED, SpeciesTrainingStatus.FAILED}


def topic_of(id: int) -> str:
    """The topic of events about a training."""
    return f"speciesclassifiertraining:{id}"


async def train_species_classifier(
    session: WriteSession,
    viewer: Viewer,
    *,
    project_id: int,
    name: str | None = None,
    species_ids: Sequence[int] | None = None,
    gold_standard_only: bool = False,
    seed: int = 0,
) -> SpeciesClassifierTraining:
    """Queues a training on the approved crops of a project. What can be counted is refused now."""
    project = await access.project_to_approve_in(session, viewer, project_id)
    checks.within("seed", seed, 0, limits.SEED_MAX)
    called = checks.optional_name("name", name, length_max=limits.CLASSIFIER_NAME_LENGTH_MAX)
    if reason := EFFICIENTNET_LITE0.reason:
        raise Unavailable(reason)
    await storage_usage.require_any_room(session, signed_in(viewer))
    counts, names, learned = await _to_learn(session, project.id, species_ids, gold_standard_only=gold_standard_only)
    training = SpeciesClassifierTraining(
        project_id=project.id,
        user_id=signed_in(viewer),
        name=called or "Species classifier",
        gold_standard_only=gold_standard_only,
        seed=seed,
        species_ids=learned,
        crop_counts={
            "learned": crops.by_name({id: counts[id] for id in learned}, names),
            "leftOut": crops.by_name({id: count for id, count in counts.items() if id not in learned}, names),
        },
        crops=_crops_of(counts, learned),
    )
    session.add(training)
    await session.flush()
    job = await enqueue(session, WildlifeJob.TRAIN_SPECIES, subject_id=training.id, user_id=training.user_id)
    training.job_id = job.id
    purpose = Purpose(OperationCause.SPECIES_TRAINING, named(training), count_of_lines=training.crops)
    await charges.hold_for(session, job, purpose)
    await session.flush()
    return training


async def estimate(
    session: ReadSession,
    viewer: Viewer,
    *,
    project_id: int,
    species_ids: Sequence[int] | None = None,
    gold_standard_only: bool = False,
) -> Estimate:
    """What such a training would cost the viewer. What could not be trained is refused."""
    project = await access.project_to_approve_in(session, viewer, project_id)
    counts, _, learned = await _to_learn(session, project.id, species_ids, gold_standard_only=gold_standard_only)
    purpose = Purpose(OperationCause.SPECIES_TRAINING, count_of_lines=_crops_of(counts, learned))
    return await charges.estimate(session, signed_in(viewer), purpose)


async def _to_learn(
    session: ReadSession, project_id: int, wanted: Sequence[int] | None, *, gold_standard_only: bool
) -> tuple[dict[int, int], dict[int, str], list[int]]:
    """The crops and the names of species, and the species to learn."""
    counts = await crops.counted(session, project_id, gold_standard_only=gold_standard_only)
    names = await crops.names_of(session, list({*counts, *(wanted or [])}))
    return counts, names, _learned(counts, names, wanted)


def _crops_of(counts: dict[int, int], learned: Sequence[int]) -> int:
    return sum(min(counts[id], settings.species_crops_per_class_max) for id in learned)


def _learned(counts: dict[int, int], names: dict[int, str], wanted: Sequence[int] | None) -> list[int]:
    """The species with enough crops, or those that are wanted if all of them have enough."""
    least = settings.species_crops_per_class_min
    if wanted is not None:
        if unknown := [id for id in wanted if id not in names]:
            raise Invalid("speciesIds", f"There is no species with the key {unknown[0]}.")
        if short := [id for id in dict.fromkeys(wanted) if counts.get(id, 0) < least]:
            lacking = ", ".join(f"{names[id]} has {counts.get(id, 0)}" for id in short)
            raise Conflict(
                f"Each species needs {least} approved crops: {lacking}. Approve more media with boxes, or leave it out."
            )
    enough = sorted(id for id, count in counts.items() if count >= least and (wanted is None or id in wanted))
    if len(enough) < CLASSES_MIN:
        counted = ", ".join(f"{name} {count}" for name, count in crops.by_name(counts, names).items()) or "none"
        raise Conflict(
            f"A classifier needs at least 2 species with {least} approved crops each. Crops so far: {counted}. "
            "Approve more media with boxes."[:NOTE_LENGTH_MAX]
        )
    if len(enough) > settings.species_classes_max:
        raise Conflict(
            f"A classifier learns at most {settings.species_classes_max} species. Name those it shall learn."
        )
    return enough


async def cancel_species_training(session: WriteSession, viewer: Viewer, *, id: int) -> SpeciesClassifierTraining:
    """Cancels a training: at once if no worker has it, otherwise after the current medium."""
    training = await session.scalar(
        visible(SpeciesClassifierTraining, viewer).where(SpeciesClassifierTraining.id == id)
    )
    if training is None:
        raise NotFound("There is no such training.")
    await access.project_to_approve_in(session, viewer, training.project_id)
    if training.job_id is None or training.status in ENDED:
        raise Conflict("This training has already ended.")
    if await jobs.cancel(session, training.job_id):
        await training_failed(session, training.id, jobs.CANCELLED)
        await session.refresh(training)
    return training


CLASSES_MIN = 2


@dataclass(frozen=True)
class SpeciesPlan:
    """What a training learns from."""

    classes: list[dict[str, Any]]
    media: list[LabelledMedium]
    seed: int


async def begin_training(session: WriteSession, training_id: int) -> SpeciesPlan:
    """Marks a training as started, and returns its input."""
    training = await session.get_one(SpeciesClassifierTraining, training_id, with_for_update=True)
    training.status = SpeciesTrainingStatus.RUNNING
    training.started_at = training.started_at or await session.scalar(select(func.now()))
    note(session, training)
    media = await crops.chosen(
        session,
        training.project_id,
        training.species_ids,
        gold_standard_only=training.gold_standard_only,
        seed=training.seed,
    )
    return SpeciesPlan(await crops.classes_of(session, training.species_ids), media, training.seed)


def note(session: WriteSession, training: SpeciesClassifierTraining) -> None:
    """Publishes a change of status."""
    events.record(session, topic_of(training.id), {"status": training.status.value})


OWN_COLUMNS = (
    "crops",
    "training_crops",
    "test_crops",
    "accuracy",
    "balanced_accuracy",
    "baseline_accuracy",
    "expected_calibration_error",
)


async def finish_training(
    session: WriteSession, training_id: int, figures: dict[str, Any], *, weights_key: str, size_bytes: int, sha256: str
) -> LocalAIProvider:
    """Writes the figures, and makes the provider. It is offered; nothing uses it before somebody chooses it."""
    training = await session.get_one(SpeciesClassifierTraining, training_id, with_for_update=True)
    project = await session.get_one(ClassificationProject, training.project_id)
    for name in OWN_COLUMNS:
        setattr(training, name, figures[name])
    training.figures = figures
    training.weights_bytes = size_bytes
    training.split_by = EvaluationSplit(figures["split_by"])
    training.status = SpeciesTrainingStatus.FINISHED
    training.finished_at = await session.scalar(select(func.now()))
    provider = LocalAIProvider(
        name=training.name,
        version=f"{await _version(session, project.research_project_id, training.name)}",
        description=f"Trained here on {training.training_crops} approved crops; names {training.accuracy:.0%} of "
        f"{training.test_crops} crops rightly that it never saw.",
        provider_type=AIProviderType.CLASSIFICATION,
        engine=LocalEngine.SPECIES_HEAD,
        video_support=True,
        crop_image=True,
        weights_key=weights_key,
        model_file_hash=sha256,
        licence=EFFICIENTNET_LITE0.licence,
        user_id=training.user_id,
        research_project_id=project.research_project_id,
        categories=_categories(await crops.classes_of(session, training.species_ids)),
    )
    session.add(provider)
    await session.flush()
    training.provider_id = provider.id
    note(session, training)
    message = f"The species classifier {provider.name} {provider.version} is trained: {provider.description}"
    await _tell(session, training, message)
    return provider


async def _version(session: ReadSession, research_project_id: int, name: str) -> int:
    same = select(func.count()).where(
        LocalAIProvider.research_project_id == research_project_id, LocalAIProvider.name == name
    )
    return 1 + int(await session.scalar(same) or 0)


def _categories(classes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    labels = [{"aiLabel": each["name"], "value": each["name"], "speciesId": int(each["key"])} for each in classes]
    return {"attributeMappings": [{"attributeType": "species", "labels": labels}]}


async def training_failed(session: WriteSession, training_id: int, reason: str) -> None:
    """Marks a training as failed, with the reason."""
    training = await session.get_one(SpeciesClassifierTraining, training_id, with_for_update=True)
    training.status, training.failure = SpeciesTrainingStatus.FAILED, reason[:NOTE_LENGTH_MAX]
    training.finished_at = await session.scalar(select(func.now()))
    note(session, training)
    await _tell(session, training, f"The training of the species classifier {training.name} failed. {reason}")


async def _tell(session: WriteSession, training: SpeciesClassifierTraining, message: str) -> None:
    if training.user_id is not None:
        event = f"ended:{training.job_id}"
        await notify_if_visible(session, training.user_id, message, about=training, event=event)
