"""A classifier of species: features of the published encoder, a split that never shares an animal, honest figures."""

import json

import numpy as np
import pytest
from PIL import Image

from app.learning.camera_traps import tasks
from app.learning.engine import Failure
from app.learning.networks import efficientnet
from app.learning.species import head as heads
from app.learning.species.figures import figures
from app.learning.species.naming import named, smoothed
from app.learning.species.splitting import Origin, parted
from app.learning.species.training import SpeciesRequest
from app.weights import EFFICIENTNET_LITE0
from tests.learning.animals import PATCH_BOX, patch

NAMES = ["spotted", "striped", "plain"]


def said(*_, **__):
    """Nobody listens."""


def taxon(key, name, rank, *lineage):
    return {
        "key": key,
        "name": name,
        "rank": rank,
        "lineage": [dict(zip(("key", "name", "rank"), t, strict=True)) for t in lineage],
    }


CERVIDS = ("90", "Cervidae", "FAMILY"), ("91", "Artiodactyla", "ORDER")
CLASSES = [
    taxon("1", "Cervus elaphus", "SPECIES", (None, "Cervus", "GENUS"), *CERVIDS),
    taxon("2", "Capreolus capreolus", "SPECIES", (None, "Capreolus", "GENUS"), *CERVIDS),
    taxon(
        "3",
        "Sus scrofa",
        "SPECIES",
        (None, "Sus", "GENUS"),
        ("92", "Suidae", "FAMILY"),
        ("91", "Artiodactyla", "ORDER"),
    ),
    taxon(
        "4",
        "Vulpes vulpes",
        "SPECIES",
        (None, "Vulpes", "GENUS"),
        ("93", "Canidae", "FAMILY"),
        ("94", "Carnivora", "ORDER"),
    ),
]


# The encoder


def test_features_are_those_of_the_reference_implementation():
    encoder = efficientnet.Encoder.read(EFFICIENTNET_LITE0.path)
    noise = np.random.default_rng(5).integers(0, 256, (2, 224, 224, 3), np.uint8)
    found = efficientnet.features(encoder, list(noise))
    assert found.shape == (2, 1280)
    # As PyTorch computes them with the published weights.
    assert found[0, :3] == pytest.approx([0.91160667, 0, 1.760872], abs=1e-4)
    assert found.mean() == pytest.approx(0.13012, abs=1e-4)
    assert efficientnet.features(encoder, []).shape == (0, 1280)


# The split


