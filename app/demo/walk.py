"""The whole path on the demo village, walked as a client would walk it: from an area to predicted buildings."""

from typing import Any

from shapely.geometry import mapping as geojson_of

from app.demo.client import PREDICTION, TRAINING, Client, console
from app.demo.people import footprints, imagery
from app.gateways.fakes import village

ZOOM = 19
EPOCHS = 12  # enough for the village, and done while one watches


async def walk(client: Client) -> None:
    """From an area to predicted buildings: labels, training, publication, prediction, live."""
    console.print("[bold]1[/] Signing in as the demo's mapper …")
    await client.sign_in("mapper")
    model = await _model(client)
    training = await _train(client, model["id"])
    await client.ask("publishTraining", {"id": training["id"]}, "Model { id status }")
    console.print("[bold]6[/] Published. Searching the next neighbourhood …")
    await _predict(client, model["id"])


async def _model(client: "Client") -> dict[str, Any]:
    fields = {"name": "Roofs of the village", "sourceImagery": imagery()}
    dataset = await client.ask("createDataset", fields, "Dataset { id }")
    console.print(f"[bold]2[/] A dataset over {imagery()}")
    for area in village.TRAINING_AREAS:
        drawn = {"datasetId": dataset["id"], "geom": geojson_of(area)}
        aoi = await client.ask("createAoi", drawn, "AOI { id }")
        labels = {"aoiId": aoi["id"], "geojson": footprints(area)}
        upload = await client.ask("uploadLabels", labels, "LabelUpload { added }")
        console.print(f"[bold]3[/] An area with {upload['added']} labelled buildings")
    console.print("[bold]4[/] A model from the base model RAMP")
    fields = {"datasetId": dataset["id"], "name": "Roofs"}
    return await client.ask("createModel", fields, "Model { id }")


async def _train(client: "Client", model_id: str) -> dict[str, Any]:
    console.print("[bold]5[/] Training, live:")
    arguments = {"modelId": model_id, "zoomLevel": [ZOOM], "epochs": EPOCHS}
    started = await client.ask("startTraining", arguments, "Training { id }")
    training = await client.watch(TRAINING, started["id"], "status accuracy objectF1 failure")
    if training["status"] != "FINISHED":
        raise SystemExit(f"The training failed: {training['failure']}")
    console.print(
        f"  validation IoU [bold]{training['accuracy'] / 100:.2f}[/], whole buildings F1 {training['objectF1']:.2f}"
    )
    return {"id": started["id"], **training}


async def _predict(client: "Client", model_id: str) -> None:
    arguments = {"modelId": model_id, "geom": geojson_of(village.PREDICTION_AREA), "zoomLevel": ZOOM}
    started = await client.ask("startPrediction", arguments, "Prediction { id }")
    selection = "status resultCount failure artifacts { nodes { name link } }"
    prediction = await client.watch(PREDICTION, started["id"], selection)
    if prediction["status"] != "FINISHED":
        raise SystemExit(f"The prediction failed: {prediction['failure']}")
    there = sum(footprint.geometry.within(village.PREDICTION_AREA) for footprint in village.footprints(village.BOUNDS))
    console.print(f"[bold]7[/] {prediction['resultCount']} buildings found; {there} lie entirely within the area.")
    for file in prediction["artifacts"]["nodes"]:
        console.print(f"  {file['name']}: {file['link']}", soft_wrap=True)
