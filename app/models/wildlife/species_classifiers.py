"""Trainings of classifiers of species on the approved crops of a project."""

from datetime import datetime
from enum import Enum

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import wildlife as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Json, Record, not_exported
from app.models.names import Name
from app.models.system import Job
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.providers import LocalAIProvider


class SpeciesTrainingStatus(Enum):
    """How far the training of a classifier is.

    SUBMITTED: It waits for a worker.
    RUNNING: A worker is at work.
    FINISHED: It succeeded.
    FAILED: It failed; the error says why.
    """

    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class EvaluationSplit(Enum):
    """What was set aside to judge by: whole locations, or, where a class has a single one, whole sequences.

    LOCATION: Whole locations.
    SEQUENCE: Whole sequences.
    """

    LOCATION = "LOCATION"
    SEQUENCE = "SEQUENCE"


class SpeciesClassifierTraining(Record):
    """A training of a species classifier on the approved crops of a classification project, with its figures."""

    __tablename__ = "species_classifier_trainings"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "project_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "provider_id"),
        Index(None, "job_id"),
        CheckConstraint(f"seed BETWEEN 0 AND {limits.SEED_MAX}", name="seed"),
        CheckConstraint("(status = 'FAILED') = (failure IS NOT NULL)", name="failure"),
        Index(
            "uq_species_classifier_trainings_unfinished",
            "project_id",
            unique=True,
            postgresql_where=text("status IN ('SUBMITTED', 'RUNNING')"),
            info={"conflict": "This project is already training a classifier. Wait for it or cancel it."},
        ),
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("classification_projects.id", ondelete="CASCADE"),
        info=not_exported("a training belongs to who started it"),
    )
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("ai_providers.id", ondelete="SET NULL"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(Name(limits.CLASSIFIER_NAME_LENGTH_MAX), doc="The name that the provider gets.")
    status: Mapped[SpeciesTrainingStatus] = mapped_column(
        default=SpeciesTrainingStatus.SUBMITTED, server_default="SUBMITTED", doc="How far it is."
    )
    gold_standard_only: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether it learns from gold standards alone."
    )
    seed: Mapped[int] = mapped_column(doc="What chance begins with: the same seed and crops give the same classifier.")
    species_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    crop_counts: Mapped[Json] = mapped_column(
        doc="The number of crops of each species that is learned and of each that is left out, by scientific name: "
        "`{learned, leftOut}`."
    )
    crops: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="The number of crops.")
    weights_bytes: Mapped[int] = mapped_column(default=0, server_default=text("0"), info=WITHHELD)
    training_crops: Mapped[int | None] = mapped_column(doc="The number of crops that it learned from.")
    test_crops: Mapped[int | None] = mapped_column(
        doc="The number of crops that were set aside and that it is judged on."
    )
    split_by: Mapped[EvaluationSplit | None] = mapped_column(doc="What was set aside whole.")
    accuracy: Mapped[float | None] = mapped_column(doc="The share of set-aside crops that it names rightly, 0 to 1.")
    balanced_accuracy: Mapped[float | None] = mapped_column(doc="The mean recall over the classes, 0 to 1.")
    baseline_accuracy: Mapped[float | None] = mapped_column(
        doc="The accuracy of always naming the most frequent class, 0 to 1."
    )
    expected_calibration_error: Mapped[float | None] = mapped_column(
        doc="How far confidences are from how often they are right, on average over the set-aside crops, 0 to 1."
    )
    figures: Mapped[Json | None] = mapped_column(
        doc="All figures: `classes` with recall and precision, `confusion_matrix` (rows are the truth), `bins` of "
        "calibration, `temperature`."
    )
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it started.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")

    project: Mapped[ClassificationProject] = relationship(lazy="raise", doc="The classification project.")
    user: Mapped[User | None] = relationship(lazy="raise", doc="Who started it.")
    provider: Mapped[LocalAIProvider | None] = relationship(lazy="raise", doc="The provider that it made.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job, with its progress.")
