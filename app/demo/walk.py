"""The whole path on the demo village, walked as a client would walk it: from an area to predicted buildings."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, NoReturn, Self

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from shapely.geometry import mapping as geojson_of
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from app.demo.people import PASSWORD, PEOPLE, footprints, imagery
from app.gateways.fakes import village
from app.settings import settings

# How long the API may be away before the demo gives up, and how long it waits between tries.
SILENT_S_MAX, RETRY_S_MAX, OPEN_S_MAX = 300.0, 10.0, 60.0
# What a client need not give up for.
PASSING = {"UNAVAILABLE", "TIMEOUT", "INTERNAL", "RATE_LIMITED", "LIMIT_REACHED"}
ENDED = {"FINISHED", "FAILED"}
ZOOM = 19
EPOCHS = 12  # enough for the village, and done while one watches
Events = AsyncGenerator[dict[str, Any], None]
console = Console()


def run() -> None:
    """From an area to predicted buildings: labels, training, publication, prediction, live."""
    asyncio.run(_walk())


async def _walk() -> None:
    async with httpx.AsyncClient(base_url=settings.address, timeout=120) as http:
        client = Client(http)
        console.print("[bold]1[/] Signing in as the demo's mapper …")
        await client.sign_in()
        model = await _model(client)
        training = await _train(client, model["id"])
        await client.ask("publishTraining", "PublishTrainingInput!", {"id": training["id"]}, "id status")
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
    arguments = {"modelId": model_id, "zoomLevel": [ZOOM], "epochs": EPOCHS}
    started = await client.ask("startTraining", "StartTrainingInput!", arguments, "id")
    training = await client.watch("training", started["id"], "status accuracy objectF1 failure")
    if training["status"] != "FINISHED":
        raise SystemExit(f"The training failed: {training['failure']}")
    console.print(
        f"  validation IoU [bold]{training['accuracy'] / 100:.2f}[/], whole buildings F1 {training['objectF1']:.2f}"
    )
    return {"id": started["id"], **training}


async def _predict(client: "Client", model_id: str) -> None:
    arguments = {"modelId": model_id, "geom": geojson_of(village.PREDICTION_AREA), "zoomLevel": ZOOM}
    started = await client.ask("startPrediction", "StartPredictionInput!", arguments, "id")
    selection = "status resultCount failure artifacts { nodes { name link } }"
    prediction = await client.watch("prediction", started["id"], selection)
    if prediction["status"] != "FINISHED":
        raise SystemExit(f"The prediction failed: {prediction['failure']}")
    there = sum(footprint.geometry.within(village.PREDICTION_AREA) for footprint in village.footprints(village.BOUNDS))
    console.print(f"[bold]7[/] {prediction['resultCount']} buildings found; {there} lie entirely within the area.")
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
        result_type = on or types[mutation]
        document = f"""mutation ($input: {kind}) {{
            {mutation}(input: $input) {{ ... on {result_type} {{ {fields} }} ... on Problem {{ code message }} }}
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
        """Follows a training or a prediction to its end, and shows its progress."""
        document = f"""subscription ($id: ID!, $after: String) {{ {kind}Updated({kind}Id: $id, after: $after) {{
            cursor progress message {kind} {{ {fields} }}
        }} }}"""
        last: dict[str, Any] = {}
        with Shown() as progress:
            async with aclosing(self._lasting(document, f"{kind}Updated", {"id": id})) as events:
                async for event in events:
                    last = event
                    if last["progress"] is not None:
                        progress.tell(last["progress"], last["message"])
                    if last[kind]["status"] in ENDED:
                        break
            progress.tell(1.0, "Done")
        return dict(last[kind])

    async def _lasting(self, document: str, name: str, variables: dict[str, Any]) -> Events:
        """The events of a subscription, whatever becomes of its connections: it goes on after the last that came."""
        after, silent_s = None, 0.0
        while True:
            try:
                async with aclosing(self._events(document, {**variables, "after": after})) as events:
                    async for event in events:
                        after, silent_s = event[name]["cursor"], 0.0
                        yield event[name]
            except (OSError, WebSocketException) as error:
                if silent_s >= SILENT_S_MAX:
                    raise SystemExit(f"{settings.address} no longer answers: {error}") from None
                wait_s = min(1.0 + silent_s, RETRY_S_MAX)
                silent_s += wait_s
                console.print(f"  Connection lost. Reconnecting in {wait_s:g} s …")
                await asyncio.sleep(wait_s)

    async def _events(self, document: str, variables: dict[str, Any]) -> Events:
        """The events of one connection; raises if it ends before the subscription does."""
        address = f"{settings.address.replace('http', 'ws', 1)}/graphql"
        protocols: Any = ["graphql-transport-ws"]
        # A loaded machine may be slow to answer: the server's own pings say whether it is there.
        async with connect(address, subprotocols=protocols, open_timeout=OPEN_S_MAX, ping_timeout=None) as socket:
            payload = {"Authorization": f"Bearer {self._token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            body = {"query": document, "variables": variables}
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "connection_ack":
                    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": body}))
                elif message["type"] == "ping":
                    await socket.send(json.dumps({"type": "pong"}))
                elif message["type"] == "next" and "errors" not in message["payload"]:
                    yield message["payload"]["data"]
                elif message["type"] in {"next", "error"}:
                    payload = message["payload"]
                    _give_up_or_retry(payload if isinstance(payload, list) else payload["errors"])
                elif message["type"] == "complete":
                    break
        raise ConnectionError("the subscription ended early")


def _give_up_or_retry(errors: list[dict[str, Any]]) -> NoReturn:
    if errors[0]["extensions"]["code"] in PASSING:
        raise ConnectionError(errors[0]["message"])
    raise SystemExit(errors[0]["message"])


class Shown:
    """Progress as a bar on a terminal, and as lines where the output is piped."""

    def __init__(self) -> None:
        columns = (TextColumn("  {task.description:<60}"), BarColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, console=console)
        self._bar = self._bars.add_task("Waiting for a worker", total=1.0)
        self._told = ""

    def __enter__(self) -> Self:
        if console.is_terminal:
            self._bars.start()
        else:
            console.print("  Waiting for a worker …")
        return self

    def __exit__(self, *_: object) -> None:
        if console.is_terminal:
            self._bars.stop()

    def tell(self, progress: float, message: str | None) -> None:
        """How far it is; as a line, only when that has changed by a percent."""
        if console.is_terminal:
            self._bars.update(self._bar, completed=progress, description=message)
            return
        line = f"  {progress:4.0%}  {message or ''}"
        if line != self._told:
            self._told = line
            console.print(line)
