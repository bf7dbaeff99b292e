"""What is seen in media, as MegaDetector and COCO say it."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

# The types as MegaDetector names them; what is none of its three is unknown.
TYPES = {"1": "animal", "2": "person", "3": "vehicle", "4": "unknown"}
OF_TYPE = {"ANIMAL": "1", "HUMAN": "2", "VEHICLE": "3", "UNKNOWN": "4", "UNCLASSIFIED": "4"}
COCO_TYPES = {1: "animal", 2: "human", 3: "vehicle", 4: "unknown"}
WHOLE = (0.0, 0.0, 1.0, 1.0)
BOX_DECIMALS = 2


class Seen(NamedTuple):
    """One observation; a group, and what was seen without marking it, has no box."""

    type: str
    species_id: int | None
    confidence: float | None
    box: Sequence[float] | None
    frame: int


class Medium(NamedTuple):
    """A medium with what is seen in it, blank observations left out."""

    id: int
    path: str
    is_video: bool
    width: int | None
    height: int | None
    fps: float | None
    taken: str | None
    place: str | None
    sequence: str | None
    number: int
    sequence_length: int
    failure: str | None
    seen: list[Seen]


class Classes:
    """Numbers of the taxa in a file, given as they come."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.numbers: dict[int, int] = {}

    def number(self, species_id: int) -> int:
        """The number of a taxon."""
        return self.numbers.setdefault(species_id, self._first + len(self.numbers))


def megadetector_image(medium: Medium, classes: Classes) -> dict[str, Any]:
    """An image of MegaDetector's results."""
    if medium.failure is not None:
        return {"file": medium.path, "failure": medium.failure, "detections": None}
    detections = [_detection(medium, each, classes) for each in _once(medium.seen)]
    image: dict[str, Any] = {"file": medium.path}
    if medium.is_video:
        frames = sorted({detection["frame_number"] for detection in detections})
        image |= {"frame_rate": float(medium.fps or 1), "frames_processed": frames}
    return {**image, "detections": detections}


def _once(seen: Sequence[Seen]) -> Iterator[Seen]:
    """All with a box; the others only if nothing of the same kind has one, as the format cannot do without."""
    boxed = {(each.type, each.species_id) for each in seen if each.box}
    written = set(boxed)
    for each in seen:
        if each.box:
            yield each
        elif (each.type, each.species_id) not in written:
            written.add((each.type, each.species_id))
            yield each._replace(box=WHOLE)


def _detection(medium: Medium, seen: Seen, classes: Classes) -> dict[str, Any]:
    sure = 1.0 if seen.confidence is None else float(seen.confidence)
    detection = {"category": OF_TYPE[seen.type], "conf": sure, "bbox": [float(side) for side in seen.box or WHOLE]}
    if medium.is_video:
        detection["frame_number"] = seen.frame
    if seen.species_id is not None:
        detection["classifications"] = [[str(classes.number(seen.species_id)), sure]]
    return detection


def coco_picture(medium: Medium) -> dict[str, Any] | None:
    """A picture of COCO Camera Traps; None for what cannot teach where something is.

    These are videos, pictures of unknown size, and pictures with something in it that has no box.
    """
    if medium.is_video or medium.failure or not medium.width or not medium.height:
        return None
    if medium.seen and not any(each.box for each in medium.seen):
        return None
    picture: dict[str, Any] = {
        "id": medium.id,
        "file_name": medium.path,
        "width": medium.width,
        "height": medium.height,
    }
    entry: dict[str, Any] = {"datetime": medium.taken, "date_captured": medium.taken, "location": medium.place}
    if medium.sequence is not None:
        entry |= {"seq_id": medium.sequence, "frame_num": medium.number, "seq_num_frames": medium.sequence_length}
    return picture | {key: value for key, value in entry.items() if value is not None}


def coco_boxes(medium: Medium, classes: Classes, first: int) -> list[dict[str, Any]]:
    """The boxes of a picture in pixels, numbered from the first."""
    width, height = medium.width or 0, medium.height or 0
    boxes: list[dict[str, Any]] = []
    for each in medium.seen:
        if each.box:
            x, y, w, h = (
                round(side * of, BOX_DECIMALS)
                for side, of in zip(each.box, (width, height, width, height), strict=True)
            )
            known = each.species_id
            category = int(OF_TYPE[each.type]) if known is None else classes.number(known)
            annotation = {"id": first + len(boxes), "image_id": medium.id, "category_id": category}
            boxes.append({**annotation, "bbox": [x, y, w, h], "area": round(w * h, BOX_DECIMALS), "iscrowd": 0})
    return boxes


def description(names: Sequence[str | None], scientific_name: str, rank: str, common: str | None) -> str:
    """A taxon in the seven parts of SpeciesNet: an id, which we have none of, class to species, and the common name.

    names: class, order, family and genus.
    """
    group, order, family, genus = ((name or "").lower() for name in names)
    species = ""
    if rank in {"SPECIES", "SUBSPECIES"}:
        first, _, rest = scientific_name.partition(" ")
        genus, species = genus or first.lower(), rest.lower()
    return ";".join(("", group, order, family, genus, species, (common or "").lower()))
