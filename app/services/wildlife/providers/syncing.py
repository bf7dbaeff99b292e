"""A sync: the models of an AI Manager become providers, are updated, and are deactivated when they are gone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.database import WriteSession
from app.errors import Invalid
from app.limits.texts import NOTE_LENGTH_MAX
from app.limits.wildlife import AI_PROVIDER_NAME_LENGTH_MAX, AI_PROVIDER_VERSION_LENGTH_MAX
from app.models.wildlife.providers import AIProviderConnection, AIProviderType, TrapperAIProvider
from app.services.wildlife.providers import categories as mapping
from app.services.wildlife.providers.editing import checked_topology

HASH = re.compile(r"[0-9a-f]{64}")
UNRESOLVED_MAX = 500
TYPES = {kind.value.lower(): kind for kind in AIProviderType}


@dataclass
class Report:
    """What a sync did, by names."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deactivated: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """The report as clients see it."""
        return {
            "created": self.created,
            "updated": self.updated,
            "deactivated": self.deactivated,
            "unresolvedLabels": self.unresolved[:UNRESOLVED_MAX],
            "refused": self.refused,
        }


async def apply(session: WriteSession, connection_id: int, models: Sequence[dict[str, Any]]) -> None:
    """Writes what a complete list of models says. A model that breaks a rule is refused alone, and reported."""
    connection = await session.get_one(AIProviderConnection, connection_id, with_for_update=True)
    rows = await session.scalars(
        select(TrapperAIProvider).where(TrapperAIProvider.connection_id == connection.id).order_by(TrapperAIProvider.id)
    )
    known, report, seen = list(rows), Report(), set[int]()
    now = await session.scalar(select(func.now()))
    for model in models:
        try:
            fields = _fields(model)
        except (Invalid, ValueError, TypeError, LookupError) as error:
            report.refused.append(f"{str(model.get('name'))[:80]}: {error}")
            continue
        provider = _match(known, fields, seen)
        is_new = provider is None
        if provider is None:
            provider = TrapperAIProvider(connection_id=connection.id, user_id=connection.user_id, keep_synced=True)
        await _write(session, provider, fields, report, is_new=is_new)
        provider.last_synced = now
        session.add(provider)
        await session.flush()
        seen.add(provider.id)
    for provider in known:
        if provider.id not in seen and provider.is_active:
            provider.is_active = False
            report.deactivated.append(provider.name)
    connection.last_synced, connection.last_sync_error = now, None
    connection.last_sync_report = report.shown()


def _match(known: Sequence[TrapperAIProvider], fields: dict[str, Any], seen: set[int]) -> TrapperAIProvider | None:
    """The provider of a model: by its id there, or else by the hash of its weights."""
    free = [each for each in known if each.id not in seen]
    by_id = next((each for each in free if each.remote_id == fields["remote_id"]), None)
    digest = fields["model_file_hash"]
    return by_id or next((each for each in free if digest and each.model_file_hash == digest), None)


async def _write(
    session: WriteSession, provider: TrapperAIProvider, fields: dict[str, Any], report: Report, *, is_new: bool
) -> None:
    always = {"remote_id": fields["remote_id"], "is_active": fields["is_active"]}
    changes = always
    if is_new or provider.keep_synced:
        resolved, unresolved = await mapping.with_species(session, fields["categories"])
        changes = {**fields, "categories": resolved}
        report.unresolved += [label for label in unresolved if label not in report.unresolved]
    is_changed = any(getattr(provider, name) != value for name, value in changes.items())
    for name, value in changes.items():
        setattr(provider, name, value)
    if is_new:
        report.created.append(fields["name"])
    elif is_changed:
        report.updated.append(provider.name)


def _fields(model: dict[str, Any]) -> dict[str, Any]:
    """A model's fields, checked: what comes from outside obeys the rules of what people enter."""
    kind = TYPES[str(model["provider_type"]).lower()]
    digest = str(model.get("model_file_hash") or "").lower()
    topology = model.get("keypoint_topology")
    return {
        "remote_id": UUID(str(model["id"])),
        "name": _text(model["name"], AI_PROVIDER_NAME_LENGTH_MAX) or "Unnamed",
        "version": _text(model.get("version"), AI_PROVIDER_VERSION_LENGTH_MAX),
        "description": _text(model.get("description"), 8 * NOTE_LENGTH_MAX),
        "provider_type": kind,
        "video_support": model.get("video_support") is True,
        "object_based": model.get("object_based", True) is True,
        "crop_image": model.get("crop_image") is True and kind is AIProviderType.CLASSIFICATION,
        "model_file_hash": digest if HASH.fullmatch(digest) else None,
        "categories": mapping.checked(model.get("categories") or {}, is_synced=True),
        "keypoint_topology": checked_topology(topology) if topology and kind is AIProviderType.POSE else None,
        "is_active": model.get("is_active", True) is True,
    }


def _text(value: Any, length_max: int) -> str:
    return "".join(each for each in str(value or "") if each.isprintable() or each == "\n").strip()[:length_max]


async def sync_failed(session: WriteSession, connection_id: int, reason: str) -> None:
    """Notes why a sync failed; the models stay as they are."""
    connection = await session.get(AIProviderConnection, connection_id, with_for_update=True)
    if connection is not None:
        connection.last_sync_error = reason[:NOTE_LENGTH_MAX]
