"""A memory card from the camera to a package for others, walked as a client would walk it.

Upload, the local detector, a manager's model, corrections, approval in bulk, a classifier of one's own, and an export
that is read back, all live.
"""

import asyncio
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import anyio.to_thread

from app.demo import cameras, classifier
from app.demo.client import AI_JOB, IMPORT, READING, Client, console
from app.gateways.fakes import ai_manager
from app.gateways.fakes.wood import season, stand_in_manager
from app.gateways.fakes.wood.shots import Seen
from app.settings import settings

CAMERA = "WOOD-5"
SYNC_S_MAX = 120
# What the drawn season calls those that are no animals.
KINDS = {"HUMAN": "person", "VEHICLE": "car", "ANIMAL": "animal", "UNKNOWN": "unknown", "UNCLASSIFIED": "unknown"}
LOCAL = """{ aiProviders(providerType: DETECTION, first: 100) { nodes {
    id name ... on LocalAIProvider { engine available reason } } } }"""
FOUND = """query ($id: ID!) { aiJobOutcomes(jobId: $id, outcome: OK, first: 20) { nodes { resource {
    classifications(first: 10) { nodes { classificationType isBlank } } } } } }"""
FINALS = """query ($id: ID!) { classifications(classificationProjectId: $id, first: 20) { nodes {
    version resource { id filePath }
    candidates(first: 5) { nodes { id model { id } dynamicAttrs(first: 5) { nodes {
        observationType species { scientificName } } } } }
} } }"""
Json = dict[str, Any]


async def walk(client: Client) -> None:
    """From a memory card to a Camtrap DP package."""
    console.print("[bold]1[/] Signing in as the demo's ecologist …")
    await client.sign_in("ecologist")
    pictures = [each for each in season.pictures(stand_in_manager.VISITS) if each.camera.code == CAMERA]
    project, deployment = await _place(client, pictures[0].camera)
    collection = await _bring(client, project, deployment, pictures)
    classification, link = await _classification_project(client, project, collection)
    await _look_locally(client, link, pictures)
    provider, cursor = await _look_elsewhere(client, link)
    await _correct(client, classification, provider, pictures)
    await _approve(client, classification, provider)
    await classifier.teach(client, project, classification)
    await _export(client, classification, after=cursor)


async def _place(client: Client, camera: season.Camera) -> tuple[str, str]:
    """A project with the place and the time of one camera."""
    number = secrets.token_hex(3)
    names = {"name": f"Memory card {number}", "acronym": f"CARD{number}"}
    project = await client.ask("createResearchProject", names, "ResearchProject { id name }")
    console.print(f"[bold]2[/] A research project, {project['name']}, with the camera at {camera.name}")
    return project["id"], await cameras.place(client, project["id"], camera, location=camera.code, deployment="May")


async def _bring(client: Client, project: str, deployment: str, pictures: Sequence[season.Picture]) -> str:
    """The files of the card, uploaded and read into a collection."""
    console.print(f"[bold]3[/] Uploading {len(pictures)} pictures of the memory card, and reading them, live:")
    files = {each.path: await anyio.to_thread.run_sync(each.content) for each in pictures}
    asked = [{"path": path, "bytes": len(each), "sha256": sha256(each).hexdigest()} for path, each in files.items()]
    to = {"researchProjectId": project, "deploymentId": deployment}
    links = await client.ask(
        "requestMediaUploads", {**to, "files": asked}, "RequestedUploads { files { path url mediaType } }"
    )
    for link in links["files"]:
        await client.put(link["url"], files[link["path"]], link["mediaType"])
    named = {"researchProjectId": project, "name": "Memory card"}
    collection = await client.ask("createCollection", named, "Collection { id }")
    begun = await client.ask("readMedia", {**to, "collectionId": collection["id"]}, "MediaReading { id }")
    reading = await client.watch(READING, begun["id"], "status failure read unreadable duplicated")
    _passed(reading["status"], "FINISHED", reading["failure"])
    console.print(f"  {reading['read']} read, {reading['unreadable']} unreadable, {reading['duplicated']} duplicates")
    return str(collection["id"])


