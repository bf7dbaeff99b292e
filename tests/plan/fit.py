"""What the constraints of tables ask of random rows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from app.security.credentials import token_hash
from tests.plan.fit_mapping import fit_label_imports

VIEWERS = {"owner": 1, "other": 2, "staff": 3, "suspended": 4}
"""Who may ask, beside strangers: the key of their account. Their token is their name."""
COUNTS = {"users": 9, "datasets": 9, "labels": 90, "predicted_features": 60, "sessions": 4, "events": 0}
COUNT = 30
OF_USERS = {"profiles", "user_preferences", "osm_accounts", "storage_usage", "spending_rules"}
NOWHERE = 10**9
TEXTS = ["", " ", "Roofs", "roofs", "Äcker", "東京", "مرحبا", "a\"b'c", "back\\slash", "two\nlines\ttab", "</script>"]
TEXTS += ["100 %", "under_score", "🏠👩‍🚜", "e\u0301", "\u2028", "null", "{}", "$x", "\x7f", "z" * 60]
NAMES = ["Roofs", "roofs", "Äcker", "東京", "مرحبا", "a\"b'c", "100 %", "under_score", "🏠", "é", "null", "{}", "$x"]
JSONS: list[Any] = [
    None,
    True,
    0,
    -1,
    2**53,
    2**80,
    0.1,
    1e-9,
    "",
    'ü"\\',
    [],
    {},
    [1, [2, {"a": None}]],
    {"b": {"ä": "🏠"}},
]
STORAGE_KEYS = [
    "trainings/1/1/checkpoint.safetensors",
    "predictions/2/features.geojson",
    "not a key, so its link fails",
]


def any_time(random: Random) -> datetime:
    if random.random() < 0.1:
        return random.choice([datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 23, 59, 59, 999_999, tzinfo=UTC)])
    # Few days, so that some are equal; many without a fraction of a second.
    return datetime(2020, 1, random.randint(1, 9), tzinfo=UTC) + timedelta(
        microseconds=random.choice([0, 0, 1, 120_000])
    )


def any_float(random: Random) -> float:
    return random.choice([0.0, -0.0, 1.0, -1.5, 0.1, 1e-300, 1.5e300, random.random(), random.uniform(-100, 100)])


def _fit_users(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        id = row["id"]
        row |= {
            "username": f"{random.choice(TEXTS)}{id}",
            "username_key": str(id),
            "email": random.choice([None, f"{id}@fieldgraph.test"]),
        }
        row |= {"is_active": id != VIEWERS["suspended"] and (id in VIEWERS.values() or random.random() < 0.6)}
        row |= {"is_staff": id == VIEWERS["staff"], "is_super_admin": False}


def _fit_sessions(random: Random, rows: list[dict[str, Any]]) -> None:
    for row, (name, user_id) in zip(rows, VIEWERS.items(), strict=True):
        now = datetime.now(UTC)
        row |= {"user_id": user_id, "token_hash": token_hash(name)}
        row |= {"expires_at": now + timedelta(days=9), "last_used_at": now}


def _fit_api_keys(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["name"] = f"{random.choice(NAMES)}{row['id']}"[-50:]


def _fit_data_exports(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["finished_at"] = row["finished_at"] or any_time(random)
        row |= {"storage_key": random.choice([None, *STORAGE_KEYS]), "size_bytes": random.choice([None, 0, 2**40])}


def _fit_banners(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["end_date"] = random.choice([None, row["start_date"] + timedelta(days=1), datetime(9999, 1, 1, tzinfo=UTC)])
        row["start_date"] = min(row["start_date"], datetime(9998, 1, 1, tzinfo=UTC))


def _fit_osm_accounts(random: Random, rows: list[dict[str, Any]]) -> None:
    del rows[:: random.randint(2, 3)]
    for row in rows:
        row["osm_id"] = 2**40 + row["id"]


def _fit_datasets(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["offset"] = [any_float(random), any_float(random)]
        if row["contributions"].name != "TEAM":
            row["team_id"] = None


def _fit_labels(random: Random, rows: list[dict[str, Any]]) -> None:
    taken = set()
    for row in rows:
        key = (row.get("aoi_id") or row["feedback_aoi_id"], row["osm_type"], row["osm_id"])
        if key in taken:
            row["osm_id"] = None
        taken.add(key)


def _fit_trainings(random: Random, rows: list[dict[str, Any]]) -> None:
    unfinished = set()
    for row in rows:
        if row["status"].name in {"SUBMITTED", "RUNNING"}:
            if row["model_id"] in unfinished:
                row["status"] = type(row["status"])("FINISHED")
            unfinished.add(row["model_id"])
        row["accuracy"] = random.choice([None, row["accuracy"], 50.0, float("nan")])
        epoch = {"number": 1, "loss": any_float(random), "validation_loss": None, "validation_iou": 0.5, "seconds": 2.0}
        row["learning_curve"] = random.choice([None, {"best_epoch": 1, "epochs": [epoch] * random.randint(0, 2)}])
        row |= {"input_contact_spacing": random.randint(0, 20), "input_boundary_width": random.randint(0, 10)}


def _fit_feedbacks(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["zoom_level"] = random.randint(18, 23)


def _fit_feedback_aois(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["reviewed_at"] = None if row["review"].name == "PENDING" else any_time(random)


def _fit_jobs(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["progress"] = random.choice([0.0, 1.0, random.random()])


def _fit_artifacts(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"storage_key": random.choice(STORAGE_KEYS), "size_bytes": random.choice([0, 2**40])}
        row[random.choice(["training_id", "prediction_id"])] = None
        if (row["training_id"] is None) == (row["prediction_id"] is None):
            row |= {"training_id": random.randint(1, COUNT), "prediction_id": None}


def _fit_audit_entries(random: Random, rows: list[dict[str, Any]]) -> None:
    names = ["Dataset", "Prediction", "Team", "Training", "User", "UserNotification", "Session", "Nothing", None]
    for row in rows:
        row |= {"subject_type": random.choice(names), "subject_key": random.choice([None, *range(1, 20)])}


def _fit_notifications(random: Random, rows: list[dict[str, Any]]) -> None:
    _fit_audit_entries(random, rows)
    for row in rows:
        row |= {"event_key": random.choice([None, str(row["id"])]), "group_key": random.choice([None, str(row["id"])])}


def _fit_teams(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["name"] = f"{random.choice(NAMES)}{row['id']}"


def _fit_team_memberships(random: Random, rows: list[dict[str, Any]]) -> None:
    teams, everybody = sorted({row["team_id"] for row in rows}), range(1, COUNTS["users"] + 1)
    pairs = random.sample([(team_id, user_id) for team_id in teams for user_id in everybody], len(rows))
    for row, (team_id, user_id) in zip(rows, pairs, strict=True):
        row |= {"team_id": team_id, "user_id": user_id}


def _fit_team_invitations(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["uses_max"] = random.choice([1, 2, 2**31 - 1])
        row["uses"] = random.randint(0, row["uses_max"])


def _fit_posts(random: Random, rows: list[dict[str, Any]]) -> None:
    depths: dict[int, int] = {}
    for row in rows:
        parent = row["parent_id"] if row["parent_id"] in depths else None
        depths[row["id"]] = 0 if parent is None else depths[parent] + 1
        row |= {"parent_id": parent, "root_id": parent, "depth": depths[row["id"]]}
        row["subject_type"] = random.choice([None, "Model", "Training", "Dataset"])
        row["media_key"] = random.choice([None, "1", "2"])
        row["subject_key"] = random.choice([None, NOWHERE, *range(1, COUNT)])
        row |= {name: random.choice([0, 1, 2**31 - 1]) for name in ("likes_count", "comment_count", "shares_count")}


def _fit_post_hashtags(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["name"] = f"{random.choice(NAMES)}{row['id']}"


def _fit_conversations(random: Random, rows: list[dict[str, Any]]) -> None:
    _fit_pairs(random, rows)
    for row in rows:
        row["unread_count"] = random.choice([0, 1, 2**31 - 1])


def _fit_predictions(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["parts"] = random.choice([1, 2, 2**31 - 1])
        row["parts_done"] = random.randint(0, row["parts"])
        row["adaptation"] = random.choice([None, {"features": 9, "plain_features": 7, "agreement": 0.5}])


def _fit_pairs(random: Random, rows: list[dict[str, Any]]) -> None:
    """Each two people, or person and post, once, and nobody with themselves."""
    del random
    kept = {}
    for row in rows:
        people = [row[name] for name in row if name.endswith("_id") and name not in {"post_id", "last_message_id"}]
        if len(set(people)) == len(people):
            kept.setdefault((frozenset(people), row.get("post_id")), row)
    rows[:] = kept.values()


def _fit_blocks(random: Random, rows: list[dict[str, Any]]) -> None:
    _fit_pairs(random, rows)
    del rows[4:]


def _fit_reports(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"subject_type": random.choice(["Post", "User", "Nothing"]), "subject_key": row["id"]}


def _fit_idempotency_keys(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["key"] = f"{random.choice(TEXTS)}{row['id']}"[-50:]


def _fit_event_epochs(random: Random, rows: list[dict[str, Any]]) -> None:
    """None: the API writes the one row itself when it starts."""
    del random
    rows.clear()


def nothing(random: Random, rows: list[dict[str, Any]]) -> None:
    """Most tables take whatever their columns take."""


def _fit_inspections(random: Random, rows: list[dict[str, Any]]) -> None:
    unfinished = set()
    for row in rows:
        if row["status"].name in {"SUBMITTED", "RUNNING"}:
            if row["dataset_id"] in unfinished:
                row["status"] = type(row["status"])("FINISHED")
            unfinished.add(row["dataset_id"])
        shift = random.choice([None, {"east_m": any_float(random), "north_m": 1.5, "distance_m": 2.0}])
        areas = [{"aoi_id": random.randint(1, COUNT), "tiles": 4, "tiles_without_imagery": random.randint(0, 2)}]
        findings = {"offset": [0.0, 0.5], "shift": shift, "areas": [area | {"shift": shift} for area in areas]}
        row["findings"] = random.choice([None, findings])


def _fit_research_projects(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"name": f"{random.choice(NAMES)}{row['id']}", "acronym": str(row["id"])}


def _fit_project_members(random: Random, rows: list[dict[str, Any]]) -> None:
    """Each member or team once in a project."""
    kept = {(row["project_id"], row.get("user_id") or row["team_id"]): row for row in rows}
    rows[:] = kept.values()


def _fit_locations(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["location_id"] = f"{random.choice(NAMES)}{row['id']}"
        row["coordinate_uncertainty"] = random.choice([None, 0.0, 187.5])
        row["timezone"] = random.choice(["Europe/Warsaw", "UTC", "Asia/Kathmandu"])


def _fit_period(random: Random, rows: list[dict[str, Any]]) -> None:
    """Ends that come after starts, with no two at the same time."""
    for row in rows:
        row["starts_at"] = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=row["id"])
        row["ends_at"] = row["starts_at"] + timedelta(hours=random.randint(1, 24))


def _fit_deployments(random: Random, rows: list[dict[str, Any]]) -> None:
    _fit_period(random, rows)
    for row in rows:
        row["deployment_id"] = f"{random.choice(NAMES)}{row['id']}"
        row |= {"camera_delay": random.choice([None, 0, 30]), "camera_height": random.choice([None, 0.0, 1.5])}
        row |= {"camera_depth": None, "detection_distance": random.choice([None, 12.25])}
        row |= {"camera_tilt": random.choice([None, -90, 90]), "camera_heading": random.choice([None, 0, 360])}
        row["sequence_gap_s"] = random.choice([None, 0, 300])


def _fit_sequences(random: Random, rows: list[dict[str, Any]]) -> None:
    _fit_period(random, rows)
    for row in rows:
        row["sequence_id"] = f"00000000-0000-4000-8000-{row['id']:012d}"


def _fit_resources(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["file_path"] = f"{random.choice(TEXTS)}{row['id']}"
        row["media_id"] = random.choice([None, str(row["id"])])
        row["storage_key"] = random.choice(STORAGE_KEYS)
        row["read_error"] = "It is empty." if row["status"].name == "UNREADABLE" else None
        row["sequence_id"] = row["sequence_id"] if row["deployment_id"] else None
        row |= {"fps": random.choice([None, 29.97]), "size_bytes": random.choice([None, 0, 2**40])}


def _fit_collections(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["name"] = f"{random.choice(NAMES)}{row['id']}"


def _fit_collection_resources(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"resource_id": random.randint(1, COUNT), "collection_id": random.randint(1, COUNT)}
    kept = {(row["collection_id"], row["resource_id"]): row for row in rows}
    rows[:] = kept.values()


def _fit_species(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["key"] = str(row["id"])
        row |= {name: None for name in ("parent_id", "accepted_id") if row.get(name) == row["id"]}


def _fit_media_uploads(random: Random, rows: list[dict[str, Any]]) -> None:
    fetched = set()
    for row in rows:
        # One at a time fetches a medium.
        row["resource_id"] = None if row["resource_id"] in fetched else row["resource_id"]
        fetched.add(row["resource_id"])
        row |= {"file_path": str(row["id"]), "storage_key": f"media/{row['id']}", "size_bytes": random.randint(0, 9)}


def _fit_file_uploads(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"storage_key": f"uploads/{row['id']}", "size_bytes": random.randint(1, 9)}


def _fit_storage_usage(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["used_bytes"] = random.choice([0, 1, 2**40])


FIT: dict[str, Callable[[Random, list[dict[str, Any]]], None]] = {
    "users": _fit_users,
    "posts": _fit_posts,
    "predictions": _fit_predictions,
    "post_hashtags": _fit_post_hashtags,
    "conversations": _fit_conversations,
    "blocks": _fit_blocks,
    "event_epochs": _fit_event_epochs,
    "idempotency_keys": _fit_idempotency_keys,
    "reports": _fit_reports,
    **dict.fromkeys(
        ["likes", "shares", "post_mentions", "friendships", "friend_requests", "mutes", "notification_actors"],
        _fit_pairs,
    ),
    "api_keys": _fit_api_keys,
    "banners": _fit_banners,
    "data_exports": _fit_data_exports,
    "osm_accounts": _fit_osm_accounts,
    "sessions": _fit_sessions,
    "datasets": _fit_datasets,
    "labels": _fit_labels,
    "label_imports": fit_label_imports,
    "trainings": _fit_trainings,
    "feedbacks": _fit_feedbacks,
    "feedback_aois": _fit_feedback_aois,
    "feedback_labels": _fit_labels,
    "inspections": _fit_inspections,
    "jobs": _fit_jobs,
    "artifacts": _fit_artifacts,
    "audit_entries": _fit_audit_entries,
    "user_notifications": _fit_notifications,
    "teams": _fit_teams,
    "team_memberships": _fit_team_memberships,
    "team_invitations": _fit_team_invitations,
    "research_projects": _fit_research_projects,
    "research_project_members": _fit_project_members,
    "research_project_teams": _fit_project_members,
    "locations": _fit_locations,
    "deployments": _fit_deployments,
    "deployment_failures": _fit_period,
    "sequences": _fit_sequences,
    "resources": _fit_resources,
    "collections": _fit_collections,
    "collection_resources": _fit_collection_resources,
    "species": _fit_species,
    "species_aliases": _fit_species,
    "media_uploads": _fit_media_uploads,
    "file_uploads": _fit_file_uploads,
    "storage_usage": _fit_storage_usage,
}
"""What a table's rules ask for beyond its columns' types."""