def origins(places, sequences=5, crops=4):
    return [
        Origin(f"p{place}", f"p{place}s{sequence}") for place in places for sequence in range(sequences)
        for _ in range(crops)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_no_place_no_sequence_and_no_animal_is_on_both_sides(seed):
    found = origins(range(8))
    found += [Origin("p0", "x", "Ada"), Origin("p7", "y", "Ada")]
    labels = np.array([number % 3 for number in range(len(found))])
    sides = parted(found, labels, NAMES, seed=seed)
    assert sides.split_by == "LOCATION"
    for key in ("location", "sequence"):
        test = {getattr(origin, key) for origin, is_test in zip(found, sides.is_test, strict=True) if is_test}
        learned = {getattr(origin, key) for origin, is_test in zip(found, sides.is_test, strict=True) if not is_test}
        assert test
        assert not test & learned
    assert sides.is_test[-1] == sides.is_test[-2]
    assert 0.1 < sides.is_test.mean() < 0.45
    for label in range(3):
        assert len({*sides.is_test[labels == label]}) == 2
    # Nor in two folds.
    folds = {}
    for origin, fold in zip(found, sides.folds, strict=True):
        folds.setdefault(origin.location, set()).add(fold)
    assert all(len(each) == 1 for each in folds.values())
    assert set(sides.folds[sides.is_test]) == {-1}


def test_where_a_class_has_one_place_whole_sequences_are_set_aside():
    found = [Origin(f"p{label}", f"s{label}-{number // 4}") for label in (0, 1) for number in range(40)]
    sides = parted(found, np.repeat([0, 1], 40), NAMES[:2], seed=0)
    assert sides.split_by == "SEQUENCE"
    for sequence in {origin.sequence for origin in found}:
        assert (
            len({side for origin, side in zip(found, sides.is_test, strict=True) if origin.sequence == sequence}) == 1
        )


def test_a_class_of_one_sequence_is_refused_by_name():
    found = [*origins(range(2)), *[Origin("p0", "p0s9")] * 40]
    with pytest.raises(Failure, match="All crops of striped show the same sequence or animal"):
        parted(found, np.repeat([0, 1], 40), NAMES[:2], seed=0)


def test_the_same_seed_splits_the_same_way():
    found, labels = origins(range(8)), np.arange(160) % 3
    first, again, other = (parted(found, labels, NAMES, seed=seed).is_test.tolist() for seed in (3, 3, 4))
    assert first == again
    assert first != other


# The head


def test_the_head_is_fitted_calibrated_and_kept(tmp_path):
    random = np.random.default_rng(0)
    labels = np.arange(240) % 3
    features = random.normal(0, 1, (240, 20)).astype(np.float32)
    features[np.arange(240), labels] += 2
    folds = np.arange(240) // 60
    head = heads.fitted(features, labels, folds, CLASSES[:3])
    assert (head.odds(features).argmax(1) == labels).mean() > 0.85
    assert head.odds(features).sum(1) == pytest.approx(np.ones(240))
    head.save(tmp_path / "head", encoder="e1")
    again = heads.Head.read(tmp_path / "head", encoder="e1")
    assert np.array_equal(again.odds(features), head.odds(features))
    assert list(again.classes) == CLASSES[:3]
    with pytest.raises(Failure, match="another encoder"):
        heads.Head.read(tmp_path / "head", encoder="e2")
    (tmp_path / "head").write_bytes(b"no")
    with pytest.raises(Failure, match="cannot be read"):
        heads.Head.read(tmp_path / "head", encoder="e1")


def test_temperature_makes_what_is_too_sure_less_sure():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 2_000)
    # Right in 80 of 100, and as sure of it as if it were always.
    believed = np.where(random.random(2_000) < 0.8, labels, 1 - labels)
    logits = np.eye(2, dtype=np.float32)[believed] * 8
    found = heads.temperature_of(logits, labels)
    assert heads.odds_of(logits / np.float32(found)).max(1).mean() == pytest.approx(0.8, abs=0.02)


def test_figures_say_recall_precision_confusion_and_calibration():
    odds = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.8, 0.2]], np.float32)
    found = figures(odds, np.array([0, 0, 1, 1]), CLASSES[:2])
    assert found["accuracy"] == 0.75
    assert found["confusion_matrix"] == [[2, 0], [1, 1]]
    assert [(each["recall"], each["precision"]) for each in found["classes"]] == [(1.0, 0.6667), (0.5, 1.0)]
    assert found["baseline_accuracy"] == 0.5
    # |0.9 - 1| + |0.6 - 1| + |0.7 - 1| + |0.8 - 0| over four crops.
    assert found["expected_calibration_error"] == pytest.approx(0.4)
    assert sum(each["crops"] for each in found["bins"]) == 4


# Names


def odds(*row):
    return np.array([row], np.float32)


@pytest.mark.parametrize(
    ("row", "name", "rank", "key", "confidence"),
    [
        ((0.8, 0.1, 0.05, 0.05), "Cervus elaphus", "SPECIES", "1", 0.8),
        ((0.5, 0.4, 0.05, 0.05), "Cervidae", "FAMILY", "90", 0.9),
        ((0.35, 0.2, 0.3, 0.15), "Artiodactyla", "ORDER", "91", 0.85),
        ((0.3, 0.1, 0.1, 0.5), "animal", "kingdom", None, 1.0),
    ],
)
def test_labels_roll_up_to_the_lowest_rank_that_is_sure_and_keep_the_raw_one(row, name, rank, key, confidence):
    [found] = named(odds(*row), CLASSES)
    assert (found.name, found.rank, found.key) == (name, rank, key)
    assert found.confidence == pytest.approx(confidence)
    best = int(np.argmax(row))
    assert (found.raw_name, found.raw_key) == (CLASSES[best]["name"], CLASSES[best]["key"])
    assert found.raw_confidence == pytest.approx(max(row))


