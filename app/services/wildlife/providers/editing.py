"""Providers that people create, and what they may change of those that a sync creates."""

from typing import Any

from sqlalchemy import func, select

from app import checks
from app.database import WriteSession
from app.errors import Invalid, LimitReached, NotFound
from app.limits.wildlife import (
    AI_PROVIDER_DESCRIPTION_LENGTH_MAX,
    AI_PROVIDER_VERSION_LENGTH_MAX,
)
from app.models.wildlife.providers import AIProvider, AIProviderType, ExternalAIProvider
from app.policies import Viewer, require, signed_in, visible
from app.policies.wildlife.providers import may_change_this_provider
from app.services.wildlife.providers import categories as mapping
from app.settings import settings


async def create_external_provider(
    session: WriteSession,
    viewer: Viewer,
    *,
    name: str,
    provider_type: AIProviderType,
    version: str = "",
    description: str = "",
    categories: Any = None,
    keypoint_topology: Any = None,
    **flags: bool,
) -> ExternalAIProvider:
    """A model that runs elsewhere and whose results are imported."""
    user_id = signed_in(viewer)
    count = await session.scalar(select(func.count()).where(ExternalAIProvider.user_id == user_id))
    if (count or 0) >= settings.ai_providers_max:
        raise LimitReached(
            f"You may have {settings.ai_providers_max} external providers.", limit=settings.ai_providers_max
        )
    provider = ExternalAIProvider(user_id=user_id, provider_type=provider_type, **flags)
    _set_texts(provider, name=name, version=version, description=description)
    _check_flags(provider)
    await _set_categories(session, provider, {} if categories is None else categories)
    provider.keypoint_topology = _topology(provider, keypoint_topology)
    session.add(provider)
    await session.flush()
    return provider


async def update_provider(session: WriteSession, viewer: Viewer, provider_id: int, **changes: Any) -> AIProvider:
    """Changes what is given. A sync overwrites it again unless `keepSynced` is switched off."""
    query = visible(AIProvider, viewer).where(AIProvider.id == provider_id)
    provider = await session.scalar(query.with_for_update())
    if provider is None:
        raise NotFound("There is no such AI provider.")
    require(may_change_this_provider, viewer, provider)
    texts = {name: changes.pop(name) for name in ("name", "version", "description") if name in changes}
    _set_texts(provider, **texts)
    if "categories" in changes:
        await _set_categories(session, provider, changes.pop("categories"))
    if "keypoint_topology" in changes:
        provider.keypoint_topology = _topology(provider, changes.pop("keypoint_topology"))
    for name, value in changes.items():
        if value is not None:
            setattr(provider, name, value)
    _check_flags(provider)
    await session.flush()
    return provider


def _set_texts(provider: AIProvider, **texts: str | None) -> None:
    if "name" in texts:
        provider.name = texts["name"] or ""
    if "version" in texts:
        length_max = AI_PROVIDER_VERSION_LENGTH_MAX
        provider.version = checks.optional_text("version", texts["version"], length_max=length_max) or ""
    if "description" in texts:
        length_max = AI_PROVIDER_DESCRIPTION_LENGTH_MAX
        provider.description = checks.optional_text("description", texts["description"], length_max=length_max) or ""


def _check_flags(provider: AIProvider) -> None:
    if provider.crop_image and provider.provider_type is not AIProviderType.CLASSIFICATION:
        raise Invalid("cropImage", "Only classification providers crop objects before they classify them.")


async def _set_categories(session: WriteSession, provider: AIProvider, value: Any) -> None:
    provider.categories, _ = await mapping.with_species(session, mapping.checked(value))


def _topology(provider: AIProvider, value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if provider.provider_type is not AIProviderType.POSE:
        raise Invalid("keypointTopology", "Only pose providers have keypoints.")
    return checked_topology(value)


def checked_topology(value: Any) -> dict[str, Any]:
    """A topology: `{name, keypoints: [{name, swap, sigma}], skeleton: [[i, j]], oks}`, its points named once each."""
    topology = checks.json_object("keypointTopology", value)
    points, skeleton = topology.get("keypoints"), topology.get("skeleton", [])
    names = [point.get("name") if isinstance(point, dict) else point for point in points or ()]
    if not isinstance(points, list) or not all(isinstance(name, str) and name for name in names):
        raise Invalid("keypointTopology", "`keypoints` must be a list of points with names.")
    if len(set(names)) < len(names):
        raise Invalid("keypointTopology", "Each keypoint needs a name of its own.")
    pairs = skeleton if isinstance(skeleton, list) else [None]
    if not all(isinstance(pair, list) and len(pair) == 2 and all(_is_point(i, names) for i in pair) for pair in pairs):
        raise Invalid("keypointTopology", "`skeleton` must be pairs of positions in `keypoints`, from 0.")
    return topology


def _is_point(position: Any, names: list[Any]) -> bool:
    return isinstance(position, int) and not isinstance(position, bool) and 0 <= position < len(names)
