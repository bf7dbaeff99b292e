"""What machines have learned: versions of their models, and the encoders these go with."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import automl as limits
from app.limits import columns
from app.models.automl.machines import Machine
from app.models.base import WITHHELD, BigInt, Json, Record, not_exported


class EncDecConfiguration(Record):
    """How the values of a machine's columns become numbers, and numbers values: plain numbers and lists alone."""

    __tablename__ = "enc_dec_configurations"
    __owned_by__ = ("machine_id",)
    __table_args__ = (Index(None, "machine_id"),)

    machine_id: Mapped[int] = mapped_column(ForeignKey("machines.id", ondelete="CASCADE"))
    sha256: Mapped[str] = mapped_column(
        String(columns.SHA256_LENGTH), doc="The SHA-256 of the configuration, which a model names."
    )
    enc_dec_config: Mapped[Json | None] = mapped_column(doc="The encoders of each column.")

    machine: Mapped[Machine] = relationship(foreign_keys=machine_id, lazy="raise", doc="The machine.")


class NNModel(Record):
    """A version of a machine's model. One version is current: the machine's `trainingNnModel`."""

    __tablename__ = "nn_models"
    __owned_by__ = ("machine_id",)
    __table_args__ = (
        Index(
            "uq_nn_models_machine_id_version",
            "machine_id",
            "version",
            unique=True,
            info={"conflict": "This version was stored meanwhile. Try again."},
        ),
        Index(None, "machine_id", "id"),
        Index(None, "enc_dec_configuration_id"),
        CheckConstraint("version > 0", name="version"),
    )

    machine_id: Mapped[int] = mapped_column(ForeignKey("machines.id", ondelete="CASCADE"))
    enc_dec_configuration_id: Mapped[int | None] = mapped_column(
        ForeignKey("enc_dec_configurations.id", ondelete="SET NULL")
    )
    # The owner of the machine, filled by a trigger: their bytes are freed when the machine is gone.
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"),
        index=True,
        info=not_exported("a version belongs to its machine"),
    )
    version: Mapped[int] = mapped_column(doc="The number of the version, from 1.")
    level: Mapped[int] = mapped_column(doc="The level that it was trained at.")
    seed: Mapped[int] = mapped_column(doc="What chance began with: equal seeds give equal answers.")
    storage_key: Mapped[str] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=WITHHELD)
    sha256: Mapped[str] = mapped_column(String(columns.SHA256_LENGTH), doc="The SHA-256 of the model's file.")
    size_bytes: Mapped[BigInt] = mapped_column(doc="The size of the model's file in bytes.")
    shape: Mapped[Json | None] = mapped_column(doc="The shape of its network.")
    figures: Mapped[Json | None] = mapped_column(doc="How good it is on lines that it never saw.")
    hardware: Mapped[str | None] = mapped_column(
        String(limits.REASON_LENGTH_MAX), doc="The hardware that it was trained on."
    )

    machine: Mapped[Machine] = relationship(
        foreign_keys=machine_id, back_populates="nn_models", lazy="raise", doc="The machine."
    )
    enc_dec_configuration: Mapped[EncDecConfiguration | None] = relationship(
        foreign_keys=enc_dec_configuration_id, lazy="raise", doc="The encoders that it goes with."
    )