def test_an_event_settles_what_is_unsure_and_leaves_what_is_sure():
    rows = np.array(
        [[0.95, 0.02, 0.02, 0.01]] * 4 + [[0.2, 0.7, 0.05, 0.05], [0.0, 0.0, 0.99, 0.01]] + [[0.1, 0.1, 0.1, 0.7]],
        np.float32,
    )
    names = named(rows, CLASSES)
    found = smoothed(names, ["a"] * 6 + ["b"])
    assert [name.name for name in found] == [
        *["Cervus elaphus"] * 5, "Sus scrofa", "Vulpes vulpes"
    ]  # fmt: skip
    assert [name.is_smoothed for name in found] == [False] * 4 + [True, False, False]
    assert (found[4].raw_name, found[4].key) == ("Capreolus capreolus", "1")


def test_an_event_that_does_not_agree_changes_nothing():
    rows = np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1]], np.float32)
    names = named(rows, CLASSES)
    assert smoothed(names, ["a", "a"]) == names


# The whole


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Six places with five events of each kind, three pictures an event, as media of a task."""
    folder, media = tmp_path_factory.mktemp("scenes"), []
    for place in range(6):
        for kind in range(3):
            for shot in range(6):
                number = len(media)
                Image.fromarray(patch(kind, place, shot)).save(folder / f"{number}", "PNG")
                event = f"{place}-{kind}-{shot // 3}"
                animal = {"id": number, "frame": 0, "box": PATCH_BOX, "label": kind}
                media.append(
                    {"id": number, "file": f"{number}", "is_video": False, "location": place, "event": event}
                    | {"objects": [animal]}
                )
    return folder, media


def request(media, **changed):
    values = {
        "encoder": str(EFFICIENTNET_LITE0.path),
        "encoder_key": "lite0",
        "classes": CLASSES[:3],
        "media": media,
        "seed": 1,
    }
    return SpeciesRequest(**values | changed)


def test_a_classifier_learns_and_is_judged_on_places_it_never_saw(scenes):
    folder, media = scenes
    found = tasks.learn(folder, request(media), said, lambda: False)
    assert found["split_by"] == "LOCATION"
    assert (found["crops"], found["unreadable_media"]) == (108, 0)
    assert found["training_crops"] + found["test_crops"] == 108
    assert found["accuracy"] > 0.6 > found["baseline_accuracy"]
    assert sum(map(sum, found["confusion_matrix"])) == found["test_crops"]
    first = heads.Head.read(folder / "classifier.safetensors", encoder="lite0")

    again = tasks.learn(folder, request(media), said, lambda: False)
    assert again == found
    assert np.array_equal(heads.Head.read(folder / "classifier.safetensors", encoder="lite0").weight, first.weight)

    naming = tasks.NamingRequest(
        encoder=str(EFFICIENTNET_LITE0.path),
        encoder_key="lite0",
        weights=str(folder / "classifier.safetensors"),
        media=[*media[:6], {"id": 999, "file": "gone", "is_video": False, "objects": media[0]["objects"]}],
    )
    counts = tasks.tell_apart(folder, naming, said, lambda: False)
    assert counts == {"media": 7, "failed": 1, "objects": 6}
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert lines[-1] == {"id": 999, "failure": "The picture cannot be read."}
    [one] = lines[0]["objects"]
    assert one["raw_name"] in {each["name"] for each in CLASSES}
    assert 0 < one["confidence"] <= 1


def test_too_few_crops_of_a_class_are_refused_in_words(scenes):
    folder, media = scenes
    few = [medium for medium in media if medium["objects"][0]["label"] != 1 or medium["id"] < 70]
    with pytest.raises(Failure, match=r"Capreolus capreolus had fewer than 30 crops\. Approve more rows"):
        tasks.learn(folder, request(few), said, lambda: False)
