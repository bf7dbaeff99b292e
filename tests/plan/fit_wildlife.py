"""What the constraints of the wildlife tables ask of random rows."""

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

from app.models.wildlife.providers import LocalEngine
from app.models.wildlife.species_classifiers import SpeciesTrainingStatus
from tests.plan.fit import NAMES, TEXTS, any_time


def _fit_ai_provider_connections(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["api_url"] = f"https://manager-{row['id']}.example.org"


def _fit_ai_providers(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["kind"].name != "TRAPPER":
            row.update({"connection_id": None, "remote_id": None})
        if row["provider_type"].name != "POSE":
            row["keypoint_topology"] = None
        is_local = row["kind"].name == "LOCAL"
        # The built-in engine is there once.
        row["engine"] = random.choice([LocalEngine.SPECIES_HEAD, LocalEngine.ONNX]) if is_local else None
        row["research_project_id"] = row["research_project_id"] if is_local else None


def _fit_species_classifier_trainings(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["status"] = SpeciesTrainingStatus.FINISHED
        row.update({"failure": None, "seed": random.randrange(9), "species_ids": [1, 2]})


def _fit_classificators(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["name"] = f"{random.choice(NAMES)}{row['id']}"


def _fit_classificator_versions(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["number"] = row["id"]
        row.update({name: [random.choice(TEXTS)[:50]] for name in ("static_attrs_order", "dynamic_attrs_order")})


def _fit_classification_projects(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["name"] = f"{random.choice(NAMES)}{row['id']}"
        row.update({"sequence_gap_s": random.choice([0, 300]), "video_fps": random.choice([1.0, 29.97])})
        row.update(dict.fromkeys(("detection_confidence_min", "species_confidence_min", "iou_min"), random.random()))


def _fit_members(random: Random, rows: list[dict[str, Any]]) -> None:
    del random
    rows[:] = {(row["project_id"], row["user_id"]): row for row in rows}.values()


def _fit_project_collections(random: Random, rows: list[dict[str, Any]]) -> None:
    counts = ("total_count", "approved_count", "classified_count", "classified_ai_count")
    for row in rows:
        row.update({name: random.choice([0, 1, 2**31 - 1]) for name in counts})
    rows[:] = {(row["project_id"], row["collection_id"]): row for row in rows}.values()


def _fit_classifications(random: Random, rows: list[dict[str, Any]]) -> None:
    """A FINAL first, and rows of the other types below it; each medium and each person once."""
    keys = [row["id"] for row in rows]
    for row in rows:
        kind = row["classification_type"].name
        is_final, is_ai = kind == "FINAL", kind == "AI"
        others = [key for key in keys if key != row["id"]]
        row["resource_id"] = row["id"]
        row["final_id"] = None if is_final else random.choice(others)
        row["source_id"] = None if is_ai else random.choice([others[0], None])
        if kind == "FEEDBACK":
            row["source_id"] = random.choice(others)
        row["model_id"] = (row["model_id"] or 1) if is_ai else None
        row["user_id"] = (row["user_id"] or 1) if kind in {"USER", "FEEDBACK"} else None
        row["frames_sha256"] = None if is_final else random.choice([None, "0" * 64])
        is_approved = is_final and row["source_id"] is not None
        row.update({"is_approved": is_approved, "approved_at": any_time(random) if is_approved else None})
        row.update({} if is_approved else {"approved_by_id": None, "bulk_approval_id": None, "is_gold_standard": False})
        row["superseded_at"] = None if is_final else any_time(random)
        row.update(
            {} if is_final else dict.fromkeys(("is_classified", "is_classified_ai", "has_feedback", "disagrees"), False)
        )
        row["version"] = random.choice([1, 2, 2**31 - 1])


def _fit_classification_attrs(random: Random, rows: list[dict[str, Any]]) -> None:
    boxes = [None, [0, 0, 1, 1], [0.25, 0.5, 1e-9, 0.125]]
    for row in rows:
        is_object = row["observation_level"].name == "OBJECT"
        row.update({"count": random.choice([1, 2**31 - 1]), "count_new": random.choice([None, 0, 3])})
        row.update({"bboxes": random.choice(boxes) if is_object else None})
        row.update({} if is_object else {"individual_id": None})
        row.update({"classification_confidence": random.choice([None, 0.0, 1.0, 0.1 + 0.2])})
        row.update({"first_frame_index": random.choice([0, 90]), "distance": random.choice([None, 0.0, 12.3])})
        row.update({"attrs": {"ä": [1, None]}, "attr_confidence": {}})
        if row["observation_type"].name == "BLANK":
            row["species_id"] = None


def _fit_bulk_approval_items(random: Random, rows: list[dict[str, Any]]) -> None:
    del random
    rows[:] = {(row["bulk_approval_id"], row["final_id"]): row for row in rows}.values()


def _fit_classification_approvals(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["source_id"] = random.randint(1, 40) if row["action"].name == "APPROVED" else None


def _fit_user_remote_tasks(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["progress"] = random.choice([0.0, 0.5, 1.0])


def _fit_ai_classification_jobs(random: Random, rows: list[dict[str, Any]]) -> None:
    """Each with a task of its own, and ended: of a collection only one may be under way."""
    for row in rows:
        row["stage"] = type(row["stage"])(random.choice(["DONE", "FAILED", "CANCELLED"]))
        row["user_remote_task_id"] = random.choice([None, row["id"]])


def _fit_ai_job_outcomes(random: Random, rows: list[dict[str, Any]]) -> None:
    del random
    rows[:] = {(row["ai_job_id"], row["resource_id"]): row for row in rows}.values()


def _fit_frame_indexes(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["fps"] = random.choice([0.5, 1.0])
    rows[:] = {row["project_id"]: row for row in rows}.values()


def _fit_calibration_samples(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row.update({"bbox": [0.0, 0.1, 0.5, 0.25], "distance": random.choice([0.5, 12.25, 1_000.0])})
        row["frame_index"] = random.choice([0, 90])


def _fit_calibration_results(random: Random, rows: list[dict[str, Any]]) -> None:
    del random
    for row in rows:
        row["is_active"] = False


def _fit_ai_job_batches(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["key"] = UUID(int=random.getrandbits(128))


def _fit_counts(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["counts"] = {name: random.randrange(9) for name in ("deployments", "media", "observations", "species")}


def _fit_wildlife_imports(random: Random, rows: list[dict[str, Any]]) -> None:
    _fit_counts(random, rows)
    for row in rows:
        problem = {"file": "media.csv", "line": 2, "field": None, "message": random.choice(TEXTS), "severity": "ERROR"}
        row["problems"] = random.choice([[], [problem]])


def _fit_wildlife_exports(random: Random, rows: list[dict[str, Any]]) -> None:
    _fit_counts(random, rows)
    for row in rows:
        row["storage_key"] = f"exports/{row['id']}" if row["status"].name == "FINISHED" else None
        row["size_bytes"] = random.choice([None, 0, 2**40])


FIT: dict[str, Callable[[Random, list[dict[str, Any]]], None]] = {
    "ai_provider_connections": _fit_ai_provider_connections,
    "ai_providers": _fit_ai_providers,
    "ai_job_batches": _fit_ai_job_batches,
    "wildlife_exports": _fit_wildlife_exports,
    "wildlife_imports": _fit_wildlife_imports,
    "user_remote_tasks": _fit_user_remote_tasks,
    "ai_classification_jobs": _fit_ai_classification_jobs,
    "ai_job_outcomes": _fit_ai_job_outcomes,
    "frame_indexes": _fit_frame_indexes,
    "calibration_samples": _fit_calibration_samples,
    "calibration_results": _fit_calibration_results,
    "species_classifier_trainings": _fit_species_classifier_trainings,
    "classificators": _fit_classificators,
    "classificator_versions": _fit_classificator_versions,
    "classification_projects": _fit_classification_projects,
    "classification_project_members": _fit_members,
    "classification_project_collections": _fit_project_collections,
    "classifications": _fit_classifications,
    "classification_attrs": _fit_classification_attrs,
    "bulk_approval_items": _fit_bulk_approval_items,
    "classification_approvals": _fit_classification_approvals,
}
