"""Packages pass the validator that the makers of Camtrap DP use, against its tables, without a network.

The published schemas are not part of this repository: the tables are stated as the specification has them in
`app/formats/wildlife/camtrap_dp/fields.py`, and the descriptor's rules here.
"""

import gzip
import json
import zipfile
from datetime import timedelta

import frictionless
import jsonschema
import pytest
from sqlalchemy import update

from app.formats.wildlife.camtrap_dp import fields
from app.models.wildlife.deployments import Deployment, FeatureType, Location
from app.models.wildlife.media import Resource, ResourceType
from app.models.wildlife.observations import Age, Behaviour, ObservationLevel, Sex
from app.models.wildlife.species import Species
from app.services.wildlife.media import sequences
from app.settings import settings
from resolvers import ids
from tests.formats.wildlife import packages
from tests.wildlife import classifying
from tests.wildlife.classifying import BLANK, HUMAN, season, seen
from tests.wildlife.exchanging import Desk

KINDS = {fields.Kind.TIME: {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"}}
TEXT, DATE = {"type": "string"}, {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"}
PROFILE = {
    "type": "object",
    "required": ["resources", "profile", "created", "contributors", "project", "spatial", "temporal", "taxonomic"],
    "properties": {
        "profile": {"type": "string", "pattern": r"/1\.0\.2/camtrap-dp-profile\.json$"},
        "name": {"type": "string", "pattern": r"^([-a-z0-9._/])+$"},
        "created": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[-+]\d\d:\d\d)$"},
        "contributors": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["title"]}},
        "resources": {
            "type": "array",
            "minItems": 3,
            "items": {
                "type": "object",
                "required": ["name", "path", "profile", "schema"],
                "properties": {"profile": {"const": "tabular-data-resource"}},
            },
        },
        "project": {
            "type": "object",
            "required": list(fields.RULES)
            and [
                "title",
                "samplingDesign",
                "captureMethod",
                "individualAnimals",
                "observationLevel",
            ],
            "properties": {
                "samplingDesign": {"enum": list(fields.DESIGNS)},
                "captureMethod": {"type": "array", "minItems": 1, "items": {"enum": list(fields.CAPTURE_METHODS)}},
                "individualAnimals": {"type": "boolean"},
                "observationLevel": {"type": "array", "minItems": 1, "items": {"enum": list(fields.LEVELS)}},
            },
        },
        "coordinatePrecision": {"type": "number", "exclusiveMinimum": 0},
        "spatial": {"type": "object", "required": ["type", "coordinates"]},
        "temporal": {"type": "object", "required": ["start", "end"], "properties": {"start": DATE, "end": DATE}},
        "taxonomic": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["scientificName"],
                "properties": {"scientificName": TEXT, "taxonRank": {"enum": list(fields.RANKS)}},
            },
        },
    },
}
OPTIONS = [
    {},
    {"gzip": False},
    {"includeEvents": True},
    {"includeEvents": True, "eventsCount": "COUNT_NEW", "excludeBlank": True},
    {"coarsenSensitive": False, "coordinateDecimals": 2},
    {"privateHumans": False, "privateVehicles": False},
]


def table_schema(rules):
    """A table of the specification as a Table Schema."""
    return {
        "fields": [_field(rules, each) for each in rules.fields],
        "missingValues": [""],
        "primaryKey": rules.key,
        "foreignKeys": [
            {"fields": column, "reference": {"resource": table, "fields": column}}
            for column, table in rules.leads_to.items()
        ],
    }


def _field(rules, each):
    constraints = {
        "required": each.required,
        "unique": True if each.name == rules.key else None,
        "minimum": each.least,
        "maximum": each.most,
        "enum": list(each.choices) or None,
        "pattern": each.pattern and each.pattern.pattern,
    }
    kind = KINDS.get(each.kind, {"type": each.kind.value})
    return {"name": each.name, **kind, "constraints": {key: at for key, at in constraints.items() if at is not None}}


