"""GraphQL types for trainings of species classifiers."""

from functools import partial

import strawberry
from strawberry import auto

from app.models import choices as choice_tables
from app.models.billing.ledger import OperationCause
from app.models.kinds.wildlife import WildlifeRateLimit
from app.models.wildlife import species_classifiers as tables
from app.services.billing import charges
from resolvers.enums import show_enum
from resolvers.wildlife.classifications.queries import ClassificationOrder
from resolvers.wildlife.providers import species_classifiers as resolve
from schema.accounts import User
from schema.billing.problems import InsufficientFunds
from schema.billing.spending import CostEstimate
from schema.fields import Connection, connection, field, mutation, one
from schema.problems import Conflict, InvalidInput, Unavailable
from schema.row import Row
from schema.system.jobs import Job
from schema.wildlife.classifications.types import Classification
from schema.wildlife.providers.types import LocalAIProvider

for enum in (tables.SpeciesTrainingStatus, tables.EvaluationSplit):
    show_enum(enum)


class SpeciesClassifierTraining(Row, of=tables.SpeciesClassifierTraining):
    name: auto
    status: auto
    gold_standard_only: auto
    seed: auto
    crop_counts: auto
    crops: auto
    training_crops: auto
    test_crops: auto
    split_by: auto
    accuracy: auto
    balanced_accuracy: auto
    baseline_accuracy: auto
    expected_calibration_error: auto
    figures: auto
    failure: auto
    created_at: auto
    started_at: auto
    finished_at: auto
    user: User | None = one(tables.SpeciesClassifierTraining.user)
    provider: LocalAIProvider | None = one(tables.SpeciesClassifierTraining.provider)
    job: Job | None = one(tables.SpeciesClassifierTraining.job)


@strawberry.type
class SpeciesClassifiersQuery:
    species_classifier_training: SpeciesClassifierTraining | None = field(resolve.species_classifier_training)
    species_classifier_trainings: Connection[SpeciesClassifierTraining] = connection(
        resolve.species_classifier_trainings, order=resolve.SpeciesTrainingOrder
    )
    estimate_species_classifier_training: CostEstimate = field(resolve.estimate_species_classifier_training)
    label_audit: Connection[Classification] = connection(resolve.label_audit, order=ClassificationOrder)


@strawberry.type
class SpeciesClassifiersMutation:
    train_species_classifier: SpeciesClassifierTraining | InvalidInput | Conflict | Unavailable | InsufficientFunds = (
        mutation(
            resolve.train_species_classifier,
            scope=choice_tables.Scope.TRAIN,
            rate_limit=WildlifeRateLimit.SPECIES_TRAININGS,
            needs_key=partial(charges.has_price, OperationCause.SPECIES_TRAINING),
        )
    )
    cancel_species_classifier_training: SpeciesClassifierTraining | Conflict = mutation(
        resolve.cancel_species_classifier_training
    )
