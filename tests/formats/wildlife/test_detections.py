"""Files of MegaDetector and SpeciesNet are read as streams; dialects and other versions are refused with the reason."""

import json
import resource

import orjson
import pytest

from app.errors import Unreadable
from app.formats.wildlife import records
from app.formats.wildlife.detections import labels, megadetector, speciesnet
from app.formats.wildlife.detections.megadetector import MegaDetectorWriter
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Summary

BOX = [0.1, 0.2, 0.3, 0.4]
FOX = "aaaa;mammalia;carnivora;canidae;vulpes;vulpes;red fox"


def results(*images, version="1.6", **more):
    return {
        "images": list(images),
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle", "0": "empty"},
        "info": {"format_version": version, "detector": "MDV5A"},
        **more,
    }


def detection(**more):
    return {"category": "1", "conf": 0.9, "bbox": BOX, **more}


@pytest.fixture
def read(tmp_path):
    def read(content, reader=megadetector):
        path = tmp_path / "some.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        problems, summary = Problems(), Summary()
        found = [record.values for record in reader.read(path, problems, summary)]
        return found, problems, summary.plain()

    return read


def refused(read, content, reader=megadetector):
    with pytest.raises(Unreadable) as caught:
        read(content, reader)
    return str(caught.value)


@pytest.mark.parametrize("version", ["1.3", "1.4", "1.5", "1.6", 1.3, 1.5])
def test_versions_1_3_to_1_6_are_read(read, version):
    [image], problems, summary = read(results({"file": "a\\b.jpg", "detections": [detection()]}, version=version))
    assert problems.listed == []
    assert image["file"] == "a/b.jpg"
    assert summary["version"] == str(version)


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({}, "names no info.format_version"),
        (None, "names no info.format_version"),
        ([], "names no info.format_version"),
        ({"format_version": "1.0"}, "This is format 1.0; 1.3 to 1.6 are read"),
        ({"format_version": "1.2"}, "This is format 1.2; 1.3 to 1.6 are read"),
        ({"format_version": "1.7"}, 'This is format "1.7", which MegaDetector does not have'),
        ({"format_version": "3.0"}, "Files of animl say 3.0"),
        ({"format_version": True}, "which MegaDetector does not have"),
    ],
)
def test_another_version_is_refused_with_the_reason(read, info, said):
    assert said in refused(read, {**results({"file": "a.jpg", "detections": []}), "info": info})


def test_a_video_has_frames_as_numbers_or_texts_and_all_its_detections(read):
    given = [detection(frame_number="156"), detection(frame_number=156), detection(frame_number=20, conf=1)]
    video = {"file": "a.mp4", "frame_rate": 20, "frames_processed": [0, 20, 40], "detections": given}
    [found], problems, summary = read(results(video))
    assert problems.listed == []
    assert [each["frame"] for each in found["detections"]] == [156, 156, 20]
    assert [each["confidence"] for each in found["detections"]] == [0.9, 0.9, 1.0]
    assert (found["frame_rate"], found["frames_processed"]) == (20.0, 3)
    assert (summary["counts"]["videos"], summary["counts"]["detections"]) == (1, 3)


def test_empty_failed_and_unknown(read):
    content = results(
        {"file": "a.jpg", "detections": []},
        {"file": "b.jpg", "detections": [], "failure": None},
        {"file": "c.jpg", "failure": "Failure image access", "detections": None},
        {"file": "d.jpg", "failure": "Failure image access"},
        {"file": "/e.jpg", "detections": [detection(category="0"), detection(category="2"), detection(category="9")]},
    )
    found, problems, summary = read(content)
    assert [image["failure"] is None for image in found] == [True, True, False, False, True]
    assert [each["type"] for each in found[4]["detections"]] == ["human", "unknown"]
    assert [(each.line, each.severity) for each in problems.listed] == [(5, "WARNING")]
    counts = summary["counts"]
    assert (counts["failed"], counts["empty"], counts["files"], counts["absolute_paths"]) == (2, 2, 5, 1)


def test_classes_come_with_the_likeliest_first_and_names_to_look_for(read):
    given = detection(classifications=[["0", 0.1], ["1", 0.8], ["2", 1]])
    found, problems, _ = read(
        results(
            {"file": "a.jpg", "detections": [given]},
            classification_categories={"0": "elk", "1": "red fox", "2": "blank"},
            classification_category_descriptions={"1": FOX},
        )
    )
    assert problems.listed == []
    classes = found[0]["detections"][0]["classes"]
    assert [(each["label"], each["type"], each["names"], each["confidence"]) for each in classes] == [
        ("blank", "blank", [], 1.0),
        ("red fox", "animal", ["Vulpes vulpes", "red fox"], 0.8),
        ("elk", "animal", ["elk"], 0.1),
    ]