def validated(folder):
    """What the validator has against a package, each schema taken from here instead of its address."""
    said = json.loads((folder / "datapackage.json").read_bytes())
    jsonschema.Draft7Validator(PROFILE).validate(said)
    for resource in said["resources"]:
        if resource.pop("compression", None):  # unpacked here: the validator would leave the file open
            packed = folder / resource["path"]
            resource["path"] = packed.stem
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        if resource["name"] in fields.RULES:
            assert resource["schema"].endswith(f"/1.0.2/{resource['name']}-table-schema.json")
            resource["schema"] = table_schema(fields.RULES[resource["name"]])
    del said["profile"]
    package = frictionless.Package.from_descriptor(said, basepath=str(folder))
    report = package.validate()
    assert len(report.tasks) == len(said["resources"])
    return [message for [message] in report.flatten(["message"])]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path / "home")


@pytest.fixture
async def at(database, owner):
    """A project with something in every column: places, times in summer and winter, a video, groups, tags, a set-up."""
    at = await season(database, owner.id, media=5)
    start = at.deployment.starts_at
    every = {
        "camera_id": "P800",
        "camera_delay": 5,
        "camera_height": 1.5,
        "camera_tilt": -10,
        "camera_heading": 180,
        "detection_distance": 9.5,
        "timestamp_issues": False,
        "bait_use": True,
        "feature_type": FeatureType.TRAIL_GAME,
        "deployment_groups": ["grid:A1"],
        "deployment_tags": ["near, a stream", 'with "quotes"'],
    }
    async with database.writing() as session:
        await session.execute(update(Deployment).values(**every))
        await session.execute(update(Location).values(name="Oak", coordinate_uncertainty=12.4))
        await session.execute(update(Species).where(Species.id == at.deer.id).values(is_sensitive=True))
        for number, resource in enumerate(at.resources):
            own = update(Resource).where(Resource.id == resource.id)
            await session.execute(own.values(recorded_at=start + timedelta(hours=number, milliseconds=250)))
        video = {"resource_type": ResourceType.VIDEO, "mime_type": "video/mp4", "fps": 29.97, "duration_s": 10.01}
        await session.execute(update(Resource).where(Resource.id == at.resources[1].id).values(**video))
        await sequences.rebuild(session, at.deployment.id)
    group = seen(at.deer, observation_level=ObservationLevel.GROUP, bboxes=None, count=3, count_new=2)
    fox = seen(at.fox, sex=Sex.FEMALE, age=Age.OFFSPRING, behaviour=Behaviour.GRAZING, individual_id="F1", distance=2.5)
    await classifying.by_person(database, at, 0, owner.id, fox, group, comments='He said: "two", then, more.\nTwice.')
    # The second is seen after the end that the file declares.
    within, behind = (seen(at.fox, first_frame_index=frame, classification_confidence=0.3) for frame in (100, 900))
    await classifying.by_ai(database, at, 1, within, behind)
    await classifying.by_ai(database, at, 2, seen(kind=HUMAN, classification_confidence=1))
    await classifying.by_ai(database, at, 3, seen(kind=BLANK))
    return at


@pytest.fixture
def export(api, change, ask, database, owner, at, tmp_path):
    async def export(**options):
        desk = Desk(api, change, ask, database, owner)
        given = {"approvedOnly": False, **options}
        told, content = await desk.fetch(
            "exportCamtrapDp", classificationProjectId=ids.encode(at.project), options=given
        )
        assert told["status"] == "FINISHED", told
        (tmp_path / "package.zip").write_bytes(content)
        folder = tmp_path / "package"
        with zipfile.ZipFile(tmp_path / "package.zip") as archive:
            archive.extractall(folder)
        return folder

    return export


@pytest.mark.parametrize("options", OPTIONS, ids=str)
async def test_a_package_is_valid(export, options):
    assert validated(await export(**options)) == []


async def test_our_own_checks_find_nothing_either(export, tmp_path):
    await export(includeEvents=True)
    read = packages.Read(tmp_path / "package.zip")
    assert [each for each in read.problems if each.severity != "INFO"] == []


def test_the_validator_finds_what_is_wrong(tmp_path):
    """A package of the tests is valid; with a broken key, a wrong word and a time without a zone it is not."""
    assert validated(packages.unfolded(packages.files(), tmp_path / "good")) == []
    observation = {**packages.OBSERVATION, "mediaID": "m2", "sex": "both", "eventStart": "2021-04-11T20:43:09"}
    said = validated(packages.unfolded(packages.files(observations=[observation]), tmp_path / "bad"))
    assert len(said) == 3
