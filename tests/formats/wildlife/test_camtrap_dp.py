"""Camtrap DP is read as the standard has it; what is wrong is named with its file, line and field."""

import json
import random
import zipfile
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest

from app.errors import Unreadable
from app.settings import settings
from tests.formats.wildlife.packages import (
    DEPLOYMENT,
    MEDIUM,
    OBSERVATION,
    PROFILE,
    Read,
    archived,
    descriptor,
    files,
    packed,
    unfolded,
)


@pytest.fixture
def read(tmp_path):
    def read(content=None, zone=None, **tables):
        path = tmp_path / "package.zip"
        path.write_bytes(content if isinstance(content, bytes) else archived(content or files(**tables)))
        return Read(path, zone)

    return read


def refused(read, content):
    with pytest.raises(Unreadable) as caught:
        read(content)
    return str(caught.value)


def test_a_package_is_read_as_archive_folder_or_with_packed_tables(read, tmp_path):
    content = files()
    given = [read(content), read(archived(content, "some package/")), read(packed(content))]
    given.append(Read(unfolded(content, tmp_path / "folder")))
    for found in given:
        assert found.problems == []
        assert [record.kind for record in found.records] == ["package", "deployment", "media", "observation"]
        assert found.summary["counts"] == {
            "deployments": 1,
            "media": 1,
            "observations": 1,
            "individuals": 0,
            "boxes": 0,
            "bursts": 0,
            "events": 0,
        }


def test_a_package_is_read_by_its_descriptor_alone_if_that_has_the_rows(tmp_path):
    said = descriptor()
    for resource, row in zip(said["resources"], (DEPLOYMENT, MEDIUM, OBSERVATION), strict=True):
        del resource["path"]
        resource["data"] = [row]
    said["resources"].append({"name": "individuals", "data": [{"id": 1}]})
    path = tmp_path / "datapackage.json"
    path.write_bytes(json.dumps(said).encode())
    found = Read(path)
    assert found.errors == []
    assert found.summary["counts"]["observations"] == 1
    assert [problem.message for problem in found.problems] == ['The resource "individuals" is not part of Camtrap DP.']


@pytest.mark.parametrize("version", ["1.0", "1.0.1", "1.0.2"])
def test_all_versions_of_1_0_are_read(read, version):
    assert read(files(descriptor(version))).summary["version"] == version


@pytest.mark.parametrize(
    ("profile", "version"),
    [
        ("http://rs.gbif.org/data-packages/camtrap-dp/1.0/profile/camtrap-dp-profile.json", "1.0"),
        ("https://example.org/mirror/2.0/camtrap-dp/1.0.1/camtrap-dp-profile.json", "1.0.1"),
    ],
)
def test_the_profile_may_be_at_another_host(read, profile, version):
    assert read(files(descriptor(profile=profile))).summary["version"] == version


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.1.6", "Export it again"),
        ("0.6", "Export it again"),
        ("1.0-rc.1", "Export it again"),
        ("1.0-rc.10", "Export it again"),
        ("1.0.3", "newer than this installation knows"),
        ("1.1", "newer than this installation knows"),
        ("2.0", "newer than this installation knows"),
        ("10.0", "newer than this installation knows"),
    ],
)
def test_another_version_is_refused_with_what_to_do(read, version, said):
    refusal = refused(read, files(descriptor(profile=PROFILE.format(version=version))))
    assert f"This package is Camtrap DP {version}; only 1.0, 1.0.1 and 1.0.2 are read." in refusal
    assert said in refusal


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"profile": "tabular-data-package"}, "does not name the Camtrap DP profile"),
        ({"profile": "https://example.org/camtrap-dp/camtrap-dp-profile.json"}, "names no version of Camtrap DP"),
        ({"profile": None}, "does not name the Camtrap DP profile"),
        ({"resources": {}}, "lists no resources"),
        ({"resources": []}, "lacks the resources deployments, media, observations"),
        ({"resources": descriptor()["resources"][:2]}, "lacks the resource observations"),
        ({"resources": descriptor()["resources"] * 2}, 'two resources named "deployments"'),
    ],
)
def test_a_descriptor_without_its_parts_is_refused(read, change, said):
    assert said in refused(read, files(descriptor(**change)))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../deployments.csv", "leads out of the package"),
        ("/etc/passwd", "leads out of the package"),
        ("~/deployments.csv", "leads out of the package"),
        ("a\\..\\b.csv", "leads out of the package"),
        ("http://127.0.0.1/deployments.csv", "Nothing is fetched from there"),
        ("elsewhere.csv", "is not in this package"),
    ],
)
def test_a_table_is_only_looked_for_in_the_package(read, path, said):
    resources = descriptor()["resources"]
    resources[0]["path"] = path
    assert said in refused(read, files(descriptor(resources=resources)))


