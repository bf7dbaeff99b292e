"""Collections of media."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import wildlife as limits
from app.models.accounts import User
from app.models.base import Record, not_exported
from app.models.names import Name
from app.models.wildlife.media import Resource
from app.models.wildlife.projects import ResearchProject


class Collection(Record):
    """Media of a research project that are worked on together."""

    __tablename__ = "collections"
    __owned_by__ = ("research_project_id", "owner_id")
    __table_args__ = (
        Index(
            "uq_collections_name",
            "research_project_id",
            text("lower(name)"),
            unique=True,
            info={"conflict": "Another collection of the research project has this name."},
        ),
        # What the keys of its items refer to, so that they cannot be of another project.
        UniqueConstraint("id", "research_project_id"),
        Index(None, "research_project_id", "id"),
        Index(None, "name", "id"),
        Index(None, "owner_id"),
    )

    research_project_id: Mapped[int] = mapped_column(ForeignKey("research_projects.id", ondelete="CASCADE"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(
        Name(limits.PROJECT_NAME_LENGTH_MAX), doc="The name, unique within the research project, ignoring case."
    )
    description: Mapped[str | None] = mapped_column(String(limits.ABSTRACT_LENGTH_MAX), doc="A description.")
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    research_project: Mapped[ResearchProject] = relationship(
        back_populates="collections", lazy="raise", doc="The research project."
    )
    owner: Mapped[User | None] = relationship(lazy="raise", doc="Who made it.")
    items: Mapped[list["CollectionResource"]] = relationship(
        back_populates="collection",
        lazy="raise",
        primaryjoin="foreign(CollectionResource.collection_id) == Collection.id",
        doc="Its media.",
    )


class CollectionResource(Record):
    """A medium in a collection."""

    __tablename__ = "collection_resources"
    __table_args__ = (
        UniqueConstraint("collection_id", "resource_id"),
        ForeignKeyConstraint(
            ["collection_id", "research_project_id"],
            ["collections.id", "collections.research_project_id"],
            name="fk_collection_resources_collection",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["resource_id", "research_project_id"],
            ["resources.id", "resources.research_project_id"],
            name="fk_collection_resources_resource",
            ondelete="CASCADE",
        ),
        Index(None, "collection_id", "id"),
        Index(None, "resource_id", "id"),
    )

    collection_id: Mapped[int] = mapped_column(
        BigInteger, info=not_exported("the media of a collection are exported with the media")
    )
    resource_id: Mapped[int] = mapped_column(
        BigInteger, info=not_exported("the media of a collection are exported with the media")
    )
    # Both ends are of this project: the two keys share the column.
    research_project_id: Mapped[int] = mapped_column(
        BigInteger, info=not_exported("the media of a collection are exported with the media")
    )

    collection: Mapped[Collection] = relationship(
        back_populates="items",
        lazy="raise",
        primaryjoin="foreign(CollectionResource.collection_id) == Collection.id",
        doc="The collection.",
    )
    resource: Mapped[Resource] = relationship(
        back_populates="collection_items",
        lazy="raise",
        primaryjoin="foreign(CollectionResource.resource_id) == Resource.id",
        doc="The medium.",
    )