async def _classification_project(client: Client, project: str, collection: str) -> tuple[str, str]:
    arguments = {"researchProjectId": project, "name": "Who was there?"}
    made = await client.ask("createClassificationProject", arguments, "ClassificationProject { id }")
    link = await client.ask(
        "addClassificationProjectCollection",
        {"projectId": made["id"], "collectionId": collection},
        "ClassificationProjectCollection { id }",
    )
    return made["id"], link["id"]


async def _look_locally(client: Client, link: str, pictures: Sequence[season.Picture]) -> None:
    """The detector that runs here. It was trained on photographs: its results on drawings are shown as they are."""
    listed = await client.read(LOCAL)
    local = next((each for each in listed["aiProviders"]["nodes"] if each.get("engine")), None)
    if local is None or not local["available"]:
        console.print(
            f"[bold]4[/] No local detector: {local['reason'] if local else 'there is none.'} Going on without."
        )
        return
    console.print(f"[bold]4[/] {local['name']}, the detector on this machine, looks at them, live:")
    job = await _run(client, link, local["id"])
    answer = await client.read(FOUND, id=job["id"])
    rows = [
        row
        for outcome in answer["aiJobOutcomes"]["nodes"]
        for row in outcome["resource"]["classifications"]["nodes"]
        if row["classificationType"] == "AI"
    ]
    seen = sum(not row["isBlank"] for row in rows)
    drawn = sum(bool(each.actors) for each in pictures)
    console.print(
        f"  It finds an animal in {seen} of {len(rows)} pictures; {drawn} show one. It is made for photographs, "
        "and these are drawn.",
        soft_wrap=True,
    )


async def _look_elsewhere(client: Client, link: str) -> tuple[str, str]:
    """A model of an AI Manager: the demo's own, which finds most of what is drawn and makes mistakes."""
    url = f"{settings.address}/demo/ai-manager"
    known = await client.read("{ aiProviderConnections(first: 100) { nodes { id apiUrl } } }")
    there = [each["id"] for each in known["aiProviderConnections"]["nodes"] if each["apiUrl"] == url]
    if not there:
        login = {"apiUrl": url, "apiAuthLogin": ai_manager.LOGIN, "apiAuthPassw": ai_manager.PASSWORD}
        made = await client.ask("createAiProviderConnection", login, "AIProviderConnection { id }")
        there = [made["id"]]
    provider = await _synced(client, there[0])
    console.print(f"[bold]5[/] {provider['name']}, a model of an AI Manager, names the species, live:")
    job = await _run(client, link, provider["id"])
    return provider["id"], job["cursor"]


async def _synced(client: Client, connection: str) -> Json:
    """The model of the manager, once it is known here."""
    document = """query ($id: ID!) { aiProviderConnection(id: $id) {
        lastSyncError providers { nodes { id name isActive } } } }"""
    for turn in range(SYNC_S_MAX):
        connection_row = (await client.read(document, id=connection))["aiProviderConnection"]
        active = [each for each in connection_row["providers"]["nodes"] if each["isActive"]]
        if active:
            return dict(active[0])
        if turn == 0:
            await client.ask("syncAiModels", {"id": connection}, "AIProviderConnection { id }")
        await asyncio.sleep(1)
    raise SystemExit(f"The AI Manager's models are not here: {connection_row['lastSyncError']}")


async def _run(client: Client, link: str, provider: str) -> Json:
    arguments = {"collectionId": link, "providerId": provider}
    begun = await client.ask("startAiClassification", arguments, "AIClassificationJob { id }")
    job = await client.watch(AI_JOB, begun["id"], "id stage failure okCount skippedCount failedCount")
    _passed(job["stage"], "DONE", job["failure"])
    console.print(f"  {job['okCount']} classified, {job['skippedCount']} skipped, {job['failedCount']} failed")
    return job


