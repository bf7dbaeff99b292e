"""Why a frames payload is refused: a stable code for programs, and a sentence for people."""

from enum import StrEnum

from app.errors import Unreadable


class FramesCode(StrEnum):
    """The reasons, one for each kind of fault."""

    TOO_MANY_COMPRESSED_BYTES = "TOO_MANY_COMPRESSED_BYTES"
    TOO_MANY_BYTES = "TOO_MANY_BYTES"
    WINDOW_TOO_LARGE = "WINDOW_TOO_LARGE"
    NOT_ZSTD = "NOT_ZSTD"
    TRUNCATED = "TRUNCATED"
    TRAILING_BYTES = "TRAILING_BYTES"
    NOT_MSGPACK = "NOT_MSGPACK"
    TRAILING_VALUES = "TRAILING_VALUES"
    TOO_DEEP = "TOO_DEEP"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    KEY_NOT_TEXT = "KEY_NOT_TEXT"
    NOT_FINITE = "NOT_FINITE"
    WRONG_TYPE = "WRONG_TYPE"
    MISSING_KEY = "MISSING_KEY"
    VALUE_TOO_LARGE = "VALUE_TOO_LARGE"
    UNKNOWN_VERSION = "UNKNOWN_VERSION"
    TOO_MANY_OBJECTS = "TOO_MANY_OBJECTS"
    TOO_MANY_SAMPLES_OF_OBJECT = "TOO_MANY_SAMPLES_OF_OBJECT"
    TOO_MANY_SAMPLES = "TOO_MANY_SAMPLES"
    TOO_MANY_KEYPOINTS = "TOO_MANY_KEYPOINTS"
    STRING_TOO_LONG = "STRING_TOO_LONG"
    DUPLICATE_OBJECT = "DUPLICATE_OBJECT"
    FRAMES_NOT_RISING = "FRAMES_NOT_RISING"
    FRAME_AFTER_END = "FRAME_AFTER_END"
    IMAGE_WITH_SEVERAL_FRAMES = "IMAGE_WITH_SEVERAL_FRAMES"
    BOX_OUT_OF_RANGE = "BOX_OUT_OF_RANGE"
    CONFIDENCE_OUT_OF_RANGE = "CONFIDENCE_OUT_OF_RANGE"
    DISTANCE_OUT_OF_RANGE = "DISTANCE_OUT_OF_RANGE"
    KEYPOINTS_MISMATCH = "KEYPOINTS_MISMATCH"
    VALUE_OUT_OF_RANGE = "VALUE_OUT_OF_RANGE"
    OBJECTS_MISMATCH = "OBJECTS_MISMATCH"


class UnreadableFrames(Unreadable):
    """A payload that is refused; `code` says which rule it breaks."""

    def __init__(self, code: FramesCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
