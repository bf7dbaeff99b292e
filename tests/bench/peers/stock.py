"""Stock Strawberry, as its documentation has it: rows of the ORM, dataloaders, and its own view."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, NewType, TypeVar

import strawberry
from sqlalchemy import BigInteger, cast, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, aliased, column_property
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry import scalars
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from app.models import accounts as account_tables
from app.models.mapping import datasets as dataset_tables
from app.models.mapping import trainings as training_tables

T = TypeVar("T")
BigInt = NewType("BigInt", int)
SCALARS: dict[Any, ScalarDefinition] = {BigInt: strawberry.scalar(name="BigInt", serialize=int)}

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=10, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)

for enum in (
    dataset_tables.DatasetStatus,
    dataset_tables.DownloadStatus,
    dataset_tables.LabelOrigin,
    training_tables.TrainingStatus,
):
    strawberry.enum(enum)


class Mapped(DeclarativeBase):
    """The root of a mapping of its own: shapes are read as GeoJSON here, like by the other peers."""


class LabelRow(Mapped):
    """A label with its outline as GeoJSON."""

    __table__ = dataset_tables.Label.__table__
    __mapper_args__ = {"exclude_properties": ["geom"]}  # noqa: RUF012 -- SQLAlchemy's way
    geom = column_property(cast(func.ST_AsGeoJSON(__table__.c.geom, 7), JSON))


def opaque(text: str) -> str:
    """Base64, as ids and cursors are."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def key_of(id: str) -> int:
    """The key a global id names."""
    return int(urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode().partition(":")[2])


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]
    nodes: list[T]
    page_info: PageInfo
    count: strawberry.Private[Callable[[], Any]]

    @strawberry.field
    async def total_count(self) -> int:
        found: int = await self.count()
        return found


def connection(rows: Sequence[Any], first: int, count: Callable[[], Any]) -> Any:
    """A page; one row more than asked for says whether there is a next."""
    edges = [Edge(cursor=opaque(f'["NEWEST",{row.id}]'), node=row) for row in rows[:first]]
    info = PageInfo(has_next_page=len(rows) > first, end_cursor=edges[-1].cursor if edges else None)
    return Connection(edges=edges, nodes=list(rows[:first]), page_info=info, count=count)


class Loaders(dict[Any, DataLoader[int, Any]]):
    """The loaders of one request, each made when it is first needed."""

    def one(self, model: Any, key: int) -> Any:
        async def load(keys: list[int]) -> list[Any]:
            async with sessions() as session:
                found = {row.id: row for row in await session.scalars(select(model).where(model.id.in_(keys)))}
            return [found.get(each) for each in keys]

        return self._with(model, load).load(key)

    async def page(self, model: Any, parent: str, key: int, first: int) -> Any:
        async def load(keys: list[int]) -> list[list[Any]]:
            child = aliased(model)
            parents = select(func.unnest(cast(keys, ARRAY(BigInteger))).label("id")).subquery()
            ids = select(child.id).where(getattr(child, parent) == parents.c.id)
            page = ids.order_by(child.id.desc()).limit(first + 1).lateral()
            rows = select(model).join_from(parents, page, true()).join(model, model.id == page.c.id)
            found: dict[int, list[Any]] = defaultdict(list)
            async with sessions() as session:
                for row in await session.scalars(rows.order_by(model.id.desc())):
                    found[getattr(row, parent)].append(row)
            return [found[each] for each in keys]

        async def count(keys: list[int]) -> list[int]:
            of = getattr(model, parent)
            counted = select(of, func.count()).where(of.in_(keys)).group_by(of)
            async with sessions() as session:
                found = dict((await session.execute(counted)).tuples().all())
            return [found.get(each, 0) for each in keys]

        rows = await self._with((model, parent, first), load).load(key)
        return connection(rows, first, lambda: self._with((model, parent), count).load(key))

    def _with(self, name: Any, load: Any) -> DataLoader[int, Any]:
        if name not in self:
            self[name] = DataLoader(load)
        return self[name]