WRONG = {
    "no box": {"bbox": None},
    "three sides": {"bbox": [0, 0, 1]},
    "texts": {"bbox": ["0", "0", "1", "1"]},
    "truths": {"bbox": [True, True, True, True]},
    "outside": {"bbox": [0.8, 0, 0.3, 1]},
    "left of it": {"bbox": [-0.1, 0, 0.3, 1]},
    "pixels": {"bbox": [10, 20, 300, 400]},
    "without width": {"bbox": [0.1, 0.1, 0, 0.1]},
    "negative height": {"bbox": [0.1, 0.1, 0.1, -0.1]},
    "too sure": {"conf": 1.1},
    "negative": {"conf": -0.1},
    "a text": {"conf": "0.5"},
    "nothing": {"conf": None},
    "a negative frame": {"frame_number": -1},
    "half a frame": {"frame_number": 0.5},
    "a nameless frame": {"frame_number": "one"},
    "a class that is not listed": {"classifications": [["9", 0.5]]},
    "no pair": {"classifications": [["9"]]},
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_detection_is_named_and_its_file_left_out(read, fault):
    content = results(
        {"file": "a.jpg", "detections": [detection()]},
        {"file": "b.jpg", "detections": [detection(), detection(**WRONG[fault])]},
    )
    found, problems, _ = read(content)
    assert [image["file"] for image in found] == ["a.jpg"]
    [problem] = problems.listed
    assert (problem.line, problem.field, problem.severity) == (2, "detections.1", "ERROR")


@pytest.mark.parametrize("file", [None, "", 5, "a\0b.jpg", "x" * 2_000, []])
def test_a_file_needs_a_name(read, file):
    found, problems, _ = read(results({"file": file, "detections": []}))
    assert found == []
    assert [problem.field for problem in problems.listed] == ["file"]


def test_a_box_slightly_over_the_edge_is_cut_and_any_other_kept_to_the_last_digit(read):
    given = [detection(bbox=[-0.0005, 0.2, 0.5, 0.8004]), detection(bbox=[0.0451, 0.1849, 0.3642, 0.4636])]
    [image], problems, _ = read(results({"file": "a.jpg", "detections": given}))
    assert problems.listed == []
    cut, kept = (each["bbox"] for each in image["detections"])
    assert cut == pytest.approx([0, 0.2, 0.4995, 0.8])
    assert kept == [0.0451, 0.1849, 0.3642, 0.4636]


def test_a_file_that_is_listed_twice_is_named(read):
    found, problems, _ = read(results(*({"file": "a.jpg", "detections": []} for _ in range(3))))
    assert [(each.line, each.field) for each in problems.listed] == [(2, "file"), (3, "file")]
    assert len(found) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe{}",
        json.dumps(results({"file": "a.jpg", "detections": [detection(conf=float("nan"))]})).encode(),
        json.dumps(results({"file": "a.jpg", "detections": [detection(conf=float("inf"))]})).encode(),
        b'{"info":{"format_version":"1.6"},"detection_categories":{"1":"animal"},"images":' + b"[" * 100_000,
        b'{"info":{"format_version":"1.6"},"detection_categories":{"1":"animal"},"images":[]}',
        b'{"info":{"format_version":"1.6"},"detection_categories":[],"images":[]}',
        b'{"info":{"format_version":"1.6"},"images":[{"file":"a","detections":[]}]}',
    ],
)
def test_what_is_no_such_file_is_refused(read, content):
    assert refused(read, content)


def test_a_large_file_is_read_in_flat_memory(tmp_path):
    path, target = tmp_path / "large.json", tmp_path / "records"
    image = orjson.dumps({"file": "a.jpg", "detections": [detection()] * 20})
    with path.open("wb") as file:
        file.write(b'{"images":[')
        for _ in range(20_000):
            file.write(image + b",")
        file.write(image + b'],"detection_categories":{"1":"animal"},"info":{"format_version":"1.6"}}')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert records.write(target, megadetector.read(path, Problems(), Summary())) == 20_001
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1_024 < path.stat().st_size
    assert sum(len(record.values["detections"]) for record in records.kept(target)) == 20 * 20_001


def test_what_is_written_is_read_again(read):
    writer = MegaDetectorWriter({"detector": "ours"}, {"1": "animal"}, {"0": "red fox"})
    images = [
        {"file": "a.jpg", "detections": [detection(conf=1.0, classifications=[["0", 0.5]])]},
        {"file": "b.jpg", "failure": "unreadable", "detections": None},
    ]
    content = writer.write(images[:1]) + writer.write([]) + writer.write(images[1:]) + writer.finish({"0": FOX})
    found, problems, summary = read(content)
    assert problems.listed == []
    assert summary["version"] == "1.6"
    assert found[0]["detections"][0]["classes"][0]["names"] == ["Vulpes vulpes", "red fox"]
    assert found[1]["failure"] == "unreadable"
    nothing, _, _ = read(
        MegaDetectorWriter({}, {"1": "animal"}, {}).finish().replace(b"[\n]", b'[{"file":"a","detections":[]}]')
    )
    assert len(nothing) == 1


