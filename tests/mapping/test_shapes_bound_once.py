"""A shape that rows are compared with is read by the database once, not for each row."""

import re

import pytest
from shapely import Point, box
from sqlalchemy import select

from app.geometry.shapes import to_geojson
from app.models.mapping.datasets import Label
from app.models.mapping.trainings import TrainingStatus
from app.postgres.prepared import compiled
from resolvers import ids
from resolvers.spatial_filters import placed
from schema import schema
from tests import factories

AREA = box(12.0, 46.0, 12.01, 46.01)
HOUSE = box(12.001, 46.001, 12.002, 46.002)
# A function that reads or makes a shape of what was sent; of a row's own columns it has to be called for each row.
MADE = re.compile(r"(?i)ST_(?:GeomFrom\w+|MakeEnvelope|TileEnvelope|AsBinary)\((?=[%$:])")


@pytest.fixture
async def rows(database, owner):
    dataset = await factories.dataset(database, owner.id)
    aoi = await factories.aoi(database, dataset, geom=AREA)
    model = await factories.model(database, dataset)
    training = await factories.training(database, model, status=TrainingStatus.FINISHED)
    for _ in range(3):
        await factories.label(database, aoi, geom=HOUSE)
    return {"aoi": aoi, "training": training, "prediction": await factories.prediction(database, training, geom=AREA)}


def made_for_each_row(statements):
    """Statements that make a shape elsewhere than in a subquery of its own."""
    found = []
    for statement in statements:
        if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
            continue
        for match in MADE.finditer(statement):
            before = statement[: match.start()]
            begins = before.rfind("(SELECT ")
            if begins < 0 or not re.fullmatch(r"(?:\w+\()*", before[begins + len("(SELECT ") :]):
                found.append(statement)
    return found


def lists_of_places():
    query = schema._schema.query_type
    return [
        (name, "bbox" in field.args)
        for name, field in query.fields.items()
        if "intersects" in field.args or "bbox" in field.args
    ]


@pytest.mark.parametrize(("name", "has_box"), lists_of_places(), ids=str)
async def test_every_list_of_places(ask, rows, statements, name, has_box):
    needed = f'predictionId: "{ids.encode(rows["prediction"])}", ' if name == "predictedFeatures" else ""
    answers = {"datasetCentroids", "modelCentroids", "modelsGeoJson", "datasetsGeoJson"}
    below = "" if is_leaf(name) else ("{ totalCount nodes { id } }" if name not in answers else "{ __typename }")
    statements.clear()
    answer = await ask(
        f"""query ($bbox: [Float!], $intersects: GeoJSONGeometry) {{
            {name}({needed}{"bbox: $bbox, " if has_box else ""}intersects: $intersects) {below} }}""",
        bbox=[12.0, 46.0, 12.1, 46.1],
        intersects=to_geojson(AREA),
    )
    assert not answer.errors, answer.errors
    assert any("ST_Intersects" in statement for statement in statements)
    assert made_for_each_row(statements) == []


def is_leaf(name):
    kind = schema._schema.query_type.fields[name].type
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    return not hasattr(kind, "fields")


async def test_tiles(api, rows, statements):
    statements.clear()
    answer = await api.get("/tiles/labels/14/8738/5827.mvt")
    assert answer.status_code in {200, 204}
    assert any("ST_TileEnvelope" in statement for statement in statements)
    assert made_for_each_row(statements) == []


async def test_what_is_drawn_again_is_found(change, rows, statements, owner):
    statements.clear()
    await change("createLabel", viewer=owner, aoiId=ids.encode(rows["aoi"]), geom=to_geojson(HOUSE))
    await change("approvePrediction", viewer=owner, trainingId=ids.encode(rows["training"]), geom=to_geojson(HOUSE))
    assert any("ST_Equals" in statement for statement in statements)
    assert any("md5" in statement for statement in statements)
    assert made_for_each_row(statements) == []


async def test_the_shape_is_read_once_whatever_the_rows(servers, rows):
    statement = compiled(
        placed(select(Label.id), Label.geom, bbox=None, intersects=Point(12.0015, 46.0015).buffer(0.001))
    )
    given = ", ".join("'" + str(value, "utf-8") + "'" for value in statement.parameters)
    # As the superuser, who alone may have PostgreSQL count calls.
    with servers.connect("tests") as connection, connection.transaction():
        connection.execute("SET LOCAL track_functions = 'all'")
        connection.execute("SET LOCAL plan_cache_mode = 'force_generic_plan'")
        connection.execute(f"PREPARE narrowed AS {statement.sql.decode()}")
        found = connection.execute(f"EXECUTE narrowed({given})").fetchall()
        [calls] = connection.execute(
            "SELECT sum(calls) FROM pg_stat_xact_user_functions WHERE funcname = 'st_geomfromtext'"
        ).fetchone()
        connection.execute("DEALLOCATE narrowed")
    assert (len(found), calls) == (3, 1)
