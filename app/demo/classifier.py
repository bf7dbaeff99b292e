"""A classifier of species, trained on a season that people named before: brought in, imported, approved, and learned.

The pictures are drawn and their truth is known, so its results on cameras that it never saw can be judged.
"""

import csv
import io
import json
from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any

import anyio.to_thread

from app.demo import cameras
from app.demo.client import IMPORT, READING, Client, console
from app.gateways.fakes.wood import season
from app.gateways.fakes.wood.shots import Seen

VISITS = 12
KINDS = ("Capreolus capreolus", "Sus scrofa")
COLUMNS = ("filePath", "observationType", "scientificName", "bboxes", "classificationMethod")
Drawn = tuple[season.Picture, bytes, tuple[Seen, ...]]
Json = dict[str, Any]


async def teach(client: Client, research: str, project: str) -> None:
    """Brings the season in, has it approved, and trains a classifier on it."""
    wanted = [each for each in season.pictures(VISITS) if any(actor.kind in KINDS for actor in each.actors)]
    console.print(f"[bold]8[/] Last year's season: {len(wanted)} pictures of {len(KINDS)} species, which people named")
    drawn = [(each, *(await anyio.to_thread.run_sync(each.taken))) for each in wanted]
    collection = (await client.ask("createCollection", {"researchProjectId": research, "name": "Last year"},
                                   "Collection { id }"))["id"]  # fmt: skip
    for camera, pictures in groupby(drawn, key=lambda each: each[0].camera):
        await _bring(client, research, collection, camera, list(pictures))
    named = {"projectId": project, "collectionId": collection}
    await client.ask("addClassificationProjectCollection", named, "ClassificationProjectCollection { id }")
    await _train(client, project, after=await _import(client, project, drawn))


async def _bring(client: Client, research: str, collection: str, camera: season.Camera, drawn: Sequence[Drawn]) -> None:
    """The memory card of one camera."""
    deployment = await cameras.place(client, research, camera, location=f"{camera.code}-before", deployment="Before")
    files = {_path(each): content for each, content, _ in drawn}
    asked = [{"path": path, "bytes": len(each), "sha256": sha256(each).hexdigest()} for path, each in files.items()]
    to = {"researchProjectId": research, "deploymentId": deployment}
    links = await client.ask(
        "requestMediaUploads", {**to, "files": asked}, "RequestedUploads { files { path url mediaType } }"
    )
    for link in links["files"]:
        await client.put(link["url"], files[link["path"]], link["mediaType"])
    begun = await client.ask("readMedia", {**to, "collectionId": collection}, "MediaReading { id }")
    reading = await client.watch(READING, begun["id"], "status failure read")
    if reading["status"] != "FINISHED":
        raise SystemExit(f"It ended as {reading['status']}: {reading['failure']}")


def _path(picture: season.Picture) -> str:
    """Another than that of this year's card, where files have the same names."""
    return f"before/{picture.path}"


async def _import(client: Client, project: str, drawn: Sequence[Drawn]) -> str:
    """People's classifications, imported as a table and approved. A place in the order of events after it."""
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(COLUMNS)
    for picture, _, seen in drawn:
        animals = [each for each in seen if each.kind in KINDS]
        for each in animals:
            rows.writerow([_path(picture), "animal", each.kind, json.dumps([float(x) for x in each.bbox]), "human"])
        if not animals:
            rows.writerow([_path(picture), "blank", "", "", "human"])
    upload = await client.upload("season.csv", table.getvalue().encode())
    arguments = {"classificationProjectId": project, "files": [{"upload": upload}], "approve": True}
    begun = await client.ask("importClassifications", arguments, "WildlifeImport { id }")
    fields = "status failure matched unmatched counts { approved observations }"
    done = await client.watch(IMPORT, begun["id"], fields)
    if done["status"] != "FINISHED":
        raise SystemExit(f"It ended as {done['status']}: {done['failure']}")
    counts = done["counts"]
    console.print(f"  {counts['observations']} observations imported, {counts['approved']} media approved")
    return str(done["cursor"])


async def _train(client: Client, project: str, *, after: str) -> None:
    """Learns from all that is approved, also from the new card; or says why it cannot."""
    document = """mutation ($input: TrainSpeciesClassifierInput!) { trainSpeciesClassifier(input: $input) {
        __typename ... on SpeciesClassifierTraining { id } ... on Problem { message } } }"""
    arguments = {"classificationProjectId": project, "name": "Demo wood"}
    begun = (await client.read(document, input=arguments))["trainSpeciesClassifier"]
    if begun["__typename"] != "SpeciesClassifierTraining":
        console.print(f"[bold]9[/] No classifier: {begun['message']}", soft_wrap=True)
        return
    console.print("[bold]9[/] A classifier learns from what is approved …")
    await client.notified(begun["id"], after=after)
    document = """query ($id: ID!) { speciesClassifierTraining(id: $id) {
        status failure trainingCrops testCrops splitBy accuracy balancedAccuracy baselineAccuracy } }"""
    training: Json = (await client.read(document, id=begun["id"]))["speciesClassifierTraining"]
    if training["status"] != "FINISHED":
        console.print(f"  It ended as {training['status']}: {training['failure']}", soft_wrap=True)
        return
    console.print(
        f"  It learned from {training['trainingCrops']} crops and names {training['accuracy']:.0%} of "
        f"{training['testCrops']} rightly that it never saw, split by {training['splitBy'].lower()}. "
        f"Always naming the commonest species: {training['baselineAccuracy']:.0%}.",
        soft_wrap=True,
    )
