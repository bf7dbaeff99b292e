"""Small Camtrap DP packages, made of rows, and how they are read."""

import csv
import gzip
import io
import json
import zipfile

from app.formats.wildlife.camtrap_dp import fields, reading
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Summary

PROFILE = "https://raw.githubusercontent.com/tdwg/camtrap-dp/{version}/camtrap-dp-profile.json"
SCHEMA = "https://raw.githubusercontent.com/tdwg/camtrap-dp/{version}/{name}-table-schema.json"
DEPLOYMENT = {
    "deploymentID": "d1",
    "locationID": "l1",
    "latitude": "52.5",
    "longitude": "13.25",
    "deploymentStart": "2021-04-01T08:00:00+02:00",
    "deploymentEnd": "2021-05-01T08:00:00+02:00",
}
MEDIUM = {
    "mediaID": "m1",
    "deploymentID": "d1",
    "timestamp": "2021-04-11T20:43:09+02:00",
    "filePath": "media/a.jpg",
    "filePublic": "false",
    "fileMediatype": "image/jpeg",
}
OBSERVATION = {
    "observationID": "o1",
    "deploymentID": "d1",
    "mediaID": "m1",
    "eventStart": "2021-04-11T20:43:09+02:00",
    "eventEnd": "2021-04-11T20:43:09+02:00",
    "observationLevel": "media",
    "observationType": "animal",
    "scientificName": "Vulpes vulpes",
}
ROWS = {"deployments": [DEPLOYMENT], "media": [MEDIUM], "observations": [OBSERVATION]}


def table(rows, columns):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def descriptor(version="1.0.2", **more):
    return {
        "resources": [
            {
                "name": name,
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "schema": SCHEMA.format(version=version, name=name),
            }
            for name in fields.RESOURCES
        ],
        "profile": PROFILE.format(version=version),
        "created": "2026-01-01T00:00:00Z",
        "contributors": [{"title": "A station"}],
        "project": {
            "title": "Foxes",
            "samplingDesign": "targeted",
            "captureMethod": ["activityDetection"],
            "individualAnimals": False,
            "observationLevel": ["media"],
        },
        "spatial": {"type": "Point", "coordinates": [13.25, 52.5]},
        "temporal": {"start": "2021-04-01", "end": "2021-05-01"},
        "taxonomic": [{"scientificName": "Vulpes vulpes"}],
        **more,
    }


def files(said=None, *, columns=None, **tables):
    """The files of a package; a table is given by its rows."""
    rows = {**ROWS, **tables}
    content = {
        f"{name}.csv": table(rows[name], (columns or {}).get(name, fields.RULES[name].columns))
        for name in fields.RESOURCES
    }
    return {"datapackage.json": json.dumps(said or descriptor()).encode(), **content}


def archived(content, folder=""):
    with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as made:
        for name, each in content.items():
            made.writestr(folder + name, each)
    return file.getvalue()


def packed(content):
    """The same package with packed tables."""
    said = json.loads(content["datapackage.json"])
    for resource in said["resources"]:
        resource["path"] += ".gz"
    tables = {f"{name}.gz": gzip.compress(each) for name, each in content.items() if name != "datapackage.json"}
    return {"datapackage.json": json.dumps(said).encode(), **tables}


def unfolded(content, folder):
    for name, each in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each)
    return folder


class Read:
    """What reading a package gave."""

    def __init__(self, path, zone=None):
        problems, summary = Problems(), Summary()
        self.records = list(reading.read(path, problems, summary, zone))
        self.summary = summary.plain()
        self.problems = problems.listed
        self.errors = [problem for problem in self.problems if problem.severity == "ERROR"]
        self.warnings = [problem for problem in self.problems if problem.severity == "WARNING"]

    def of(self, kind):
        return [record.values for record in self.records if record.kind == kind]
