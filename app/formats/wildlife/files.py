"""Files of an import, read in a parsing child: what is good goes into another file, what is wrong is listed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.formats.wildlife import records
from app.formats.wildlife.camtrap_dp import frame_files
from app.formats.wildlife.camtrap_dp import reading as camtrap_dp
from app.formats.wildlife.detections import megadetector, speciesnet
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Record, Summary
from app.formats.wildlife.tables import classification_tables, wildlife_insights

CAMTRAP_DP = "CAMTRAP_DP"
MEGADETECTOR = "MEGADETECTOR"
SPECIESNET = "SPECIESNET"
WILDLIFE_INSIGHTS = "WILDLIFE_INSIGHTS"
CLASSIFICATIONS = "CLASSIFICATIONS"
# What a file says of itself that an import keeps.
INFO = ("detector", "classifier", "name", "title")


def sift(path: str, format: str, zone: str | None, target: str) -> dict[str, Any]:
    """Reads a file or a folder, and writes its good records to another file.

    Answers with a summary and the problems; Unreadable if it is not a file of this format at all.
    """
    problems, summary = Problems(), Summary()
    records_read = _records(Path(path), format, problems, summary, None if zone is None else ZoneInfo(zone))
    records.write(Path(target), records_read)
    if format == CAMTRAP_DP:
        frame_files.copy(Path(path), frames_beside(Path(target)))
    return {
        **summary.plain(),
        "info": {name: str(summary.metadata[name])[:200] for name in INFO if name in summary.metadata},
        "problems": [list(problem) for problem in problems.listed],
        "severities": dict(problems.counts),
    }


def frames_beside(records: Path) -> Path:
    """Where the files of frames are put that come with records."""
    return records.with_name(f"{records.name}-frames")


def _records(path: Path, format: str, problems: Problems, summary: Summary, zone: ZoneInfo | None) -> Iterator[Record]:
    match format:
        case "CAMTRAP_DP":
            return camtrap_dp.read(path, problems, summary, zone)
        case "MEGADETECTOR":
            return megadetector.read(path, problems, summary)
        case "SPECIESNET":
            return speciesnet.read(path, problems, summary)
        case "WILDLIFE_INSIGHTS":
            return wildlife_insights.read(path, problems, summary, zone or ZoneInfo("UTC"))
    return classification_tables.read(path, problems, summary)