def test_without_a_descriptor_there_is_no_package(read):
    content = files()
    del content["datapackage.json"]
    assert refused(read, content).startswith("This package has no datapackage.json")
    twice = {**files(), "a/datapackage.json": b"{}", "b/datapackage.json": b"{}"}
    del twice["datapackage.json"]
    assert "two files named datapackage.json" in refused(read, twice)


def test_a_descriptor_that_is_no_json_is_refused(read):
    for content in (b"[]", b"{", b'{"profile": NaN}', b"\xff\xfe", b"[" * 100_000):
        assert refused(read, {**files(), "datapackage.json": content})


FAULTS = {
    "no such day": ("deployments", {"deploymentStart": "2021-02-30T08:00:00Z"}, "deploymentStart", "no such time"),
    "no offset": ("deployments", {"deploymentStart": "2021-04-01T08:00:00"}, "deploymentStart", "no UTC offset"),
    "before its start": (
        "deployments",
        {"deploymentEnd": "2021-03-01T08:00:00Z"},
        "deploymentEnd",
        "ends before it starts",
    ),
    "beyond the pole": ("deployments", {"latitude": "90.5"}, "latitude", "at most 90"),
    "a decimal comma": ("deployments", {"latitude": "52,5"}, "latitude", "not a number"),
    "no number": ("deployments", {"longitude": "inf"}, "longitude", "not a number"),
    "an unknown feature": ("deployments", {"featureType": "road paved"}, "featureType", "must be one of roadPaved"),
    "no integer": ("deployments", {"cameraTilt": "1.5"}, "cameraTilt", "not a whole number"),
    "no key": ("deployments", {"deploymentID": ""}, "deploymentID", "required"),
    "no deployment": ("media", {"deploymentID": "d9"}, "deploymentID", 'no deployment "d9"'),
    "out of the package": ("media", {"filePath": "../a.jpg"}, "filePath", "leads out"),
    "from the root": ("media", {"filePath": "/a.jpg"}, "filePath", "leads out"),
    "a document": ("media", {"fileMediatype": "text/plain"}, "fileMediatype", "image/"),
    "no truth": ("media", {"filePublic": "maybe"}, "filePublic", "neither true nor false"),
    "no medium": ("observations", {"mediaID": "m9"}, "mediaID", 'no media "m9"'),
    "a nameless medium": ("observations", {"mediaID": ""}, "mediaID", "must name its medium"),
    "an unknown level": ("observations", {"observationLevel": "sequence"}, "observationLevel", "must be one of media"),
    "an unknown type": ("observations", {"observationType": "fox"}, "observationType", "must be one of animal"),
    "nobody": ("observations", {"count": "0"}, "count", "at least 1"),
    "time backwards": ("observations", {"eventEnd": "2021-04-11T20:43:08+02:00"}, "eventEnd", "ends before it starts"),
    "a box too wide": (
        "observations",
        {"bboxX": "0.5", "bboxY": "0", "bboxWidth": "0.6", "bboxHeight": "1"},
        "bboxWidth",
        "beyond the edge",
    ),
    "a box of nothing": (
        "observations",
        {"bboxX": "0.5", "bboxY": "0", "bboxWidth": "0", "bboxHeight": "1"},
        "bboxWidth",
        "more than 0",
    ),
    "a box of two sides": ("observations", {"bboxX": "0.5", "bboxY": "0"}, "bboxX", "needs all of"),
    "too sure": ("observations", {"classificationProbability": "1.1"}, "classificationProbability", "at most 1"),
    "offspring": ("observations", {"lifeStage": "offspring"}, "lifeStage", "must be one of adult"),
}
GOOD = {"deployments": DEPLOYMENT, "media": MEDIUM, "observations": OBSERVATION}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_field_is_named_and_its_row_left_out(read, fault):
    name, change, field, said = FAULTS[fault]
    key = {"deployments": "deploymentID", "media": "mediaID", "observations": "observationID"}[name]
    good, wrong = GOOD[name], {**GOOD[name], key: "x", **change}
    found = read(**{name: [good, wrong]})
    [error] = found.errors
    assert (error.file, error.line, error.field) == (f"{name}.csv", 3, field)
    assert said in error.message
    kind = {"deployments": "deployment", "media": "media", "observations": "observation"}[name]
    assert len(found.of(kind)) == 1
    assert found.summary["rows"][kind] == 2


