"""Whom one may sign in as, their teams, and a labelled dataset of theirs."""

import asyncio
from collections.abc import Mapping
from typing import Any

from shapely import Polygon
from shapely.geometry import mapping as geojson_of
from sqlalchemy import func, select

from app.database import WriteSession
from app.formats.labels import label_files
from app.gateways.fakes import village
from app.gateways.osm import BUILDINGS
from app.models.accounts import Team, TeamMembership, User
from app.models.mapping.datasets import AOI, Dataset, DatasetStatus
from app.policies import Viewer
from app.security import credentials
from app.services.accounts.sign_in import sign_ups
from app.services.accounts.teams import memberships
from app.services.mapping.datasets import editing
from app.services.mapping.labels import uploads
from app.settings import settings

PASSWORD = "try-the-village"  # noqa: S105 -- a demo's password is known to all; the demo alone makes these accounts
NAMES = ("mapper", "surveyor", "reviewer", "visitor", "ecologist", "moderator")
PEOPLE = {name: f"{name}@example.org" for name in NAMES}
STAFF = "moderator"
# Each with its admin first.
TEAMS = {"Village mappers": ("mapper", "surveyor", "reviewer"), "Field survey": ("surveyor", "mapper")}
DATASET = "Demo village"
# So often whoever waits for its turn asks.
TURN_S = 0.2


async def take_turn(session: WriteSession) -> None:
    """Waits until nobody else makes the demo: `make demo` may come while `make run` still does."""
    taken = select(func.pg_try_advisory_xact_lock(func.hashtextextended("demo", 0)))
    # A lock that is waited for would end with the time for a statement.
    while not await session.scalar(taken):  # noqa: ASYNC110 - another process tells nothing
        await asyncio.sleep(TURN_S)


async def make(session: WriteSession) -> Mapping[str, Viewer]:
    """The demo's people by name; whoever is missing is made, and so are their teams."""
    password_hash = await credentials.hash_password(PASSWORD)
    by_email = select(User).where(func.lower(User.email).in_(PEOPLE.values()))
    known = {user.email.lower(): user for user in await session.scalars(by_email) if user.email}
    for name, email in PEOPLE.items():
        if email not in known:
            known[email] = await sign_ups.create_account(
                session, email=email, username=name, password_hash=password_hash
            )
            known[email].is_staff = name == STAFF
    viewers = {name: Viewer(known[email].id, is_staff=known[email].is_staff) for name, email in PEOPLE.items()}
    for name, (admin, *others) in TEAMS.items():
        of_admin = Team.admin_user_id == viewers[admin].user_id
        if await session.scalar(select(Team.id).where(Team.name == name, of_admin)) is None:
            team = await memberships.create_team(session, viewers[admin], name=name)
            session.add_all([TeamMembership(team_id=team.id, user_id=viewers[other].user_id) for other in others])
    await session.flush()
    return viewers


async def make_dataset(session: WriteSession, mapper: Viewer) -> Dataset:
    """The mapper's dataset of the village, with areas and labels; made if it is missing."""
    query = select(Dataset).where(Dataset.name == DATASET, Dataset.user_id == mapper.user_id)
    dataset: Dataset | None = await session.scalar(query.order_by(Dataset.id).limit(1))
    if dataset is not None:
        dataset.source_imagery = imagery()  # the port may be another today
        return dataset
    dataset = await editing.create_dataset(
        session, mapper, name=DATASET, source_imagery=imagery(), status=DatasetStatus.ACTIVE
    )
    for area in village.TRAINING_AREAS:
        aoi: AOI = await editing.create_aoi(session, mapper, dataset_id=dataset.id, geom=area)
        inside, outside, _ = label_files.sift_value(area, "geojson", footprints(area), BUILDINGS, is_strict=True)
        await uploads.upload_labels(session, mapper, aoi_id=aoi.id, footprints=inside, outside=outside)
    return dataset


def imagery() -> str:
    """Where tiles of the village are drawn: by the API itself."""
    return f"{settings.address}/demo/tiles/{{z}}/{{x}}/{{y}}.png"


def footprints(area: Polygon) -> dict[str, Any]:
    """The buildings of the village that touch an area, as GeoJSON."""
    features = [
        {"type": "Feature", "geometry": geojson_of(footprint.geometry), "properties": {"building": "yes"}}
        for footprint in village.footprints(area.bounds)
        if footprint.geometry.intersects(area)
    ]
    return {"type": "FeatureCollection", "features": features}
