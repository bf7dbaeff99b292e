"""Limits of models, trainings, predictions and feedback."""

MODEL_DESCRIPTION_LENGTH_MAX = 4_000

CONFIDENCE_PERCENT_MAX = 100
TOLERANCE_M_MAX = 10
AREA_THRESHOLD_M2_MAX = 20
ANGLE_DEGREES_MAX = 45
OVERLAP_M_MAX = 1

FEEDBACK_ZOOM_MIN = 18
FEEDBACK_ZOOM_MAX = 23
FEEDBACK_COMMENTS_LENGTH_MAX = 100

# Tiles cut by TiTiler have the address of their picture in theirs.
IMAGERY_URL_LENGTH_MAX = 2_000

# Of the features of a file that were skipped, so many are named.
EXAMPLES_MAX = 5
