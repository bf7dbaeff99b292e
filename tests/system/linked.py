"""Rows that links and inputs lead to: of camera traps, machines, the market, bulk queries, and of consulting."""

from io import BytesIO

from PIL import Image

from app.gateways import storage
from app.models.automl.lines import MachineLine
from app.models.automl.market import Listing, ListingKind, ListingReview, Purchase, PurchaseKind
from app.models.automl.readings import TableReading
from app.models.automl.works import Work
from app.models.consulting.history import ConsultingFile
from app.models.consulting.requests import ConsultingCategory, ConsultingRequest, ConsultingState
from app.models.integrations import BulkQuery
from app.models.wildlife.exchange import ExchangeStatus, WildlifeExport, WildlifeExportFormat
from app.services.automl.answering import solving
from app.services.integrations import bulk
from app.tabular.choices import WorkKind, WorkStatus
from tests import factories
from tests.automl import learned
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife

MEDIUM = {"path": "IMG_1.JPG", "bytes": 5, "sha256": "0" * 64}
MEDIA = """mutation ($project: ID!, $files: [MediaFileInput!]!) {
    requestMediaUploads(input: {researchProjectId: $project, files: $files}) {
        ... on RequestedUploads { files { url } } } }"""


async def a_machine(database, owner, team):
    """A machine of a team's with a version, a file that it solved, and a graph."""
    machine = await factories.machine(database, owner.id, machine_owner_team_id=team.id)
    model = await factories.nn_model(database, machine.id, storage_key="machines/1/a")
    done = {"kind": WorkKind.SOLVING, "status": WorkStatus.FINISHED, "storage_key": "uploads/1"}
    work = await factories.add(database, Work(machine_id=machine.id, user_id=owner.id, **done))
    await storage.put(model.storage_key, learned.learned())
    await storage.put(solving.key_of(work), b"content")
    return machine, model, work, await factories.graph(database, machine.id)


async def camera_traps(database, owner, member):
    """A medium with its files in a project that somebody has joined, and their export of it."""
    season = await classifying.season(database, owner.id, media=0)
    await classifying.joined(database, season, member.id)
    files = {"storage_key": "media/1/a", "thumbnail_key": "media/1/a.small", "preview_key": "media/1/a.preview"}
    medium = await wildlife.resource(database, season.research, deployment_id=season.deployment.id, **files)
    await wildlife.put_into(database, season.collection, medium)
    shot = BytesIO()
    Image.new("RGB", (64, 48)).save(shot, "WEBP")
    for key in files.values():
        await storage.put(key, shot.getvalue())
    done = {"status": ExchangeStatus.FINISHED, "storage_key": "wildlife-exports/1.zip", "size_bytes": 1}
    asked = {"user_id": member.id, "classification_project_id": season.project.id}
    export = await factories.add(database, WildlifeExport(format=WildlifeExportFormat.COCO, **asked, **done))
    await storage.put("wildlife-exports/1.zip", b"content")
    return season.research, season.project, season.deployment, medium, export


async def a_bulk_query(database, user_id, **lasts):
    """A bulk query with both its files."""
    made = {"storage_key": "bulk/1", "document": "{ datasets { nodes { id } } }", "is_flat": True}
    for kind in bulk.MEDIA_TYPES:
        await storage.put(f"bulk/1.{kind}", b"content")
    return await factories.add(database, BulkQuery(user_id=user_id, **made, **lasts))


async def a_request(database, owner, team):
    """A file of a consulting request that is a team's, and that nobody else sees any more."""
    about = {"category": ConsultingCategory.OTHER, "description": "Help us.", "state": ConsultingState.CANCELLED}
    request = await factories.add(database, ConsultingRequest(user_id=owner.id, team_id=team.id, **about))
    given = {"name": "notes.txt", "media_type": "text/plain", "size_bytes": 7, "storage_key": "consulting/1"}
    await storage.put("consulting/1", b"content")
    return await factories.add(database, ConsultingFile(request_id=request.id, user_id=owner.id, **given))


async def an_offer(database, owner_id, machine_id):
    """An offer, a purchase and a review."""
    offered = {"machine_id": machine_id, "seller_id": owner_id, "kind": ListingKind.DATA_SOURCE}
    listing = await factories.add(database, Listing(**offered))
    frozen = {"machine_name": "Cells", "price_usd": 0, "licence": "CC0", "licence_terms": ""}
    bought = {"buyer_id": owner_id, "listing_id": listing.id, "kind": PurchaseKind.MACHINE_COPY}
    review = ListingReview(listing_id=listing.id, user_id=owner_id, stars=5)
    return {
        "Listing": listing,
        "Purchase": await factories.add(database, Purchase(**bought, **frozen)),
        "Review": await factories.add(database, review),
    }


async def machine_rows(database, owner_id):
    """A table that was read, and a machine with a line."""
    reading = TableReading(user_id=owner_id, storage_key="uploads/1", report={"columns": []})
    made = await factories.machine(database, owner_id)
    line = MachineLine(machine_id=made.id, values=["a"], is_for_solving=True)  # of the column that the graph has
    return {
        "TableReading": await factories.add(database, reading),
        "Machine": made,
        "MachineLine": await factories.add(database, line),
        "Graph": await factories.graph(database, made.id),
        "Work": await factories.add(database, Work(machine_id=made.id, user_id=owner_id, kind=WorkKind.TRAINING)),
        "NNModel": await factories.nn_model(database, made.id),
        **await an_offer(database, owner_id, made.id),
    }