def test_a_key_that_comes_twice_is_named_where_it_comes_again(read):
    found = read(media=[MEDIUM, {**MEDIUM, "mediaID": "m2"}, MEDIUM, MEDIUM])
    assert [(error.line, error.field) for error in found.errors] == [(4, "mediaID"), (5, "mediaID")]


def test_rows_of_the_wrong_length_and_missing_columns(read):
    content = files()
    content["media.csv"] += b"m2,d1\r\n"
    assert read(content).errors[0].message == "This row has 2 fields; the header has 11."
    few = [column for column in DEPLOYMENT if column != "latitude"]
    assert "lacks the column latitude" in refused(
        read, files(columns={"deployments": few}, deployments=[{key: DEPLOYMENT[key] for key in few}])
    )
    content["media.csv"] = content["media.csv"].replace(b"fileName", b"filePath", 1)
    assert 'two columns named "filePath"' in refused(read, content)
    content["media.csv"] = b""
    assert "has no header" in refused(read, content)


ODDITIES = {
    "a fraction of a second": ("media", {"timestamp": "2021-04-11T20:43:09.25+02:00"}, "timestamp"),
    "an offset without a colon": ("media", {"timestamp": "2021-04-11T20:43:09+0200"}, "timestamp"),
    "another truth": ("media", {"filePublic": "True"}, "filePublic"),
    "a count with a fraction": ("observations", {"count": "1.0"}, "count"),
    "NA": ("observations", {"sex": "NA"}, "sex"),
    "an unlisted species": ("observations", {"scientificName": "Lynx lynx"}, "scientificName"),
    "a time outside the deployment": ("media", {"timestamp": "1999-04-11T20:43:09Z"}, "timestamp"),
    "a box slightly too wide": (
        "observations",
        {"bboxX": "0.5", "bboxY": "0", "bboxWidth": "0.5005", "bboxHeight": "1"},
        "bboxWidth",
    ),
    "a counted blank": (
        "observations",
        {"observationType": "blank", "scientificName": "", "count": "1"},
        "observationType",
    ),
    "broken EXIF": ("media", {"exifData": "{'a': 1}"}, "exifData"),
    "NUL bytes": ("deployments", {"cameraModel": "Reconyx\0\0"}, "cameraModel"),
    "an odd behaviour": ("observations", {"behavior": "foraging"}, "behavior"),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_odd_is_read_with_a_warning(read, oddity):
    name, change, field = ODDITIES[oddity]
    found = read(**{name: [{**GOOD[name], **change}]})
    assert found.errors == []
    assert field in {warning.field for warning in found.warnings}
    assert len(found.of("observation")) == 1


def test_a_time_keeps_its_offset_and_one_without_gets_the_declared_zone(read):
    assert read().of("media")[0]["timestamp"] == "2021-04-11T20:43:09+02:00"
    naive = [{**MEDIUM, "timestamp": "2021-01-11T20:43:09"}]
    found = read(media=naive, zone=ZoneInfo("Europe/Berlin"))
    assert found.of("media")[0]["timestamp"] == "2021-01-11T20:43:09+01:00"
    assert found.warnings[0].message == "This time has no UTC offset; the declared time zone was used."


def test_an_observation_means_what_the_standard_says(read):
    given = {
        **OBSERVATION,
        "count": "1",
        "lifeStage": "juvenile",
        "sex": "female",
        "behavior": "grazing",
        "individualID": "F1",
        "individualPositionRadius": "6.25",
        "individualPositionAngle": "-8.5",
        "bboxX": "0.25",
        "bboxY": "0.5",
        "bboxWidth": "0.25",
        "bboxHeight": "0.125",
        "classificationMethod": "machine",
        "classifiedBy": "MegaDetector 5a",
        "classificationProbability": "0.75",
        "cameraSetupType": "setup",
        "observationTags": r"age:offspring | countNew:2 | travelDirection:left | odd\|one\:x:y\\",
        "observationComments": "At night",
    }
    [said] = read(observations=[given]).of("observation")
    assert said == {
        "id": "o1",
        "type": "animal",
        "level": "object",
        "names": ["Vulpes vulpes"],
        "sex": "female",
        "age": "offspring",
        "behaviour": "grazing",
        "count": 1,
        "count_new": 2,
        "individual_id": "F1",
        "confidence": 0.75,
        "bbox": [0.25, 0.5, 0.25, 0.125],
        "first_frame_index": None,
        "distance": 6.25,
        "attrs": {"individualPositionAngle": -8.5, "travelDirection": "left", "odd|one:x": "y\\"},
        "attr_confidence": {},
        "method": "machine",
        "by": "MegaDetector 5a",
        "at": None,
        "is_setup": True,
        "event_id": None,
        "event_start": "2021-04-11T20:43:09+02:00",
        "event_end": "2021-04-11T20:43:09+02:00",
        "comments": "At night",
        "media_id": "m1",
        "deployment_id": "d1",
    }


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"count": "3"}, "group"),
        ({"count": "1"}, "object"),
        ({"count": "3", "bboxX": "0", "bboxY": "0", "bboxWidth": "1", "bboxHeight": "1"}, "object"),
        ({"observationLevel": "event", "mediaID": "", "eventID": "e1"}, "event"),
    ],
)
def test_groups_have_no_box_and_events_no_medium(read, change, level):
    [said] = read(observations=[{**OBSERVATION, **change}]).of("observation")
    assert said["level"] == level


