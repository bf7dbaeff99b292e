"""Frames: what each object of a classification does in each frame of its medium.

A payload is one zstd frame with one msgpack map. Its documented keys are `classification_type`, `classification_id`,
`base_timestamp`, `timezone`, `fps`, `duration`, `classification_model` and `objects`; an object has `id`,
`observation_type` and `data`, a list of samples. We accept these alone, in any order, and write more: a version, sizes,
names of keypoints, and an `index`.

The index makes ranges cheap. It names for each object where chunks of its samples begin, in bytes of the unpacked
payload after the key `objects`, which is written last. So a reader unpacks the header and the chunks it needs, and
passes over the rest. Readers that know nothing of it skip it like any other key.
"""

from app.formats.frames.codes import FramesCode, UnreadableFrames
from app.formats.frames.ranges import Range, read_header, read_range
from app.formats.frames.reading import transcode
from app.formats.frames.samples import FrameSample, FramesHeader, ObjectHeader
from app.formats.frames.writing import write

MEDIA_TYPE = "application/x-msgpack+zstd"

__all__ = [
    "MEDIA_TYPE",
    "FrameSample",
    "FramesCode",
    "FramesHeader",
    "ObjectHeader",
    "Range",
    "UnreadableFrames",
    "read_header",
    "read_range",
    "transcode",
    "write",
]