def first_generation(**more):
    return {
        "predictions": [
            {
                "filepath": "a.jpg",
                "classifications": {"classes": [FOX], "scores": [0.99]},
                "detections": [{"category": "1", "label": "animal", "conf": 0.9, "bbox": BOX}],
                "prediction": FOX,
                "prediction_score": 0.99,
                "prediction_source": "classifier",
                "model_version": "4.0.1a",
                **more,
            }
        ]
    }


def second_generation(*detections, **more):
    return {
        "info": {"format_version": "20261015"},
        "predictions": [{"filepath": "a.jpg", "detections": list(detections), **more}],
    }


def test_the_first_generation_has_one_prediction_for_the_whole_picture(read):
    [image], problems, summary = read(first_generation(), speciesnet)
    assert problems.listed == []
    assert summary["version"] == "4"
    assert image["prediction"]["names"] == ["Vulpes vulpes", "red fox"]
    assert (image["prediction"]["uuid"], image["prediction"]["confidence"]) == ("aaaa", 0.99)
    assert [(each["type"], each["bbox"], each["classes"]) for each in image["detections"]] == [("animal", BOX, [])]


def test_the_second_generation_has_one_class_for_each_box_and_no_box_for_the_whole_picture(read):
    person = "bbbb;mammalia;primates;hominidae;homo;sapiens;human"
    whole = {
        "category": "0",
        "label": "whole_image_classification",
        "conf": 1,
        "bbox": [0, 0, 1, 1],
        "raw_classifications": {"classes": [FOX], "scores": [0.7]},
    }
    content = second_generation(
        {
            "category": "1",
            "label": "animal",
            "conf": 1,
            "bbox": BOX,
            "raw_classifications": {"classes": [person], "scores": [0.6]},
            "processed_classification": {"class": FOX, "score": 0.8, "source": "classifier"},
        },
        {"category": "2", "label": "human", "conf": 0.5, "bbox": BOX},
        whole,
    )
    [image], problems, summary = read(content, speciesnet)
    assert problems.listed == []
    assert summary["counts"]["whole_images"] == 1
    assert [(each["type"], [one["names"] for one in each["classes"]]) for each in image["detections"]] == [
        ("animal", [["Vulpes vulpes", "red fox"]]),
        ("human", []),
    ]
    assert image["prediction"]["confidence"] == 0.7


def test_speciesnet_that_failed_or_is_another_file(read):
    [image], _, summary = read(first_generation(failures=["DETECTOR"]), speciesnet)
    assert image["failure"] == "DETECTOR"
    assert summary["counts"]["failed"] == 1
    [image], _, _ = read(first_generation(failures=["CLASSIFIER"], prediction=None), speciesnet)
    assert (image["failure"], image["prediction"]) == (None, None)
    assert "use importMegaDetector" in refused(read, results({"file": "a", "detections": []}), speciesnet)
    assert "20270101" in refused(read, {"info": {"format_version": "20270101"}, "predictions": []}, speciesnet)
    assert "lists no predictions" in refused(read, {"predictions": []}, speciesnet)
    assert "names no info.format_version" in refused(read, first_generation(), megadetector)


def test_a_class_of_speciesnet_has_seven_parts(read):
    found, problems, _ = read(first_generation(prediction="fox"), speciesnet)
    assert found == []
    assert "seven parts" in problems.listed[0].message


@pytest.mark.parametrize(
    ("label", "type_", "names"),
    [
        (FOX, "animal", ["Vulpes vulpes", "red fox"]),
        ("a;mammalia;carnivora;canidae;vulpes;;foxes", "animal", ["Vulpes", "foxes"]),
        ("a;mammalia;carnivora;canidae;;;canine family", "animal", ["Canidae", "canine family"]),
        ("a;aves;;;;;bird", "animal", ["Aves", "bird"]),
        ("a;;;;;;animal", "animal", []),
        ("a;;;;;;blank", "blank", []),
        ("a;;;;;;vehicle", "vehicle", []),
        ("a;mammalia;primates;hominidae;homo;sapiens;human", "human", ["Homo sapiens"]),
        ("a;;;;;;no cv result", "unknown", []),
        ("person", "human", []),
        ("wild boar", "animal", ["wild boar"]),
    ],
)
def test_what_the_labels_of_classifiers_mean(label, type_, names):
    meaning = labels.classified(label)
    assert (meaning.type, meaning.names) == (type_, names)