def test_files_of_the_same_second_are_a_burst_not_duplicates(read):
    found = read(media=[{**MEDIUM, "mediaID": f"m{number}", "filePath": f"{number}.jpg"} for number in range(1, 4)])
    assert found.problems == []
    assert found.summary["counts"]["bursts"] == 1


def entries(*named):
    with zipfile.ZipFile(file := BytesIO(), "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in named:
            made.writestr(name, content)
    return file.getvalue()


def test_archives_that_are_made_to_hurt_are_refused(read, monkeypatch):
    said = files()["datapackage.json"]
    with pytest.warns(UserWarning, match="Duplicate name"):
        many = entries(*[("media.csv", b"")] * 10_000, ("datapackage.json", said))
    assert refused(read, many) == "Two files in this archive have the same name."
    assert "leads out of it" in refused(read, entries(("../media.csv", b""), ("datapackage.json", said)))
    bomb = entries(("datapackage.json", said), ("media.csv", b"\n" * 50_000_000))
    assert "compressed more than 200-fold" in refused(read, bomb)
    assert "cut off" in refused(read, archived(files())[:-30])
    monkeypatch.setattr(settings, "media_archive_files_max", 3)
    assert "at most 3 files" in refused(read, archived(files()))


def test_packed_tables_that_are_made_to_hurt_are_refused(read, monkeypatch):
    content = packed({**files(), "media.csv": files()["media.csv"] + b"\n" * 50_000_000})
    archive = archived(content)
    assert "compressed more than 200-fold" in refused(read, archive)
    cut = packed(files())
    cut["media.csv.gz"] = cut["media.csv.gz"][:40]
    assert "broken or cut off" in refused(read, cut)
    monkeypatch.setattr(settings, "import_unpacked_bytes_max", 1_000)
    large = files(media=[{**MEDIUM, "mediaID": f"m{number}"} for number in range(1_000)])
    assert "unpacks to more than 1,000 bytes" in refused(read, packed(large))


LONG = random.Random(5).randbytes(1_200_000).hex().encode().replace(b"0", b"\n")


def test_texts_without_end_or_in_another_encoding_are_refused(read, monkeypatch):
    content = files()
    assert "is not UTF-8" in refused(read, {**content, "media.csv": content["media.csv"] + b"\xff\xfe"})
    assert "is not CSV" in refused(read, {**content, "media.csv": content["media.csv"] + b'"' + LONG})
    monkeypatch.setattr(settings, "parser_token_bytes_max", 1_000)
    assert "has a line of more than" in refused(read, {**content, "media.csv": b"a" * 2_000})


def test_no_more_problems_are_kept_than_the_setting_says_but_all_are_counted(read, monkeypatch):
    monkeypatch.setattr(settings, "import_problems_max", 5)
    found = read(media=[{**MEDIUM, "deploymentID": "d9"}] * 20, observations=[])
    assert len(found.problems) == 5
    assert {problem.severity for problem in found.problems} == {"ERROR"}
