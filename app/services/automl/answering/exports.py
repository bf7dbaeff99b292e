"""Machines to take along: a bundle that answers without us, a report to read, and pictures of graphs."""

from importlib.util import find_spec
from typing import Any, NamedTuple

from sqlalchemy import select

from app import parsing
from app.database import Database
from app.errors import NotFound
from app.formats.machines import bundles, onnx_graphs, reports
from app.gateways import storage
from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.policies import Viewer
from app.services import links
from app.services.automl import graphs
from app.services.automl.machines.columns import written
from app.services.automl.machines.loading import columns_in_order
from app.services.links import Kind, Opened
from app.telemetry.metering import in_thread

ROUTE = "machines"
BUNDLE = Kind("machine-bundle", ROUTE, NNModel)
REPORT = Kind("machine-report", ROUTE, NNModel)


class Exported(NamedTuple):
    """A file as whoever downloads it gets it."""

    content: bytes
    filename: str
    media_type: str


def bundle_link(viewer: Viewer, model: NNModel) -> str:
    """A temporary link to a version as a bundle."""
    return links.signed(BUNDLE, viewer, model.id)


def report_link(viewer: Viewer, model: NNModel) -> str:
    """A temporary link to what is known of a version."""
    return links.signed(REPORT, viewer, model.id)


async def exported(database: Database, token: str) -> Exported:
    """What a link leads to, made now."""
    async with database.reading() as session:
        opened = await links.opened(session, ROUTE, token)
    if opened.kind is graphs.IMAGE:
        return Exported(*await graphs.image(database, opened))
    return await _of_version(database, opened)


async def _of_version(database: Database, opened: Opened) -> Exported:
    model: NNModel = opened.row
    async with database.reading() as session:
        name = await session.scalar(select(Machine.machine_name).where(Machine.id == model.machine_id))
        columns = [
            {**written(each), "profile": each.profile} for each in await columns_in_order(session, model.machine_id)
        ]
    if name is None:
        raise NotFound("This machine was deleted.")
    stem = f"machine-{model.machine_id}-{model.version}"
    if opened.kind is REPORT:
        pictures = await graphs.pictures(database, opened.holder, model.machine_id)
        page = await in_thread(reports.report, name, model.version, columns, model.figures, pictures)
        return Exported(page.encode(), f"{stem}.html", "text/html")
    return Exported(await _bundle(model, name, columns), f"{stem}.zip", "application/zip")


async def _bundle(model: NNModel, name: str, columns: list[dict[str, Any]]) -> bytes:
    described = bundles.described(name, model.version, columns, model.figures)
    content = await storage.get(model.storage_key)
    # Only an installation with the extra `export` has the library.
    onnx = bytes(await parsing.run(onnx_graphs.written, content)) if find_spec("onnx") else None
    return await in_thread(bundles.bundle, content, described, onnx)
