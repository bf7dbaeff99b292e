"""The demo's AI Manager: it fetches the media it is given, and finds most of what is drawn in them, with errors."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import anyio.to_thread
import httpx
from PIL import UnidentifiedImageError

from app.gateways import outside
from app.gateways.fakes.ai_manager import FakeManager
from app.gateways.fakes.wood import findings, season
from app.gateways.fakes.wood.shots import Seen

VISITS = 3
"""How often each kind of animal passes in the demo's season."""
FETCH_S = 30
KINDS = {"person": "human", "vehicle": "vehicle", "animal": "animal"}
SPECIES = {name: species for species, name in season.NAMES.items()}
MODEL: dict[str, Any] = {
    "id": "0c1d7e5e-6a3e-4f0b-9a52-3d1f7f6c9e01",
    "name": "Drawn wood",
    "version": "1",
    "description": "Finds animals, people and vehicles in the demo's drawn pictures, and names the animals.",
    "provider_type": "detection",
    "video_support": False,
    "object_based": True,
    "crop_image": False,
    "model_file_hash": sha256(b"drawn wood 1").hexdigest(),
    "categories": {
        "attributeMappings": [
            {
                "attributeType": "observation_type",
                "labels": [
                    *({"aiLabel": label, "value": value} for label, value in KINDS.items()),
                    *({"aiLabel": name, "value": "animal"} for name in SPECIES),
                ],
            },
            {
                "attributeType": "species",
                "labels": [{"aiLabel": name, "value": species} for name, species in SPECIES.items()],
            },
        ]
    },
    "keypoint_topology": None,
    "is_active": True,
}


async def look(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the model finds on a medium; nothing on what is not of this wood."""
    trust = outside.authorities()
    async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=FETCH_S, follow_redirects=True) as client:
        answer = await client.get(resource["url"])
    answer.raise_for_status()
    return await anyio.to_thread.run_sync(detections, answer.content)


def detections(content: bytes) -> list[dict[str, Any]]:
    """What the model finds in a file, as the protocol has it."""
    try:
        picture = season.recognized(content, VISITS)
    except UnidentifiedImageError:
        return []
    return [] if picture is None else [_as_result(finding) for finding in findings_in(picture, picture.seen())]


def findings_in(picture: season.Picture, seen: Sequence[Seen]) -> list[findings.Finding]:
    """What the model finds in a picture of the season; the same each time."""
    return findings.detected(seen, int(picture.at.timestamp()), wind=picture.wind)


def _as_result(finding: findings.Finding) -> dict[str, Any]:
    label = season.NAMES[finding.species] if finding.species else finding.label
    return {"label": label, "confidence": finding.confidence, "bbox": list(finding.bbox)}


manager = FakeManager(look, models=[MODEL], works_at_once=True)
