"""What was seen in a medium: objects, and groups that an expert counted."""

from enum import Enum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import wildlife as limits
from app.models.base import Json, Record, not_exported
from app.models.wildlife.classifications import Classification
from app.models.wildlife.species import Species


class ObservationType(Enum):
    """What was observed. BLANK says that there is nothing of interest.

    HUMAN: A person.
    ANIMAL: An animal.
    VEHICLE: A vehicle.
    BLANK: Nothing of interest.
    UNKNOWN: Something that cannot be determined.
    UNCLASSIFIED: Not classified yet.
    """

    HUMAN = "HUMAN"
    ANIMAL = "ANIMAL"
    VEHICLE = "VEHICLE"
    BLANK = "BLANK"
    UNKNOWN = "UNKNOWN"
    UNCLASSIFIED = "UNCLASSIFIED"


class ObservationLevel(Enum):
    """OBJECT is one individual, with a box. GROUP is a count by an expert, without one.

    OBJECT: One individual, with a box.
    GROUP: A count by an expert, without a box.
    """

    OBJECT = "OBJECT"
    GROUP = "GROUP"


class Sex(Enum):
    """The sex of an animal.

    UNKNOWN: It cannot be determined.
    FEMALE: Female.
    MALE: Male.
    """

    UNKNOWN = "UNKNOWN"
    FEMALE = "FEMALE"
    MALE = "MALE"


class Age(Enum):
    """The age class of an animal.

    UNKNOWN: It cannot be determined.
    ADULT: Adult.
    SUBADULT: Subadult.
    JUVENILE: Juvenile.
    OFFSPRING: Offspring, still with its parents.
    """

    UNKNOWN = "UNKNOWN"
    ADULT = "ADULT"
    SUBADULT = "SUBADULT"
    JUVENILE = "JUVENILE"
    OFFSPRING = "OFFSPRING"


class Behaviour(Enum):
    """What an animal does.

    UNDEFINED: It cannot be determined.
    GRAZING: Eats grass.
    BROWSING: Eats leaves and shoots.
    ROOTING: Digs with its snout.
    VIGILANCE: Watches out.
    RUNNING: Runs.
    WALKING: Walks.
    """

    UNDEFINED = "UNDEFINED"
    GRAZING = "GRAZING"
    BROWSING = "BROWSING"
    ROOTING = "ROOTING"
    VIGILANCE = "VIGILANCE"
    RUNNING = "RUNNING"
    WALKING = "WALKING"


OF_INTEREST = (ObservationType.HUMAN, ObservationType.ANIMAL, ObservationType.VEHICLE)
"""What a blank medium does not show."""

IS_BOX = (
    "bboxes IS NULL OR jsonb_typeof(bboxes) = 'null' OR bboxes = '[]' OR (jsonb_typeof(bboxes) = 'array' AND "
    "jsonb_path_match(bboxes, '$.size() == 4 && $[0] >= 0 && $[1] >= 0 && $[2] > 0 && $[3] > 0 "
    "&& $[0] + $[2] <= 1.000001 && $[1] + $[3] <= 1.000001', silent => true) IS true)"
)
NO_BOX = "(bboxes IS NULL OR jsonb_typeof(bboxes) = 'null' OR bboxes = '[]')"


