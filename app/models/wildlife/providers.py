"""AI providers: models that look at media, and the connections to AI Managers that run them."""

from datetime import datetime
from enum import Enum
from importlib.util import find_spec
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits.texts import NOTE_LENGTH_MAX, URL_LENGTH_MAX
from app.limits.wildlife import (
    AI_LOGIN_LENGTH_MAX,
    AI_PROVIDER_NAME_LENGTH_MAX,
    AI_PROVIDER_VERSION_LENGTH_MAX,
    LICENCE_LENGTH_MAX,
)
from app.models.accounts import User
from app.models.base import WITHHELD, Json, Record, not_exported
from app.models.names import Name
from app.models.system import Job
from app.models.wildlife.media import KEY_LENGTH_MAX
from app.models.wildlife.projects import ResearchProject
from app.weights import EFFICIENTNET_LITE0, MEGADETECTOR_LITE


class AIProviderKind(Enum):
    """Where a provider's model runs: on an AI Manager, outside with results imported, or in this installation."""

    TRAPPER = "TRAPPER"
    EXTERNAL = "EXTERNAL"
    LOCAL = "LOCAL"


class LocalEngine(Enum):
    """What runs a provider in this installation: a built-in detector, a classifier trained here, or an ONNX file.

    MEGADETECTOR_LITE: The built-in detector.
    SPECIES_HEAD: A species classifier that was trained here.
    ONNX: An ONNX file that the operator added.
    """

    MEGADETECTOR_LITE = "MEGADETECTOR_LITE"
    SPECIES_HEAD = "SPECIES_HEAD"
    ONNX = "ONNX"


class AIProviderType(Enum):
    """What a provider's model answers: where animals are, which they are, how far away, or in which pose.

    DETECTION: Where animals, people and vehicles are.
    CLASSIFICATION: Which species they are.
    DEPTH: How far away they are.
    POSE: In which pose they are.
    """

    DETECTION = "DETECTION"
    CLASSIFICATION = "CLASSIFICATION"
    DEPTH = "DEPTH"
    POSE = "POSE"


class AIProviderConnection(Record):
    """A connection to one AI Manager. Its password is encrypted and never shown."""

    __tablename__ = "ai_provider_connections"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint(
            "user_id",
            "api_url",
            info={"conflict": "You already have a connection to this AI Manager. Change that one."},
        ),
        Index(None, "user_id", "id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    api_url: Mapped[str] = mapped_column(String(URL_LENGTH_MAX), doc="The base URL of the AI Manager.")
    api_auth_login: Mapped[str] = mapped_column(
        String(AI_LOGIN_LENGTH_MAX), doc="The login of the AI Worker user on the AI Manager."
    )
    # Encrypted; begins with the id of the key (`app/security/encryption.py`).
    api_auth_passw: Mapped[str] = mapped_column(Text, info=WITHHELD)
    trapper_instance_url: Mapped[str] = mapped_column(
        String(URL_LENGTH_MAX), doc="The base URL of this installation as the AI Manager sees it, for callbacks."
    )
    is_active: Mapped[bool] = mapped_column(
        default=True,
        server_default=true(),
        doc="Whether it may be used. An inactive connection starts and syncs nothing.",
    )
    is_shared: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether every user may run this connection's models."
    )
    last_synced: Mapped[datetime | None] = mapped_column(doc="When its models were last synced.")
    last_sync_error: Mapped[str | None] = mapped_column(
        String(NOTE_LENGTH_MAX), doc="Why the last sync failed; null if it succeeded."
    )

    last_sync_report: Mapped[Json | None] = mapped_column(
        JSONB(none_as_null=True),
        doc="What the last sync did: `{created, updated, deactivated, unresolvedLabels}`, each a list of names.",
    )
    sync_job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)

    user: Mapped[User] = relationship(lazy="raise", doc="The owner.")
    sync_job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job of the last sync.")
    providers: Mapped[list["AIProvider"]] = relationship(
        back_populates="connection", lazy="raise", doc="The models of this AI Manager."
    )


