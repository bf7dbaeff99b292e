"""Runs jobs of local providers, a batch in each turn."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from app.errors import Unreadable
from app.gateways import storage
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.ai_jobs import RemoteStatus
from app.models.wildlife.providers import LocalEngine
from app.services.wildlife.ai_jobs import progress, results
from app.services.wildlife.ai_jobs.managers import following
from app.services.wildlife.frames import storing
from app.services.wildlife.local_ai import running
from app.services.wildlife.local_ai import starting as _starting  # noqa: F401 -- a job may start another
from app.services.wildlife.local_ai.running import Task
from app.settings import settings
from app.weights import EFFICIENTNET_LITE0, MEGADETECTOR_LITE
from jobs.broker import job
from jobs.engine import run_engine
from jobs.folders import working_folder
from jobs.run import JobRun
from jobs.wildlife.engine_files import fetch, teller, write

WRITTEN_AT_ONCE = 50
WEIGHTS, RESULTS = "weights", "results.jsonl"


@job(WildlifeJob.RUN_LOCAL_AI, failed=following.fail)
async def run_local_ai(run: JobRun) -> None:
    """Does the next batch; others have their turn between two."""
    ai_job_id = run.claim.subject_id
    async with run.writing() as session:
        task = await running.begin(session, ai_job_id)
    if task is not None and task.media:
        with working_folder() as folder:
            await _run(run, task, folder)
    if task is None:
        async with run.ending():
            return
    async with run.ending() if task.is_last else run.resting() as session:
        await following.close(session, task.batch_id, RemoteStatus.DONE)


async def _run(run: JobRun, task: Task, folder: Path) -> None:
    topic = progress.topic_of(run.claim.subject_id)
    await fetch(run, topic, [(medium.id, medium.storage_key) for medium in task.media], folder)
    if task.weights_key is not None:
        await storage.download(task.weights_key, folder / WEIGHTS)
    write(folder / "request.json", _detecting(task, folder) if task.is_detection else _naming(task, folder))
    await run_engine(run, folder, teller(run, topic), s_max=settings.training_s_max)
    for lines in _lines(folder / RESULTS):
        run.go_on()
        if task.is_detection:
            await _write_detections(run, task, lines)
        else:
            async with run.writing() as session:
                await running.write_names(session, run.claim.subject_id, task.media, lines)


def _detecting(task: Task, folder: Path) -> dict[str, object]:
    is_onnx = task.engine is LocalEngine.ONNX
    return {
        "task": "find",
        "engine": task.engine.value,
        "weights": str(folder / WEIGHTS if is_onnx else MEGADETECTOR_LITE.path),
        "labels": [label["aiLabel"] for label in _labels(task)],
        "confidence_min": task.minimum_confidence,
        "video_fps": task.video_fps,
        "media": [_asked(medium) for medium in task.media],
    }


def _naming(task: Task, folder: Path) -> dict[str, object]:
    return {
        "task": "tell_apart",
        "engine": task.engine.value,
        "encoder": str(EFFICIENTNET_LITE0.path),
        "encoder_key": EFFICIENTNET_LITE0.sha256,
        "weights": str(folder / WEIGHTS),
        "classes": [
            {"key": f"{label['speciesId']}", "name": label["aiLabel"], "rank": "SPECIES", "lineage": []}
            for label in _labels(task)
        ],
        "roll_up_below": task.roll_up_below,
        "media": [_asked(medium) for medium in task.media],
    }


def _labels(task: Task) -> list[dict[str, Any]]:
    wanted = "observation_type" if task.is_detection else "species"
    mappings = task.categories.get("attributeMappings", [])
    return [label for each in mappings if each["attributeType"] == wanted for label in each["labels"]]


def _asked(medium: running.Medium) -> dict[str, object]:
    return {
        "id": medium.id,
        "file": f"{medium.id}",
        "is_video": medium.is_video,
        "event": medium.event,
        "objects": medium.objects,
    }


def _lines(path: Path) -> Iterator[list[dict[str, Any]]]:
    with path.open("rb") as file:
        while some := [orjson.loads(line) for line in islice(file, WRITTEN_AT_ONCE)]:
            yield some


async def _write_detections(run: JobRun, task: Task, lines: list[dict[str, Any]]) -> None:
    """Through the same door as results of an AI Manager: thresholds, tracks, frames and outcomes are its."""
    fps = {medium.id: medium.fps for medium in task.media}
    async with run.writing() as session:
        unstored = await results.write(session, task.batch_id, [_as_result(line, fps[line["id"]]) for line in lines])
    if not unstored:
        return
    stored: list[tuple[results.Unstored, str | None, str | None]] = []
    for each in unstored:
        try:
            stored.append((each, await storing.store_frames(each.header, each.objects), None))
        except Unreadable as refused:
            stored.append((each, None, f"The frames break a rule: {refused}"))
    async with run.writing() as session:
        await results.keep_frames(session, run.claim.subject_id, stored)


def _as_result(line: dict[str, Any], fps: float | None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "resource_id": str(line["id"]),
        "status": "ok",
        "error": None,
        "fps": fps,
        "detections": [],
    }
    if "failure" in line:
        return {**answer, "status": "failed", "error": line["failure"]}
    detections = [
        {
            "label": detection["label"],
            "track_id": None,
            "sample": [frame["frame"], detection["box"], detection["confidence"], None, None, False],
            "depth": None,
            "attributes": {},
        }
        for frame in line["frames"]
        for detection in frame["objects"]
    ]
    return {**answer, "detections": detections}