class ClassificationDynamicAttrs(Record):
    """An observation: one object, or a group that an expert counted."""

    __tablename__ = "classification_attrs"
    __owned_by__ = ("classification_id",)
    __table_args__ = (
        ForeignKeyConstraint(
            ["classification_id", "project_id", "resource_id"],
            ["classifications.id", "classifications.project_id", "classifications.resource_id"],
            name="fk_classification_attrs_classification",
            ondelete="CASCADE",
        ),
        CheckConstraint(f"observation_level = 'OBJECT' OR {NO_BOX}", name="group_without_box"),
        CheckConstraint("observation_level = 'OBJECT' OR individual_id IS NULL", name="group_without_individual"),
        CheckConstraint('"count" >= 1', name="count"),
        CheckConstraint("count_new >= 0", name="count_new"),
        CheckConstraint("classification_confidence BETWEEN 0 AND 1", name="confidence"),
        CheckConstraint(IS_BOX, name="box"),
        CheckConstraint("first_frame_index >= 0", name="first_frame_index"),
        CheckConstraint("distance >= 0 AND distance < 'Infinity'", name="distance"),
        CheckConstraint("observation_type <> 'BLANK' OR species_id IS NULL", name="blank_without_species"),
        CheckConstraint("jsonb_typeof(attrs) = 'object'", name="attrs"),
        CheckConstraint("jsonb_typeof(attr_confidence) = 'object'", name="attr_confidence"),
        Index(None, "classification_id", "id"),
        Index(None, "shown_by_id", "id"),
        Index("ix_classification_attrs_species", "project_id", "species_id", "shown_by_id"),
        # What figures of a project need of an observation.
        Index(
            "ix_classification_attrs_counted",
            "project_id",
            "species_id",
            "classification_id",
            postgresql_include=["observation_type", "observation_level", "count", "classification_confidence"],
        ),
        Index("ix_classification_attrs_type", "project_id", "observation_type", "shown_by_id"),
        Index(None, "species_id", postgresql_where=text("species_id IS NOT NULL")),
    )

    classification_id: Mapped[int] = mapped_column(BigInteger)
    project_id: Mapped[int] = mapped_column(
        BigInteger, info=not_exported("an observation belongs to its classification, which is exported")
    )
    resource_id: Mapped[int] = mapped_column(
        BigInteger, info=not_exported("an observation belongs to its classification, which is exported")
    )
    # Kept by the database: the FINAL that shows this observation.
    shown_by_id: Mapped[int | None] = mapped_column(BigInteger)
    observation_type: Mapped[ObservationType] = mapped_column(doc="What was observed.")
    observation_level: Mapped[ObservationLevel] = mapped_column(
        default=ObservationLevel.OBJECT, server_default="OBJECT", doc="One object, or a group."
    )
    species_id: Mapped[int | None] = mapped_column(ForeignKey("species.id"))
    sex: Mapped[Sex] = mapped_column(default=Sex.UNKNOWN, server_default="UNKNOWN", doc="The sex.")
    age: Mapped[Age] = mapped_column(default=Age.UNKNOWN, server_default="UNKNOWN", doc="The age class.")
    behaviour: Mapped[Behaviour] = mapped_column(
        default=Behaviour.UNDEFINED, server_default="UNDEFINED", doc="What it does."
    )
    count: Mapped[int] = mapped_column(
        default=1, server_default=text("1"), doc="The number of individuals; of a group, its size."
    )
    count_new: Mapped[int | None] = mapped_column(doc="How many of them were not seen before in the sequence.")
    individual_id: Mapped[str | None] = mapped_column(
        String(limits.CODE_LENGTH_MAX), doc="The mark or tag by which a person knows the individual."
    )
    classification_confidence: Mapped[float | None] = mapped_column(
        doc="The confidence, 0 to 1; null where nobody gave one, as people do."
    )
    bboxes: Mapped[list[float] | None] = mapped_column(
        JSONB(none_as_null=True),
        doc="The box of its first occurrence, [xmin, ymin, width, height] as shares of the picture.",
    )
    first_frame_index: Mapped[int] = mapped_column(
        default=0,
        server_default=text("0"),
        doc="The frame of its first occurrence, in frames of the original video; 0 for pictures.",
    )
    distance: Mapped[float | None] = mapped_column(
        doc="Metres from the camera at its first occurrence; for videos of enough frames, the mean of the first three."
    )
    attrs: Mapped[Json] = mapped_column(
        default=dict, server_default=text("'{}'"), doc="The project's own attributes, as its classificator has them."
    )
    attr_confidence: Mapped[Json] = mapped_column(
        default=dict, server_default=text("'{}'"), doc="The confidence of AI in each attribute, 0 to 1."
    )
    raw_label: Mapped[str | None] = mapped_column(
        String(limits.TAXON_NAME_LENGTH_MAX), doc="The label as the model gave it, before it was mapped or rolled up."
    )

    classification: Mapped[Classification] = relationship(
        back_populates="dynamic_attrs",
        lazy="raise",
        primaryjoin="foreign(ClassificationDynamicAttrs.classification_id) == Classification.id",
        doc="The classification.",
    )
    species: Mapped[Species | None] = relationship(lazy="raise", doc="The species, or a higher taxon.")
