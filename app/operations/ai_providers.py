"""Adding a local AI provider, a model that an operator has as an ONNX file; the audit keeps it as nobody's deed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app import checks
from app.database import WriteSession
from app.errors import Invalid
from app.gateways import storage
from app.limits import wildlife as limits
from app.models.wildlife.observations import ObservationType
from app.models.wildlife.providers import AIProviderType, LocalAIProvider, LocalEngine
from app.models.wildlife.species import Species
from app.operations.database import transactions
from app.operations.processes.process import CannotStart
from app.services.system import audit

TYPES = {"detection": AIProviderType.DETECTION, "classification": AIProviderType.CLASSIFICATION}
# Of detectors: what else a label may be called.
OTHER_NAMES = {"person": "human", "people": "human", "car": "vehicle", "empty": "blank"}


def add(
    name: str, file: Path, labels: Sequence[str], *, kind: str, version: str, licence: str | None
) -> LocalAIProvider:
    """The provider, added; its labels are of species, or of what detectors find."""
    if kind not in TYPES:
        raise CannotStart("--type must be detection or classification.")
    if not labels or len(set(labels)) < len(labels):
        raise CannotStart("The file of labels must have one label a line, each once.")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    provider_type = TYPES[kind]

    async def added(session: WriteSession) -> LocalAIProvider:
        provider = LocalAIProvider(
            name=name,
            version=checks.text("version", version, length_max=limits.AI_PROVIDER_VERSION_LENGTH_MAX),
            licence=checks.optional_text("licence", licence, length_max=limits.LICENCE_LENGTH_MAX),
            provider_type=provider_type,
            engine=LocalEngine.ONNX,
            video_support=True,
            crop_image=provider_type is AIProviderType.CLASSIFICATION,
            categories=await _categories(session, provider_type, labels),
        )
        provider.model_file_hash, provider.weights_key = digest, f"classifiers/onnx/{digest}.onnx"
        await storage.put(provider.weights_key, file)
        session.add(provider)
        await session.flush()
        audit.record(session, None, "addAiProvider", about=provider)
        return provider

    return transactions.change(added)


async def _categories(session: WriteSession, kind: AIProviderType, labels: Sequence[str]) -> dict[str, Any]:
    if kind is AIProviderType.DETECTION:
        values = {label: OTHER_NAMES.get(label.lower(), label.lower()) for label in labels}
        known = {each.value.lower() for each in ObservationType}
        entries = [
            {"aiLabel": label, "value": value if value in known else "unknown"} for label, value in values.items()
        ]
        return {"attributeMappings": [{"attributeType": "observation_type", "labels": entries}]}
    wanted = [label.lower() for label in labels]
    rows = select(func.lower(Species.scientific_name), func.min(Species.id)).where(
        func.lower(Species.scientific_name).in_(wanted), Species.accepted_id.is_(None)
    )
    keys: dict[str, int] = dict((await session.execute(rows.group_by(func.lower(Species.scientific_name)))).all())
    if missing := [label for label in labels if label.lower() not in keys]:
        raise Invalid("labels", f"No species is called {missing[0]}. Import it first, or correct the label.")
    taxa = [{"aiLabel": label, "value": label, "speciesId": keys[label.lower()]} for label in labels]
    return {"attributeMappings": [{"attributeType": "species", "labels": taxa}]}
