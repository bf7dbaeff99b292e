"""Trainings of species classifiers, and what they say about labels."""

import strawberry
from sqlalchemy import Select

from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classifications import Classification
from app.models.wildlife.species import Species
from app.models.wildlife.species_classifiers import SpeciesClassifierTraining, SpeciesTrainingStatus
from app.pagination import Order
from app.policies import visible
from app.services.billing.charges import Estimate
from app.services.wildlife.local_ai import starting  # noqa: F401 -- registers how jobs of local providers start
from app.services.wildlife.species_classifiers import audit, training
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference
from resolvers.wildlife.providers.queries import provider_key


class SpeciesTrainingOrder(Order):
    """By age.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)


async def species_classifier_training(info: Info, id: strawberry.ID) -> RowOrReference[SpeciesClassifierTraining]:
    """A training of a species classifier by its id.

    id: The id of the training.
    """
    return await info.context.find(SpeciesClassifierTraining, id)


def species_classifier_trainings(
    info: Info,
    classification_project_id: strawberry.ID | None = None,
    status: SpeciesTrainingStatus | None = None,
) -> Select[SpeciesClassifierTraining]:
    """Trainings of species classifiers.

    classification_project_id: Only trainings of this classification project.
    status: Only trainings of classifiers with this status.
    """
    query = visible(SpeciesClassifierTraining, info.context.viewer)
    if classification_project_id is not None:
        key = ids.key(classification_project_id, ClassificationProject)
        query = query.where(SpeciesClassifierTraining.project_id == key)
    return query if status is None else query.where(SpeciesClassifierTraining.status == status)


def label_audit(
    info: Info,
    classification_project_id: strawberry.ID,
    provider_id: strawberry.ID | None = None,
    confidence_min: float = 0.9,
) -> Select[Classification]:
    """Approved labels that AI confidently contradicts: FINAL rows to look at again, for one of the two is wrong.

    classification_project_id: The project whose labels are examined.
    provider_id: Only what this provider contradicts.
    confidence_min: How sure the provider has to be of another species, from 0 to 1.
    """
    key = ids.key(classification_project_id, ClassificationProject)
    provider = None if provider_id is None else provider_key(provider_id)
    contradicted = audit.contradicted(key, provider_id=provider, confidence_min=confidence_min)
    return visible(Classification, info.context.viewer).where(*contradicted)


async def estimate_species_classifier_training(
    info: Info,
    classification_project_id: strawberry.ID,
    species_ids: list[strawberry.ID] | None = None,
    gold_standard_only: bool = False,
) -> Estimate:
    """What a training of a species classifier would cost, exactly. For admins of the project.

    classification_project_id: The project whose approved classifications it would learn from.
    species_ids: The species to learn; by default all with enough boxes.
    gold_standard_only: Whether to learn from gold standards alone.
    """
    async with info.context.reading() as session:
        return await training.estimate(
            session,
            info.context.viewer,
            project_id=ids.key(classification_project_id, ClassificationProject),
            species_ids=_species_keys(species_ids),
            gold_standard_only=gold_standard_only,
        )


def _species_keys(species_ids: list[strawberry.ID] | None) -> list[int] | None:
    return None if species_ids is None else [ids.key(id, Species) for id in species_ids]


async def train_species_classifier(
    info: Info,
    classification_project_id: strawberry.ID,
    name: str | None = None,
    species_ids: list[strawberry.ID] | None = None,
    gold_standard_only: bool = False,
    seed: int = 0,
) -> SpeciesClassifierTraining:
    """Trains a classifier on the approved boxes of a project, and makes a provider of it. For admins of the project.

    It learns from {settings.species_crops_per_class_min} boxes of each of 2 species or more, and is judged on places
    (or sequences) that it never saw. It approves nothing by itself, and nothing uses it before somebody chooses it.
    classification_project_id: The project whose approved classifications it learns from.
    name: The name of the provider; its versions count up. "Species classifier" by default.
    species_ids: The species to learn; by default all with enough boxes.
    gold_standard_only: Whether to learn from gold standards alone.
    seed: What chance begins with: the same seed and classifications give the same classifier.
    """
    async with info.context.writing() as session:
        return await training.train_species_classifier(
            session,
            info.context.viewer,
            project_id=ids.key(classification_project_id, ClassificationProject),
            name=name,
            species_ids=_species_keys(species_ids),
            gold_standard_only=gold_standard_only,
            seed=seed,
        )


async def cancel_species_classifier_training(info: Info, id: strawberry.ID) -> SpeciesClassifierTraining:
    """Cancels a training of a species classifier. For admins of the project.

    id: The id of the training.
    """
    async with info.context.writing() as session:
        return await training.cancel_species_training(
            session, info.context.viewer, id=ids.key(id, SpeciesClassifierTraining)
        )
