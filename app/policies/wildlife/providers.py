"""Who may see, change and run AI providers."""

from sqlalchemy import ColumnElement, false, true

from app.models.wildlife.providers import (
    AIProvider,
    AIProviderConnection,
    ExternalAIProvider,
    LocalAIProvider,
    TrapperAIProvider,
)
from app.policies import AnyViewer, Viewer, is_viewer, names_viewer, reads
from app.policies.wildlife.projects import is_member


@reads(AIProvider, TrapperAIProvider, ExternalAIProvider, LocalAIProvider)
def visible_ai_providers(viewer: AnyViewer) -> ColumnElement[bool]:
    """For every user: a classification must be able to say which model made it. What a project trained is its own."""
    if not viewer.is_signed_in:
        return false()
    return AIProvider.research_project_id.is_(None) | is_member(viewer, AIProvider.research_project_id)


@reads(AIProviderConnection)
def visible_ai_provider_connections(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own; staff see all."""
    return true() if viewer.is_staff else names_viewer(viewer, AIProviderConnection.user_id)


def may_change_this_connection(viewer: Viewer, connection: AIProviderConnection) -> bool:
    """For its owner and staff."""
    return viewer.is_staff or is_viewer(viewer, connection.user_id)


def may_change_this_provider(viewer: Viewer, provider: AIProvider) -> bool:
    """For its owner and staff."""
    return viewer.is_staff or is_viewer(viewer, provider.user_id)


def may_run_this_provider(viewer: Viewer, provider: AIProvider) -> bool:
    """For everybody if it runs here or its connection is shared; else for the connection's owner."""
    if not isinstance(provider, TrapperAIProvider) or provider.connection is None:
        return viewer.is_signed_in
    return provider.connection.is_shared or is_viewer(viewer, provider.connection.user_id)