class AIProvider(Record):
    """A model that detects, classifies, or measures what is on media."""

    __tablename__ = "ai_providers"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "connection_id", "id"),
        Index(None, "name", "id"),
        UniqueConstraint("connection_id", "remote_id"),
        CheckConstraint("connection_id IS NULL OR kind = 'TRAPPER'", name="connection"),
        CheckConstraint("remote_id IS NULL OR kind = 'TRAPPER'", name="remote_id"),
        CheckConstraint("(engine IS NULL) = (kind <> 'LOCAL')", name="engine"),
        CheckConstraint("research_project_id IS NULL OR kind = 'LOCAL'", name="research_project"),
        Index(
            "uq_ai_providers_built_in",
            "engine",
            "model_file_hash",
            unique=True,
            postgresql_where=text("engine = 'MEGADETECTOR_LITE'"),
        ),
        Index(None, "research_project_id", postgresql_where=text("research_project_id IS NOT NULL")),
        CheckConstraint("keypoint_topology IS NULL OR provider_type = 'POSE'", name="keypoint_topology"),
    )

    kind: Mapped[AIProviderKind]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    # Null for other kinds, and once the connection is deleted: what the model found stays.
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("ai_provider_connections.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(Name(AI_PROVIDER_NAME_LENGTH_MAX), doc="The name of the model.")
    version: Mapped[str] = mapped_column(
        String(AI_PROVIDER_VERSION_LENGTH_MAX), default="", server_default="", doc="The version of the model."
    )
    description: Mapped[str] = mapped_column(Text, default="", server_default="", doc="What the model is good for.")
    provider_type: Mapped[AIProviderType] = mapped_column(doc="What the model answers.")
    video_support: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether it takes videos as well as images."
    )
    object_based: Mapped[bool] = mapped_column(
        default=True, server_default=true(), doc="Whether it answers for each object, not only for the whole picture."
    )
    crop_image: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        doc="Whether objects are cropped before they are classified. For classification providers only.",
    )
    remote_id: Mapped[UUID | None] = mapped_column(doc="The id of the prediction model on the AI Manager.")
    categories: Mapped[Json] = mapped_column(
        default=dict,
        server_default=text("'{}'"),
        doc="How labels map to attributes: `{attributeMappings: [{attributeType, labels: [{aiLabel, value, …}]}]}`.",
    )
    keypoint_topology: Mapped[Json | None] = mapped_column(
        JSONB(none_as_null=True),
        doc="For pose providers: the names of keypoints, the skeleton and the default OKS sigmas.",
    )
    is_active: Mapped[bool] = mapped_column(
        default=True,
        server_default=true(),
        doc="Whether it can be used. A sync sets this; other providers stay active.",
    )
    model_file_hash: Mapped[str | None] = mapped_column(
        String(columns.SHA256_LENGTH),
        info=WITHHELD,
        doc="The hexadecimal digest of the model's weights. It identifies the model when the remote id changes.",
    )
    keep_synced: Mapped[bool] = mapped_column(
        default=True,
        server_default=true(),
        doc="Whether a sync may overwrite fields. Switch it off to keep your edits.",
    )
    last_synced: Mapped[datetime | None] = mapped_column(doc="When a sync last saw the model.")
    # Of local providers.
    engine: Mapped[LocalEngine | None] = mapped_column(doc="What runs it.")
    weights_key: Mapped[str | None] = mapped_column(String(KEY_LENGTH_MAX), info=WITHHELD)
    licence: Mapped[str | None] = mapped_column(String(LICENCE_LENGTH_MAX), doc="The licence of its weights.")
    research_project_id: Mapped[int | None] = mapped_column(
        ForeignKey("research_projects.id", ondelete="CASCADE"),
        info=not_exported("a provider belongs to its owner"),
    )

    user: Mapped[User | None] = relationship(lazy="raise", doc="The owner; null if it belongs to the installation.")
    research_project: Mapped[ResearchProject | None] = relationship(
        lazy="raise", doc="Of a classifier trained here: the research project whose members alone see and use it."
    )
    connection: Mapped[AIProviderConnection | None] = relationship(
        back_populates="providers", lazy="raise", doc="The connection it is run through; only its owner sees it."
    )

    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_abstract": True}  # noqa: RUF012


class TrapperAIProvider(AIProvider):
    """A model that an AI Manager runs. A sync creates it."""

    __mapper_args__ = {"polymorphic_identity": AIProviderKind.TRAPPER}  # noqa: RUF012


class ExternalAIProvider(AIProvider):
    """A model that runs elsewhere; its results are imported."""

    __mapper_args__ = {"polymorphic_identity": AIProviderKind.EXTERNAL}  # noqa: RUF012


class LocalAIProvider(AIProvider):
    """A model that runs in this installation, without any outside service."""

    __mapper_args__ = {"polymorphic_identity": AIProviderKind.LOCAL}  # noqa: RUF012

    @property
    def reason(self) -> str | None:
        """Why it cannot be used on this installation; null if it can."""
        needed = MEGADETECTOR_LITE if self.engine is LocalEngine.MEGADETECTOR_LITE else EFFICIENTNET_LITE0
        if self.engine is LocalEngine.ONNX:
            return None if find_spec("onnxruntime") else "It needs onnxruntime, which the extra `onnx` installs."
        return needed.reason

    @property
    def available(self) -> bool:
        """Whether it can be used on this installation."""
        return self.reason is None
