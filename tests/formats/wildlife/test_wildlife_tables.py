"""Exports of Wildlife Insights, and tables of classifications: ours and Trapper's."""

from zoneinfo import ZoneInfo

import pytest

from app.errors import Unreadable
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Summary
from app.formats.wildlife.tables import classification_tables, tags, wildlife_insights
from tests.formats.wildlife.packages import archived, unfolded

DEPLOYMENTS = b"""project_id,deployment_id,placename,longitude,latitude,start_date,end_date,bait_type,camera_id
p,d1,P1,-112.5,56.25,2018-11-15,2019-04-03,None,c1
p,d2,P2,-112.5,56.5,2018-11-15 10:00:00,2019-04-03 09:00:00,Scent,NA
"""
IMAGES = (
    "project_id,deployment_id,image_id,filename,location,is_blank,identified_by,class,order,family,genus,species,"
    "common_name,timestamp,number_of_objects,age,sex,cv_confidence\n"
)
ROW = (
    "p,d1,i1,a/i1.JPG,gs://bucket/i1.JPG,0,ERT,Mammalia,Carnivora,Canidae,Vulpes,vulpes,Red Fox,2018-11-16 05:01:45,1,"
    "Adult,Male,NA\n"
)
CAMERAS = b"project_id,camera_id\np,c1\n"


@pytest.fixture
def insights(tmp_path):
    def read(images=IMAGES + ROW, deployments=DEPLOYMENTS, **more):
        content = {"deployments.csv": deployments, "images.csv": images.encode(), "cameras.csv": CAMERAS, **more}
        problems, summary = Problems(), Summary()
        folder = unfolded(content, tmp_path / "export")
        return list(wildlife_insights.read(folder, problems, summary, ZoneInfo("America/Edmonton"))), problems, summary

    return read


def seen(found):
    return [record.values for record in found if record.kind == "observation"]


def test_times_are_in_the_zone_of_the_place_and_an_end_is_a_whole_day(insights):
    found, _, _ = insights()
    first, second = (record.values for record in found if record.kind == "deployment")
    assert (first["deploymentStart"], first["deploymentEnd"]) == (
        "2018-11-15T00:00:00-07:00",
        "2019-04-03T23:59:59-06:00",
    )
    assert second["deploymentEnd"] == "2019-04-03T09:00:00-06:00"
    assert (first["baitUse"], second["baitUse"]) == (False, True)
    [medium] = [record.values for record in found if record.kind == "media"]
    assert (medium["timestamp"], medium["fileName"], medium["filePath"]) == (
        "2018-11-16T05:01:45-07:00",
        "i1.JPG",
        "gs://bucket/i1.JPG",
    )


def test_a_camera_that_is_not_listed_is_a_warning(insights):
    _, problems, summary = insights()
    assert [(problem.line, problem.field, problem.severity) for problem in problems.listed] == [
        (3, "camera_id", "WARNING")
    ]
    assert summary.counts["cameras_unknown"] == 1


@pytest.mark.parametrize(
    ("change", "type_", "names"),
    [
        ({}, "animal", ["Vulpes vulpes"]),
        ({"Vulpes,vulpes": "Vulpes,spp."}, "animal", ["Vulpes"]),
        ({"Vulpes,vulpes": "Vulpes,NA"}, "animal", ["Vulpes"]),
        ({"Vulpes,vulpes": "NA,NA"}, "animal", ["Canidae"]),
        ({"Mammalia,Carnivora,Canidae,Vulpes,vulpes,Red Fox": "Aves,NA,NA,NA,NA,Bird"}, "animal", ["Aves"]),
        ({"Mammalia,Carnivora,Canidae,Vulpes,vulpes,Red Fox": "NA,NA,NA,Unknown,unknown,NA"}, "unknown", []),
        ({"Mammalia,Carnivora,Canidae,Vulpes,vulpes,Red Fox": "NA,NA,NA,NA,NA,NA"}, "unknown", []),
        ({"Vulpes,vulpes": "Homo,sapiens"}, "human", ["Homo sapiens"]),
        ({"Mammalia,Carnivora,Canidae,Vulpes,vulpes,Red Fox": "NA,NA,NA,NA,NA,Vehicle"}, "vehicle", []),
        ({",0,ERT": ",1,ERT"}, "blank", []),
    ],
)
def test_na_is_no_value_and_spp_is_the_genus(insights, change, type_, names):
    row = ROW
    for old, new in change.items():
        assert old in row
        row = row.replace(old, new)
    found, problems, _ = insights(IMAGES + row)
    assert problems.errors == 0
    [said] = seen(found)
    assert (said["type"], said["names"]) == (type_, names)


