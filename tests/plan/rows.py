"""Random rows for every table, whatever its columns: full of the values that are most easily shown wrongly."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from shapely import MultiPoint, MultiPolygon, Point, Polygon, box
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    String,
    insert,
    inspect,
    null,
    text,
)
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.dialects.postgresql import JSONB

from app.geometry import Shape
from app.models import Base, Record
from app.security import token_hash

VIEWERS = {"owner": 1, "other": 2, "staff": 3, "suspended": 4}
"""Who may ask, beside strangers: the key of their account. Their token is their name."""
COUNTS = {"users": 9, "datasets": 9, "labels": 90, "predicted_features": 60, "sessions": 4, "events": 0}
COUNT = 30
OF_USERS = {"profiles", "user_preferences", "osm_accounts"}
NOWHERE = 10**9
TEXTS = ["", " ", "Roofs", "roofs", "Äcker", "東京", "مرحبا", "a\"b'c", "back\\slash", "two\nlines\ttab", "</script>"]
TEXTS += ["100 %", "under_score", "🏠👩‍🚜", "e\u0301", "\u2028", "null", "{}", "$x", "\x7f", "z" * 60]
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


@dataclass(frozen=True)
class World:
    """The rows of a database by the names of their classes; the same seed makes the same ones."""

    seed: int
    is_torn: bool
    rows: dict[str, list[Record]] = field(default_factory=dict, repr=False)

    def fill(self, engine: Engine) -> None:
        """Writes the rows past all foreign keys."""
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for rows in filter(None, self.rows.values()):
                columns = [column.key for column in inspect(type(rows[0])).column_attrs]
                values = [{key: getattr(row, key) for key in columns if key in vars(row)} for row in rows]
                connection.execute(insert(type(rows[0])), values)
                table = type(rows[0]).__tablename__
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 100000)"))


def world(seed: int, *, is_torn: bool = False) -> World:
    """Rows for every table. In a torn one, some keys that must point at a row point at none."""
    random = Random(seed)
    tables = [mapper.class_ for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__name__)]
    keys = {table.__tablename__: _keys(random, table.__tablename__) for table in tables}
    made = World(seed, is_torn)
    for table in tables:
        columns = table.__table__.columns
        rows = [
            {column.key: _value(random, column, keys) for column in columns} | {"id": id}
            for id in keys[table.__tablename__]
        ]
        FIT.get(table.__tablename__, _nothing)(random, rows)
        if is_torn and rows:
            _tear(random, rows, [column for column in columns if column.foreign_keys and not column.nullable])
        made.rows[table.__name__] = [table(**row) for row in rows]
    return made


def _keys(random: Random, table: str) -> list[int]:
    """Rising, from 1, with gaps where rows were deleted; the viewers' accounts and sessions have no gaps."""
    count = COUNTS.get(table, COUNT)
    if table in {"users", "sessions"}:
        return list(range(1, count + 1))
    if table in OF_USERS:
        return list(range(1, COUNTS["users"] + 1))
    return sorted(random.sample(range(1, count + count // 3 + 1), count))


def _value(random: Random, column: Column[Any], keys: dict[str, list[int]]) -> Any:
    if column.nullable and random.random() < 0.3:
        return null() if isinstance(column.type, JSONB) and random.random() < 0.5 else None  # or JSON's own null
    for key in column.foreign_keys:
        candidates = keys[key.column.table.name]
        # Some parents have many children, others none.
        return candidates[int(len(candidates) * random.random() ** 2)]
    return _of(random, column.type)


def _of(random: Random, kind: Any) -> Any:
    if isinstance(kind, ARRAY):
        if isinstance(kind.item_type, EnumColumn):
            return random.sample(list(kind.item_type.enum_class), random.randint(0, len(kind.item_type.enum_class)))
        return [_of(random, kind.item_type) for _ in range(random.randint(0, 4))]
    if isinstance(kind, EnumColumn):
        return random.choice(list(kind.enum_class))
    if isinstance(kind, Shape):
        return _shape(random, kind.kind)
    if isinstance(kind, String):
        return random.choice(TEXTS)[: kind.length]
    make: Callable[[Random], Any] = next(make for types, make in SIMPLE if isinstance(kind, types))
    return make(random)


def _float(random: Random) -> float:
    return random.choice([0.0, -0.0, 1.0, -1.5, 0.1, 1e-300, 1.5e300, random.random(), random.uniform(-100, 100)])


def _time(random: Random) -> datetime:
    if random.random() < 0.1:
        return random.choice([datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 23, 59, 59, 999_999, tzinfo=UTC)])
    # Few days, so that some are equal; many without a fraction of a second.
    return datetime(2020, 1, random.randint(1, 9), tzinfo=UTC) + timedelta(
        microseconds=random.choice([0, 0, 1, 120_000])
    )


def _shape(random: Random, kind: str) -> Any:
    digits = random.choice([3, 7, 15])
    x, y = round(random.uniform(-179, 178), digits), round(random.uniform(-80, 80), digits)
    outline = box(x, y, x + 0.9, y + 0.9, ccw=random.random() < 0.5)
    holed = Polygon(outline.exterior, [box(x + 0.1, y + 0.1, x + 0.2, y + 0.2).exterior])
    shapes = {"POINT": [Point(x, y), Point(0, -0.0)], "POLYGON": [outline, holed]}
    several = [MultiPolygon([holed, box(x - 1, y, x - 0.5, y + 0.5)]), MultiPoint([(x, y), (y, x)])]
    return random.choice(shapes.get(kind) or [outline, holed, Point(x, y), *several])


def _json(random: Random) -> dict[str, Any]:
    return {random.choice(TEXTS): random.choice(JSONS) for _ in range(random.randint(0, 4))}


SIMPLE: list[tuple[Any, Callable[[Random], Any]]] = [
    (BigInteger, lambda random: random.choice([0, 1, -1, 2**31, 2**53 - 1, 2**63 - 1, -(2**63)])),
    (Integer, lambda random: random.choice([0, 1, -1, 20, 2**31 - 1, -(2**31)])),
    (Boolean, lambda random: random.random() < 0.5),
    (Float, _float),
    (DateTime, _time),
    (JSONB, _json),
    (LargeBinary, lambda random: random.randbytes(32)),
]


def _fit_users(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        id = row["id"]
        row |= {"username": f"{random.choice(TEXTS)}{id}", "email": random.choice([None, f"{id}@fieldgraph.test"])}
        row |= {"is_active": id != VIEWERS["suspended"] and (id in VIEWERS.values() or random.random() < 0.6)}
        row |= {"is_staff": id == VIEWERS["staff"], "is_super_admin": False}


def _fit_sessions(random: Random, rows: list[dict[str, Any]]) -> None:
    for row, (name, user_id) in zip(rows, VIEWERS.items(), strict=True):
        now = datetime.now(UTC)
        row |= {"user_id": user_id, "token_hash": token_hash(name)}
        row |= {"expires_at": now + timedelta(days=9), "last_used_at": now}


def _fit_api_keys(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["name"] = f"{random.choice(TEXTS)}{row['id']}"[-50:]


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
        row["offset"] = [_float(random), _float(random)]
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
        row |= {"input_contact_spacing": random.randint(0, 20), "input_boundary_width": random.randint(0, 10)}


def _fit_feedbacks(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["zoom_level"] = random.randint(18, 23)


def _fit_feedback_aois(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["reviewed_at"] = None if row["review"].name == "PENDING" else _time(random)


def _fit_jobs(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["progress"] = random.choice([0.0, 1.0, random.random()])


def _fit_artifacts(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["storage_key"] = random.choice(STORAGE_KEYS)
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
        row["event_key"] = random.choice([None, str(row["id"])])


def _fit_teams(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["name"] = f"{random.choice(TEXTS)}{row['id']}"


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
        row |= {name: random.choice([0, 1, 2**31 - 1]) for name in ("likes_count", "comment_count", "shares_count")}


def _fit_post_hashtags(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["name"] = f"{random.choice(TEXTS)}{row['id']}"


def _fit_conversations(random: Random, rows: list[dict[str, Any]]) -> None:
    _fit_pairs(random, rows)
    for row in rows:
        row["unread_count"] = random.choice([0, 1, 2**31 - 1])


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


def _nothing(random: Random, rows: list[dict[str, Any]]) -> None:
    """Most tables take whatever their columns take."""


FIT: dict[str, Callable[[Random, list[dict[str, Any]]], None]] = {
    "users": _fit_users,
    "posts": _fit_posts,
    "post_hashtags": _fit_post_hashtags,
    "conversations": _fit_conversations,
    "blocks": _fit_blocks,
    "reports": _fit_reports,
    **dict.fromkeys(["likes", "shares", "post_mentions", "friendships", "friend_requests", "mutes"], _fit_pairs),
    "api_keys": _fit_api_keys,
    "banners": _fit_banners,
    "osm_accounts": _fit_osm_accounts,
    "sessions": _fit_sessions,
    "datasets": _fit_datasets,
    "labels": _fit_labels,
    "trainings": _fit_trainings,
    "feedbacks": _fit_feedbacks,
    "feedback_aois": _fit_feedback_aois,
    "feedback_labels": _fit_labels,
    "jobs": _fit_jobs,
    "artifacts": _fit_artifacts,
    "audit_entries": _fit_audit_entries,
    "user_notifications": _fit_notifications,
    "teams": _fit_teams,
    "team_memberships": _fit_team_memberships,
    "team_invitations": _fit_team_invitations,
}
"""What a table's rules ask for beyond its columns' types."""


def _tear(random: Random, rows: list[dict[str, Any]], columns: list[Column[Any]]) -> None:
    for column in columns:
        if column.table.name != "sessions":
            random.choice(rows)[column.key] = NOWHERE
