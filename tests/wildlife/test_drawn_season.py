"""The demo's drawn season: the same for all, with a truth that the pictures show."""

from collections import Counter
from datetime import timedelta
from io import BytesIO

import numpy as np
from PIL import Image

from app.gateways.fakes.wood import animals, findings, ground, season, shots


def test_a_season_has_enough_of_each_animal_at_several_cameras():
    """30 crops of a class are what a classifier asks for, and it judges itself by cameras it has not seen."""
    seen = [(actor.kind, picture.camera.code) for picture in season.pictures() for actor in picture.actors]
    assert all(Counter(kind for kind, _ in seen)[animal] >= 45 for animal in season.ANIMALS)
    assert all(len({code for kind, code in seen if kind == animal}) >= 4 for animal in season.ANIMALS)
    assert {kind for kind, _ in seen} == {*season.ANIMALS, "person", "car"}
    assert any(not picture.actors for picture in season.pictures()), "wind alone sets cameras off, too"


def test_a_camera_writes_each_picture_once_and_none_while_it_is_broken():
    for camera in season.CAMERAS:
        mine = [picture for picture in season.pictures() if picture.camera is camera]
        assert len({picture.name for picture in mine}) == len({picture.camera_time for picture in mine}) == len(mine)
        assert [picture.at for picture in mine] == sorted(picture.at for picture in mine)
        if camera.broken:
            start, end, _ = camera.broken
            assert not any(start <= picture.at < end for picture in mine)


def test_a_picture_is_the_same_each_time_and_is_recognized_by_what_its_camera_noted():
    picture = season.pictures()[40]
    content = picture.content()
    ground.backdrop.cache_clear()
    ground.trunk_layer.cache_clear()
    assert picture.content() == content
    assert season.recognized(content) == picture
    late = next(picture for picture in season.pictures() if picture.camera.late)
    assert late.camera_time == (late.at + season.WINTER_TIME - timedelta(hours=1)).replace(tzinfo=None)


def test_the_truth_says_where_the_picture_differs_from_an_empty_one():
    picture = next(each for each in season.pictures() if [actor.kind for actor in each.actors] == ["Vulpes vulpes"])
    moment = shots.Moment(picture.camera_time, is_night=False, wind=0, celsius=9)
    full, empty = (shots.take(picture.camera.site, moment, actors, name="W", seed=1) for actors in (picture.actors, ()))
    [seen] = full.seen
    assert empty.seen == ()
    differs = np.abs(np.asarray(full.image, np.int16) - np.asarray(empty.image, np.int16)).max(-1) > 40
    left, top, width, height = seen.bbox
    box = np.zeros_like(differs)
    box[
        round(top * ground.HEIGHT) : round((top + height) * ground.HEIGHT),
        round(left * ground.WIDTH) : round((left + width) * ground.WIDTH),
    ] = True
    assert differs[box].mean() > 0.15
    assert differs[~box].mean() < 0.01
    assert seen.distance == picture.actors[0].depth


def test_a_picture_of_the_night_has_no_colours():
    night = next(each for each in season.pictures() if each.actors and each.actors[0].kind == "Meles meles")
    with Image.open(BytesIO(night.content())) as image:
        pixels = np.asarray(image.convert("RGB"), np.int16)
    assert np.abs(pixels[..., 0] - pixels[..., 2]).mean() < 3


def test_a_model_finds_most_with_errors_and_the_same_each_time():
    kinds = [actor.kind for picture in season.pictures() for actor in picture.actors]
    seen = [shots.Seen(kind, (0.4, 0.4, 0.2, 0.2), 4.0, animals.Pose(0)) for kind in kinds]
    found = [findings.detected([each], number) for number, each in enumerate(seen)]
    assert found == [findings.detected([each], number) for number, each in enumerate(seen)]
    assert 0.85 * len(seen) < sum(map(len, found)) < len(seen)
    pairs = [(truth, each[0]) for truth, each in zip(seen, found, strict=True) if each]
    for _, finding in pairs:
        left, top, width, height = finding.bbox
        assert 0 < left < left + width <= 1
        assert 0 < top < top + height <= 1
        assert finding.bbox != (0.4, 0.4, 0.2, 0.2)
    assert {finding.label for truth, finding in pairs if truth.kind == "person"} == {"person"}
    wrong = [finding.species != truth.kind for truth, finding in pairs if finding.label == "animal"]
    assert 0.05 < sum(wrong) / len(wrong) < 0.2
    alarms = [findings.detected([], number, wind=1.4) for number in range(200)]
    assert 0 < sum(map(len, alarms)) < 60
    assert not any(findings.detected([], number, wind=0.3) for number in range(200))