def test_rows_of_one_picture_are_one_medium_and_a_count_makes_a_group(insights):
    found, problems, summary = insights(IMAGES + ROW + ROW.replace(",1,Adult,Male,", ",3,Adult + Juvenile,Female,"))
    assert [record.kind for record in found] == ["deployment", "deployment", "media", "observation", "observation"]
    one, several = seen(found)
    assert (one["level"], one["count"], one["age"], one["sex"]) == ("object", 1, "adult", "male")
    assert (several["level"], several["count"], several["age"], several["sex"]) == ("group", 3, None, "female")
    assert problems.errors == 0
    assert summary.counts["media"] == 1
    assert any("Adult + Juvenile" in problem.message for problem in problems.listed)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ((",d1,", ",d9,"), "deployment_id", 'no deployment "d9"'),
        (("2018-11-16 05:01:45", "16.11.2018"), "timestamp", "is not a time"),
        (("2018-11-16 05:01:45", "2018-02-30 05:01:45"), "timestamp", "is not a time"),
        ((",i1,", ",,"), "image_id", "required"),
    ],
)
def test_a_wrong_row_of_a_picture_is_named(insights, change, field, said):
    found, problems, _ = insights(IMAGES + ROW.replace(*change, 1))
    assert seen(found) == []
    [error] = [problem for problem in problems.listed if problem.severity == "ERROR"]
    assert (error.file, error.line, error.field) == ("images.csv", 2, field)
    assert said in error.message


def test_an_export_without_its_tables_is_refused(insights, tmp_path):
    path = tmp_path / "export.zip"
    path.write_bytes(archived({"images.csv": b"a"}))
    with pytest.raises(Unreadable, match=r"has no deployments\.csv"):
        list(wildlife_insights.read(path, Problems(), Summary(), ZoneInfo("UTC")))
    with pytest.raises(Unreadable, match="lacks the columns longitude, latitude"):
        insights(deployments=b"deployment_id,start_date,end_date\n")
    found, problems, _ = insights(
        deployments=DEPLOYMENTS.replace(b"2019-04-03,None", b"2018-04-03,None"), images=IMAGES
    )
    assert len(found) == 1
    assert problems.listed[0].message == "This deployment ends before it starts."


@pytest.fixture
def table(tmp_path):
    def read(content):
        path = tmp_path / "some.csv"
        path.write_text(content)
        problems, summary = Problems(), Summary()
        return [each.values for each in classification_tables.read(path, problems, summary)], problems

    return read


def test_columns_are_known_by_our_names_and_by_those_of_trapper(table):
    ours = "resourceID,observationType,scientificName,age,behaviour,count,bboxes,classificationConfidence,attrs\n"
    theirs = "_id,observationType,species,lifeStage,behavior,count,bboxes,classificationConfidence,attrs\n"
    row = '"7",animal,Vulpes vulpes,Juvenile,running,1,"[[0.1,0.2,0.3,0.4]]",0.5,"{""tail"": ""long""}"\n'
    for head, place in ((ours, "resource_id"), (theirs, "classification_id")):
        [said], problems = table(head + row)
        assert problems.listed == []
        assert said[place] == "7"
        assert (said["names"], said["age"], said["behaviour"]) == (["Vulpes vulpes"], "juvenile", "running")
        assert (said["bbox"], said["confidence"], said["attrs"]) == ([0.1, 0.2, 0.3, 0.4], 0.5, {"tail": "long"})
        assert (said["level"], said["method"]) == ("object", "human")


def test_none_as_text_is_no_value_and_a_box_may_be_a_text(table):
    [said], problems = table(
        'mediaID,observationType,species,count,bboxes,sex,classificationMethod\nm1,ANIMAL,None,,"""[0,0,1,1]""",NA,machine\n'
    )
    assert problems.listed == []
    assert (said["names"], said["count"], said["bbox"], said["sex"]) == ([], 1, [0, 0, 1, 1], None)
    assert said["method"] == "machine"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("m1,fox,,,,", "observationType"),
        ("m1,animal,0,,,", "count"),
        ("m1,animal,1.5,,,", "count"),
        ("m1,animal,1,2,,", "classificationConfidence"),
        ('m1,animal,1,,"[0.9,0,0.5,1]",', "bboxes"),
        ('m1,animal,1,,"[0,0,0,1]",', "bboxes"),
        ("m1,animal,1,,many,", "bboxes"),
        ("m1,animal,1,,,[1]", "attrs"),
        ('m1,animal,1,,,"{""a"": NaN}"', "attrs"),
        (",animal,1,,,", None),
    ],
)
def test_a_wrong_field_of_a_table_is_named(table, row, field):
    found, problems = table(f"mediaID,observationType,count,classificationConfidence,bboxes,attrs\n{row}\n")
    assert found == []
    [problem] = problems.listed
    assert (problem.line, problem.field, problem.severity) == (2, field, "ERROR")


def test_a_table_without_media_or_types_is_refused(table):
    with pytest.raises(Unreadable, match="no column that tells the medium"):
        table("observationType\nanimal\n")
    with pytest.raises(Unreadable, match="lacks the column observationType"):
        table("mediaID\nm1\n")


@pytest.mark.parametrize(
    "pairs",
    [
        [("travelDirection", "left")],
        [("a|b", "c:d"), ("e\\", "f"), ("no value", "")],
        [("a:", ":b"), ("\\|", "|\\")],
    ],
)
def test_tags_are_read_as_they_were_written(pairs):
    assert tags.parted(tags.joined(pairs)) == pairs


def test_tags_of_other_programs_are_taken_as_they_stand():
    assert tags.parted("plain | key:value|  a:b:c || ") == [("plain", ""), ("key", "value"), ("a", "b:c")]
