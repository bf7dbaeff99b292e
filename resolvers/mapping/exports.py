"""Download links for labels and areas."""

import strawberry

from app.models.mapping.datasets import AOI, Dataset
from app.services.mapping.labels import exports
from app.services.mapping.predictions.downloads import FileFormat
from resolvers.context import Info


def area_labels_link(root: strawberry.Parent[AOI], info: Info, format: FileFormat, positive_ids: bool = False) -> str:
    """A link to download the area's labels, valid for {settings.file_link_s}. Includes uploaded and drawn labels.

    format: The format of the file.
    positive_ids: Whether the elements of OSM XML have ids above zero, which GDAL needs. Editors must not upload them.
    """
    return exports.labels_link(info.context.viewer, root, format, positive_ids=positive_ids)


def dataset_labels_link(
    root: strawberry.Parent[Dataset], info: Info, format: FileFormat, positive_ids: bool = False
) -> str:
    """A link to download the labels of all areas, each footprint once; valid for {settings.file_link_s}.

    format: The format of the file.
    positive_ids: Whether the elements of OSM XML have ids above zero, which GDAL needs. Editors must not upload them.
    """
    return exports.labels_link(info.context.viewer, root, format, positive_ids=positive_ids)


def gpx_link(root: strawberry.Parent[AOI], info: Info) -> str:
    """A link to download the boundary as a GPX track, valid for {settings.file_link_s}."""
    return exports.gpx_link(info.context.viewer, root)
