"""Links to files of labels and areas."""

import strawberry

from app.models.mapping.datasets import AOI, Dataset
from app.services.mapping.labels import exports
from app.services.mapping.predictions.downloads import FileFormat


def area_labels_link(root: strawberry.Parent[AOI], format: FileFormat) -> str:
    """Where to download its labels; good for an hour. What came from a file or by hand is in it, too.

    format: The format of the file.
    """
    return exports.labels_link(root, format)


def dataset_labels_link(root: strawberry.Parent[Dataset], format: FileFormat) -> str:
    """Where to download the labels of all its areas, each feature of OpenStreetMap once; good for an hour.

    format: The format of the file.
    """
    return exports.labels_link(root, format)


def gpx_link(root: strawberry.Parent[AOI]) -> str:
    """Where to download its boundary as a GPX track; good for an hour."""
    return exports.gpx_link(root)