def identity(type_: str) -> Any:
    """The field that shows a global id."""

    def resolve(root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(opaque(f"{type_}:{root.id}"))

    return strawberry.field(resolver=resolve)


def one(model: Any, key: str) -> Any:
    """The field that shows the row at the other end of a key."""

    async def resolve(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return await info.context["loaders"].one(model, getattr(root, key))

    return strawberry.field(resolver=resolve)


def many(model: Any, parent: str) -> Any:
    """The field that shows a page of the rows which point at one."""

    async def resolve(root: strawberry.Parent[Any], info: strawberry.Info, first: int = 25) -> Any:
        return await info.context["loaders"].page(model, parent, root.id, first)

    return strawberry.field(resolver=resolve)


@strawberry.type
class User:
    id: strawberry.ID = identity("User")
    username: str
    datasets: Connection["Dataset"] = many(dataset_tables.Dataset, "user_id")


@strawberry.type
class Label:
    id: strawberry.ID = identity("Label")
    geom: scalars.JSON
    origin: dataset_tables.LabelOrigin
    osm_id: BigInt | None
    tags: scalars.JSON | None
    created_at: datetime
    aoi: "AOI" = one(dataset_tables.AOI, "aoi_id")


@strawberry.type
class AOI:
    id: strawberry.ID = identity("AOI")
    label_status: dataset_tables.DownloadStatus
    created_at: datetime
    labels: Connection[Label] = many(LabelRow, "aoi_id")


@strawberry.type
class Dataset:
    id: strawberry.ID = identity("Dataset")
    name: str
    source_imagery: str | None
    status: dataset_tables.DatasetStatus
    offset: list[float]
    created_at: datetime
    last_modified: datetime
    user: User | None = one(account_tables.User, "user_id")
    aois: Connection[AOI] = many(dataset_tables.AOI, "dataset_id")


@strawberry.type
class Training:
    id: strawberry.ID = identity("Training")
    status: training_tables.TrainingStatus
    created_at: datetime
    user: User | None = one(account_tables.User, "user_id")


@strawberry.type
class Model:
    id: strawberry.ID = identity("Model")
    name: str
    created_at: datetime
    user: User | None = one(account_tables.User, "user_id")
    trainings: Connection[Training] = many(training_tables.Training, "model_id")


async def newest(model: Any, first: int) -> Any:
    """A page of a whole table."""

    async def count() -> int:
        async with sessions() as session:
            return await session.scalar(select(func.count()).select_from(model)) or 0

    async with sessions() as session:
        rows = (await session.scalars(select(model).order_by(model.id.desc()).limit(first + 1))).all()
    return connection(rows, first, count)


@strawberry.type
class Query:
    @strawberry.field
    async def dataset(self, info: strawberry.Info, id: strawberry.ID) -> Dataset | None:
        found: Dataset | None = await info.context["loaders"].one(dataset_tables.Dataset, key_of(id))
        return found

    @strawberry.field
    async def aoi(self, info: strawberry.Info, id: strawberry.ID) -> AOI | None:
        found: AOI | None = await info.context["loaders"].one(dataset_tables.AOI, key_of(id))
        return found

    @strawberry.field
    async def datasets(self, first: int = 25) -> Connection[Dataset]:
        found: Connection[Dataset] = await newest(dataset_tables.Dataset, first)
        return found

    @strawberry.field
    async def models(self, first: int = 25) -> Connection[Model]:
        found: Connection[Model] = await newest(training_tables.Model, first)
        return found


class View(GraphQL[dict[str, Any], None]):
    """Strawberry's own view, with the loaders of each request."""

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> dict[str, Any]:
        return {"request": request, "response": response, "loaders": Loaders()}


app = View(strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS)), graphql_ide=None)
