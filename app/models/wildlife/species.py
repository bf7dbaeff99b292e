"""Species and other taxa."""

from datetime import datetime
from enum import Enum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits import wildlife as limits
from app.models.base import Record


class TaxonRank(Enum):
    """The rank of a taxon.

    KINGDOM: Kingdom.
    PHYLUM: Phylum.
    CLASS: Class.
    ORDER: Order.
    FAMILY: Family.
    SUBFAMILY: Subfamily.
    TRIBE: Tribe.
    GENUS: Genus.
    SUBGENUS: Subgenus.
    SPECIES: Species.
    SUBSPECIES: Subspecies.
    VARIETY: Variety.
    FORM: Form.
    UNRANKED: No rank.
    """

    KINGDOM = "KINGDOM"
    PHYLUM = "PHYLUM"
    CLASS = "CLASS"
    ORDER = "ORDER"
    FAMILY = "FAMILY"
    SUBFAMILY = "SUBFAMILY"
    TRIBE = "TRIBE"
    GENUS = "GENUS"
    SUBGENUS = "SUBGENUS"
    SPECIES = "SPECIES"
    SUBSPECIES = "SUBSPECIES"
    VARIETY = "VARIETY"
    FORM = "FORM"
    UNRANKED = "UNRANKED"


class Species(Record):
    """A taxon of a checklist: usually a species, or a genus or a family if no more is known."""

    __tablename__ = "species"
    __table_args__ = (
        UniqueConstraint("checklist", "key", info={"conflict": "The checklist already has a taxon with this key."}),
        CheckConstraint("accepted_id <> id", name="accepted"),
        CheckConstraint("parent_id <> id", name="parent"),
        Index("ix_species_lower_scientific_name", text("lower(scientific_name)")),
        Index("ix_species_lower_vernacular_name", text("lower(vernacular_name)")),
        Index(None, "scientific_name", "id"),
        Index(None, "parent_id", "id"),
        Index(None, "accepted_id", "id"),
    )

    checklist: Mapped[str] = mapped_column(
        String(columns.KIND_LENGTH_MAX), doc="The checklist that the key is of, such as GBIF or COL."
    )
    key: Mapped[str] = mapped_column(String(limits.TAXON_KEY_LENGTH_MAX), doc="The key within its checklist.")
    scientific_name: Mapped[str] = mapped_column(
        String(limits.TAXON_NAME_LENGTH_MAX), doc="The scientific name, without authors."
    )
    vernacular_name: Mapped[str | None] = mapped_column(String(limits.TAXON_NAME_LENGTH_MAX), doc="The English name.")
    rank: Mapped[TaxonRank] = mapped_column(doc="The rank.")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("species.id", ondelete="SET NULL"))
    accepted_id: Mapped[int | None] = mapped_column(ForeignKey("species.id", ondelete="SET NULL"))
    kingdom: Mapped[str | None] = mapped_column(String(limits.TAXON_NAME_LENGTH_MAX), doc="The kingdom.")
    phylum: Mapped[str | None] = mapped_column(String(limits.TAXON_NAME_LENGTH_MAX), doc="The phylum.")
    class_name: Mapped[str | None] = mapped_column(String(limits.TAXON_NAME_LENGTH_MAX), doc="The class.")
    order_name: Mapped[str | None] = mapped_column(String(limits.TAXON_NAME_LENGTH_MAX), doc="The order.")
    family: Mapped[str | None] = mapped_column(String(limits.TAXON_NAME_LENGTH_MAX), doc="The family.")
    genus: Mapped[str | None] = mapped_column(String(limits.TAXON_NAME_LENGTH_MAX), doc="The genus.")
    is_sensitive: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        doc="Whether the places where it was seen are shown coarsely to all but members of the project.",
    )
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    parent: Mapped["Species | None"] = relationship(
        back_populates="children",
        lazy="raise",
        remote_side="Species.id",
        foreign_keys=[parent_id],
        doc="The taxon that it is part of.",
    )
    children: Mapped[list["Species"]] = relationship(
        back_populates="parent", lazy="raise", foreign_keys=[parent_id], doc="The taxa that are part of it."
    )
    accepted: Mapped["Species | None"] = relationship(
        back_populates="synonyms",
        lazy="raise",
        remote_side="Species.id",
        foreign_keys=[accepted_id],
        doc="The taxon with the accepted name, if this name is a synonym.",
    )
    synonyms: Mapped[list["Species"]] = relationship(
        back_populates="accepted", lazy="raise", foreign_keys=[accepted_id], doc="The taxa whose names are synonyms."
    )
    aliases: Mapped[list["SpeciesAlias"]] = relationship(
        back_populates="species", lazy="raise", doc="Its keys in other checklists, and in the labels of models."
    )


class SpeciesAlias(Record):
    """Another key of a taxon, in another checklist or in the labels of a model."""

    __tablename__ = "species_aliases"
    __table_args__ = (
        UniqueConstraint("checklist", "key", info={"conflict": "Another taxon has this key of this checklist."}),
        Index(None, "species_id", "id"),
    )

    species_id: Mapped[int] = mapped_column(ForeignKey("species.id", ondelete="CASCADE"))
    checklist: Mapped[str] = mapped_column(String(columns.KIND_LENGTH_MAX), doc="The checklist that the key is of.")
    key: Mapped[str] = mapped_column(String(limits.TAXON_KEY_LENGTH_MAX), doc="The key.")

    species: Mapped[Species] = relationship(back_populates="aliases", lazy="raise", doc="The taxon.")
