"""What tests of files of labels share."""

import orjson
import pytest

from app.formats.labels import label_files
from tests.formats.sifted import AREA, BUILDINGS


@pytest.fixture
def sift(tmp_path):
    def sift(content, format="GEOJSON", tags=None, *, strict=False, area=AREA):
        path, passed = tmp_path / "labels", tmp_path / "passed"
        path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
        tags = BUILDINGS if tags is None else tags
        count, outside, skipped = label_files.sift(str(path), format, tags, area.wkb, str(passed), strict)
        footprints = [each for batch in label_files.filter_footprints(passed) for each in batch]
        assert len(footprints) == count
        return footprints, outside, {each["reason"]: (each["count"], each["examples"]) for each in skipped}

    return sift
