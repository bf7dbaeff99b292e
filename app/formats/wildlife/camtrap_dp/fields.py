"""The three tables of Camtrap DP 1.0.2 with the rules of their fields, in the order of the standard."""

import re
from dataclasses import dataclass, field
from enum import Enum

DEPLOYMENTS = "deployments"
MEDIA = "media"
OBSERVATIONS = "observations"
RESOURCES = (DEPLOYMENTS, MEDIA, OBSERVATIONS)

FILE_PATH = re.compile(r"(?=^[^./~])(^((?!\.{2}).)*$).*$")
FILE_MEDIA_TYPE = re.compile(r"^(image|video|audio)/.*$")
# The smallest number that the standard takes for the side of a box.
SIDE_MIN = 1e-15


class Kind(Enum):
    """What a field holds."""

    TEXT = "string"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIME = "datetime"
    JSON = "any"


@dataclass(frozen=True)
class Field:
    """A column with its rules."""

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True)
class TableRules:
    """A table: its key, its columns, and which of them lead to other tables."""

    name: str
    key: str
    fields: tuple[Field, ...]
    leads_to: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The names of all columns, in order."""
        return [each.name for each in self.fields]

    @property
    def required(self) -> list[str]:
        """The names of the columns that no row leaves empty."""
        return [each.name for each in self.fields if each.required]


FEATURES = (
    "roadPaved",
    "roadDirt",
    "trailHiking",
    "trailGame",
    "roadUnderpass",
    "roadOverpass",
    "roadBridge",
    "culvert",
    "burrow",
    "nestSite",
    "carcass",
    "waterSource",
    "fruitingTree",
)
CAPTURE_METHODS = ("activityDetection", "timeLapse")
LEVELS = ("media", "event")
TYPES = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
SETUPS = ("setup", "calibration")
LIFE_STAGES = ("adult", "subadult", "juvenile")
SEXES = ("female", "male")
METHODS = ("human", "machine")
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species", "subspecies")
DESIGNS = ("simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic")

DEPLOYMENT_RULES = TableRules(
    DEPLOYMENTS,
    "deploymentID",
    (
        Field("deploymentID", required=True),
        Field("locationID"),
        Field("locationName"),
        Field("latitude", Kind.NUMBER, required=True, least=-90, most=90),
        Field("longitude", Kind.NUMBER, required=True, least=-180, most=180),
        Field("coordinateUncertainty", Kind.INTEGER, least=1),
        Field("deploymentStart", Kind.TIME, required=True),
        Field("deploymentEnd", Kind.TIME, required=True),
        Field("setupBy"),
        Field("cameraID"),
        Field("cameraModel"),
        Field("cameraDelay", Kind.INTEGER, least=0),
        Field("cameraHeight", Kind.NUMBER, least=0),
        Field("cameraDepth", Kind.NUMBER, least=0),
        Field("cameraTilt", Kind.INTEGER, least=-90, most=90),
        Field("cameraHeading", Kind.INTEGER, least=0, most=360),
        Field("detectionDistance", Kind.NUMBER, least=0),
        Field("timestampIssues", Kind.BOOLEAN),
        Field("baitUse", Kind.BOOLEAN),
        Field("featureType", choices=FEATURES),
        Field("habitat"),
        Field("deploymentGroups"),
        Field("deploymentTags"),
        Field("deploymentComments"),
    ),
)
MEDIA_RULES = TableRules(
    MEDIA,
    "mediaID",
    (
        Field("mediaID", required=True),
        Field("deploymentID", required=True),
        Field("captureMethod", choices=CAPTURE_METHODS),
        Field("timestamp", Kind.TIME, required=True),
        Field("filePath", required=True, pattern=FILE_PATH),
        Field("filePublic", Kind.BOOLEAN, required=True),
        Field("fileName"),
        Field("fileMediatype", required=True, pattern=FILE_MEDIA_TYPE),
        Field("exifData", Kind.JSON),
        Field("favorite", Kind.BOOLEAN),
        Field("mediaComments"),
    ),
    {"deploymentID": DEPLOYMENTS},
)
OBSERVATION_RULES = TableRules(
    OBSERVATIONS,
    "observationID",
    (
        Field("observationID", required=True),
        Field("deploymentID", required=True),
        Field("mediaID"),
        Field("eventID"),
        Field("eventStart", Kind.TIME, required=True),
        Field("eventEnd", Kind.TIME, required=True),
        Field("observationLevel", required=True, choices=LEVELS),
        Field("observationType", required=True, choices=TYPES),
        Field("cameraSetupType", choices=SETUPS),
        Field("scientificName"),
        Field("count", Kind.INTEGER, least=1),
        Field("lifeStage", choices=LIFE_STAGES),
        Field("sex", choices=SEXES),
        Field("behavior"),
        Field("individualID"),
        Field("individualPositionRadius", Kind.NUMBER, least=0),
        Field("individualPositionAngle", Kind.NUMBER, least=-90, most=90),
        Field("individualSpeed", Kind.NUMBER, least=0),
        Field("bboxX", Kind.NUMBER, least=0, most=1),
        Field("bboxY", Kind.NUMBER, least=0, most=1),
        Field("bboxWidth", Kind.NUMBER, least=SIDE_MIN, most=1),
        Field("bboxHeight", Kind.NUMBER, least=SIDE_MIN, most=1),
        Field("classificationMethod", choices=METHODS),
        Field("classifiedBy"),
        Field("classificationTimestamp", Kind.TIME),
        Field("classificationProbability", Kind.NUMBER, least=0, most=1),
        Field("observationTags"),
        Field("observationComments"),
    ),
    {"deploymentID": DEPLOYMENTS, "mediaID": MEDIA},
)
RULES = {rules.name: rules for rules in (DEPLOYMENT_RULES, MEDIA_RULES, OBSERVATION_RULES)}
BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