async def _correct(client: Client, project: str, provider: str, pictures: Sequence[season.Picture]) -> None:
    """What the model got wrong, classified and approved by the ecologist, who sees what is drawn."""
    listed = await client.read(FINALS, id=project)
    by_path = {each["resource"]["filePath"]: each for each in listed["classifications"]["nodes"]}
    wrong = 0
    for picture in pictures:
        final = by_path[picture.path]
        [row] = [each for each in final["candidates"]["nodes"] if each["model"] and each["model"]["id"] == provider]
        seen = await anyio.to_thread.run_sync(picture.seen)
        observations = [_named(each) for each in row["dynamicAttrs"]["nodes"] if each["observationType"] != "BLANK"]
        if sorted(observations) == sorted(each.kind for each in seen):
            continue
        wrong += 1
        fields = {
            "classificationProjectId": project,
            "resourceId": final["resource"]["id"],
            "sourceClassificationId": row["id"],
            "observations": [await _observed(client, each) for each in seen],
            "isBlank": not seen,
        }
        mine = await client.ask("classify", fields, "Classification { id }")
        shown = {"id": mine["id"], "expectedVersion": final["version"]}
        await client.ask("approveClassification", shown, "Classification { version }")
    console.print(f"[bold]6[/] {wrong} of {len(pictures)} are wrong. The ecologist corrects them, and approves that.")


def _named(observation: Json) -> str:
    """What an observation says, in the words of the drawn season."""
    species = observation["species"]
    return species["scientificName"] if species else KINDS[observation["observationType"]]


async def _observed(client: Client, seen: Seen) -> Json:
    kind = next((type for type, name in KINDS.items() if name == seen.kind), "ANIMAL")
    fields: Json = {"observationType": kind, "bboxes": list(seen.bbox), "distance": round(seen.distance, 1)}
    if kind != "ANIMAL":
        return fields
    document = "query ($name: String!) { speciesList(search: $name, first: 1) { nodes { id } } }"
    [species] = (await client.read(document, name=seen.kind))["speciesList"]["nodes"]
    return fields | {"speciesId": species["id"]}


async def _approve(client: Client, project: str, provider: str) -> None:
    """The rest at once: first what would be approved, by species, then it is."""
    arguments = {"classificationProjectId": project, "filter": {"aiProviderId": provider, "approved": False}}
    document = """query ($classificationProjectId: ID!, $filter: ClassificationFilter) {
        bulkApprovalPreview(classificationProjectId: $classificationProjectId, filter: $filter) {
            approvable species { media species { scientificName } } } }"""
    preview = (await client.read(document, **arguments))["bulkApprovalPreview"]
    names = {each["species"]["scientificName"]: each["media"] for each in preview["species"] if each["species"]}
    summary = ", ".join(f"{name} in {media}" for name, media in names.items())
    console.print(f"[bold]7[/] {preview['approvable']} others can be approved at once: {summary}")
    done = await client.ask("approveClassifications", arguments, "BulkApproval { approvedCount skippedCount }")
    console.print(f"  {done['approvedCount']} approved, {done['skippedCount']} left alone")


async def _export(client: Client, project: str, *, after: str) -> None:
    """A package of what is approved; a notification says when it is there. It is read back without writing anything."""
    begun = await client.ask("exportCamtrapDp", {"classificationProjectId": project}, "WildlifeExport { id }")
    message = await client.notified(begun["id"], after=after)
    document = """query ($id: ID!) { wildlifeExport(id: $id) {
        status failure formatVersion downloadLink counts { deployments media observations } } }"""
    export = (await client.read(document, id=begun["id"]))["wildlifeExport"]
    _passed(export["status"], "FINISHED", export["failure"])
    console.print(f"[bold]10[/] {message}")
    counts = export["counts"]
    console.print(
        f"  Camtrap DP {export['formatVersion']}: {counts['media']} media, {counts['observations']} observations.",
        export["downloadLink"],
        soft_wrap=True,
    )
    upload = await client.upload("package.zip", await client.get(export["downloadLink"]))
    arguments = {"classificationProjectId": project, "files": [{"upload": upload}], "dryRun": True}
    begun = await client.ask("importCamtrapDp", arguments, "WildlifeImport { id }")
    read = await client.watch(IMPORT, begun["id"], "status failure errorCount warningCount counts { media }")
    _passed(read["status"], "FINISHED", read["failure"])
    console.print(
        f"  Read back and checked: {read['counts']['media']} media, {read['errorCount']} errors, "
        f"{read['warningCount']} warnings."
    )


def _passed(state: str, expected: str, failure: str | None) -> None:
    if state != expected:
        raise SystemExit(f"It ended as {state}: {failure}")
