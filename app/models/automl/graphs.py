"""Graphs of machines' lines: what is drawn of which columns."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import automl as limits
from app.models.automl.machines import Machine
from app.models.base import Record
from app.tabular.choices import GraphType


def _column(doc: str) -> Mapped[str | None]:
    return mapped_column(String(limits.COLUMN_NAME_LENGTH_MAX), doc=doc)


class Graph(Record):
    """A graph of a machine's lines. It names columns, and is drawn from the lines as they are when it is asked for."""

    __tablename__ = "graphs"
    __owned_by__ = ("machine_id",)
    __table_args__ = (Index(None, "machine_id", "id"),)

    machine_id: Mapped[int] = mapped_column(ForeignKey("machines.id", ondelete="CASCADE"))
    graph_type: Mapped[GraphType] = mapped_column(
        default=GraphType.SCATTERPLOT, server_default="SCATTERPLOT", doc="What it draws."
    )
    hue: Mapped[str | None] = mapped_column(
        String(limits.PALETTE_LENGTH_MAX),
        default="Light24",
        server_default="Light24",
        doc="The palette of its colours, by its name in Plotly; null is Light24.",
    )
    x: Mapped[str | None] = _column("The column along the horizontal axis.")
    y: Mapped[str | None] = _column("The column along the vertical axis.")
    z: Mapped[str | None] = _column("The column whose mean colours the cells of a HEXBIN.")
    size: Mapped[str | None] = _column("The column that sizes the points.")
    style: Mapped[str | None] = _column("The column that chooses the symbols, or the dashes of lines.")
    color: Mapped[str | None] = _column("The column that chooses the colours.")
    col: Mapped[str | None] = _column("The column whose values have panels beside each other.")
    row: Mapped[str | None] = _column("The column whose values have panels below each other.")
    animation_frame: Mapped[str | None] = _column("The column whose values are shown one after the other.")

    machine: Mapped[Machine] = relationship(back_populates="graphs", lazy="raise", doc="The machine.")

    @property
    def title(self) -> str:
        """What its type is called."""
        return self.graph_type.title

    @property
    def graph_type_number(self) -> int:
        """The number of its type, 1 to {automl.GRAPH_TYPES}."""
        return self.graph_type.number
