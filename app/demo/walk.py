"""The whole path on the demo village, walked as a client would walk it: from an area to predicted buildings."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from shapely.geometry import mapping as geojson_of
from websockets.asyncio.client import connect

from app.demo.people import PASSWORD, PEOPLE, footprints, imagery
from app.gateways.fakes import village
from app.settings import settings

ZOOM = 19
EPOCHS = 12  # enough for the village, and done while one watches
console = Console()


def run() -> None:
    """From an area to predicted buildings: labels, training, publication, prediction, live."""
    asyncio.run(_walk())


async def _walk() -> None:
    async with httpx.AsyncClient(base_url=settings.address, timeout=30) as http:
        client = Client(http)
        console.print("[bold]1[/] Signing in as the demo's mapper …")
        await client.sign_in()
        model = await _model(client)
        training = await _train(client, model["id"])
        await client.ask("publishTraining", "PublishTrainingInput!", {"trainingId": training["id"]}, "id status")
        console.print("[bold]6[/] Published. Searching the next neighbourhood …")
        await _predict(client, model["id"])


async def _model(client: "Client") -> dict[str, Any]:
    fields = {"name": "Roofs of the village", "sourceImagery": imagery()}
    dataset = await client.ask("createDataset", "CreateDatasetInput!", fields, "id")
    console.print(f"[bold]2[/] A dataset over {imagery()}")
    for area in village.TRAINING_AREAS:
        drawn = {"datasetId": dataset["id"], "geom": geojson_of(area)}
        aoi = await client.ask("createAoi", "CreateAoiInput!", drawn, "id")
        labels = {"aoiId": aoi["id"], "geojson": footprints(area)}
        upload = await client.ask("uploadLabels", "UploadLabelsInput!", labels, "added")
        console.print(f"[bold]3[/] An area with {upload['added']} labelled buildings")
    console.print("[bold]4[/] A model from the base model RAMP")
    fields = {"datasetId": dataset["id"], "name": "Roofs"}
    return await client.ask("createModel", "CreateModelInput!", fields, "id")


async def _train(client: "Client", model_id: str) -> dict[str, Any]:
    console.print("[bold]5[/] Training, live:")
    asked = {"modelId": model_id, "zoomLevel": [ZOOM], "epochs": EPOCHS}
    started = await client.ask("startTraining", "StartTrainingInput!", asked, "id")
    training = await client.watch("training", started["id"], "status accuracy objectF1 failure")
    if training["status"] != "FINISHED":
        raise SystemExit(f"The training has failed: {training['failure']}")
    console.print(
        f"  validation IoU [bold]{training['accuracy'] / 100:.2f}[/], whole buildings F1 {training['objectF1']:.2f}"
    )
    return {"id": started["id"], **training}


async def _predict(client: "Client", model_id: str) -> None:
    asked = {"modelId": model_id, "geom": geojson_of(village.PREDICTION_AREA), "zoomLevel": ZOOM}
    started = await client.ask("startPrediction", "StartPredictionInput!", asked, "id")
    shown = "status resultCount failure artifacts { nodes { name link } }"
    prediction = await client.watch("prediction", started["id"], shown)
    if prediction["status"] != "FINISHED":
        raise SystemExit(f"The prediction has failed: {prediction['failure']}")
    there = sum(found.geometry.within(village.PREDICTION_AREA) for found in village.footprints(village.BOUNDS))
    console.print(f"[bold]7[/] {prediction['resultCount']} buildings found; {there} stand wholly within the area.")
    for file in prediction["artifacts"]["nodes"]:
        console.print(f"  {file['name']}: {file['link']}", soft_wrap=True)


class Client:
    """A GraphQL client as anybody might write one."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._token = ""

    async def sign_in(self) -> None:
        """Opens a session of the demo's mapper."""
        credentials = {"email": PEOPLE["mapper"], "password": PASSWORD}
        signed_in = await self.ask("signIn", "SignInInput!", credentials, "token", "SignedIn")
        self._token = signed_in["token"]

    async def ask(
        self, mutation: str, kind: str, input: dict[str, Any], fields: str, on: str | None = None
    ) -> dict[str, Any]:
        """One mutation; a problem ends the demo with its words."""
        types = {"createDataset": "Dataset", "createAoi": "AOI", "uploadLabels": "LabelUpload", "createModel": "Model"}
        types |= {"startTraining": "Training", "publishTraining": "Model", "startPrediction": "Prediction"}
        made = on or types[mutation]
        document = f"""mutation ($input: {kind}) {{
            {mutation}(input: $input) {{ ... on {made} {{ {fields} }} ... on Problem {{ code message }} }}
        }}"""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        reply = await self._http.post(
            "/graphql", json={"query": document, "variables": {"input": input}}, headers=headers
        )
        body = reply.json()
        answer: dict[str, Any] = (body.get("data") or {}).get(mutation) or {}
        if "errors" in body or "code" in answer:
            raise SystemExit(f"{mutation}: {answer.get('message') or body['errors'][0]['message']}")
        return answer

    async def watch(self, kind: str, id: str, fields: str) -> dict[str, Any]:
        """Follows a training or a prediction to its end, and draws its progress."""
        document = f"""subscription ($id: ID!) {{ {kind}Updated({kind}Id: $id) {{
            progress message {kind} {{ {fields} }}
        }} }}"""
        last: dict[str, Any] = {}
        columns = (TextColumn("  {task.description:<60}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as bars:
            bar = bars.add_task("Waiting for a worker", total=1.0)
            async for event in self._events(document, {"id": id}):
                last = event[f"{kind}Updated"]
                if last["progress"] is not None:
                    bars.update(bar, completed=last["progress"], description=last["message"])
            bars.update(bar, completed=1.0, description="Done")
        return dict(last[kind])

    async def _events(self, document: str, variables: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        address = f"{settings.address.replace('http', 'ws', 1)}/graphql"
        async with connect(address, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
            payload = {"Authorization": f"Bearer {self._token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            asked = {"query": document, "variables": variables}
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "connection_ack":
                    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": asked}))
                elif message["type"] == "ping":
                    await socket.send(json.dumps({"type": "pong"}))
                elif message["type"] == "next":
                    yield message["payload"]["data"]
                elif message["type"] in {"complete", "error"}:
                    return
