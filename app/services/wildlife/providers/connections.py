"""Connections to AI Managers. The password goes in and never comes out again, except for a request to the manager."""

from dataclasses import dataclass, field

from sqlalchemy import func, select

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, LimitReached, NotFound
from app.gateways import outside
from app.limits.wildlife import AI_LOGIN_LENGTH_MAX, AI_PASSWORD_LENGTH_MAX
from app.models.kinds.wildlife import WildlifeJob
from app.models.system import Job, JobState
from app.models.wildlife.providers import AIProviderConnection
from app.policies import Viewer, require, signed_in, visible
from app.policies.wildlife.providers import may_change_this_connection
from app.queue import enqueue
from app.security import encryption
from app.services.system import audit
from app.settings import settings

USE = "ai-manager"


@dataclass(frozen=True)
class Credentials:
    """What it takes to ask an AI Manager."""

    url: str
    login: str
    password: str = field(repr=False)
    instance_url: str = ""


async def create_connection(
    session: WriteSession,
    viewer: Viewer,
    *,
    api_url: str,
    api_auth_login: str,
    api_auth_passw: str,
    trapper_instance_url: str | None,
    is_shared: bool,
) -> AIProviderConnection:
    """A new connection of the viewer's."""
    user_id = signed_in(viewer)
    count = await session.scalar(select(func.count()).where(AIProviderConnection.user_id == user_id))
    if (count or 0) >= settings.ai_connections_max:
        raise LimitReached(
            f"You may have {settings.ai_connections_max} connections. Delete one first.",
            limit=settings.ai_connections_max,
        )
    connection = AIProviderConnection(
        user_id=user_id,
        api_url=_base("apiUrl", api_url),
        api_auth_login=checks.text("apiAuthLogin", api_auth_login, length_max=AI_LOGIN_LENGTH_MAX),
        api_auth_passw=_sealed(api_auth_passw),
        trapper_instance_url=_instance(trapper_instance_url),
        is_shared=is_shared,
    )
    session.add(connection)
    await session.flush()
    audit.record(session, user_id, "createAiProviderConnection", about=connection)
    return connection


async def update_connection(
    session: WriteSession, viewer: Viewer, connection_id: int, **changes: str | bool | None
) -> AIProviderConnection:
    """Changes what is given. Another address needs the password again: it would be sent there."""
    connection = await _own(session, viewer, connection_id)
    columns = {name: value for name, value in changes.items() if value is not None}
    if "api_url" in columns:
        url = _base("apiUrl", str(columns["api_url"]))
        if url != connection.api_url and "api_auth_passw" not in columns:
            raise Invalid("apiAuthPassw", "Give the password again when the address changes.")
        connection.api_url = url
    if "api_auth_login" in columns:
        login = str(columns["api_auth_login"])
        connection.api_auth_login = checks.text("apiAuthLogin", login, length_max=AI_LOGIN_LENGTH_MAX)
    if "api_auth_passw" in columns:
        connection.api_auth_passw = _sealed(str(columns["api_auth_passw"]))
    if "trapper_instance_url" in columns:
        connection.trapper_instance_url = _instance(str(columns["trapper_instance_url"]))
    connection.is_active = bool(columns.get("is_active", connection.is_active))
    connection.is_shared = bool(columns.get("is_shared", connection.is_shared))
    await session.flush()
    audit.record(session, signed_in(viewer), "updateAiProviderConnection", about=connection, fields=sorted(columns))
    return connection


async def delete_connection(session: WriteSession, viewer: Viewer, connection_id: int) -> None:
    """Deletes a connection with its password. Its models stay, since classifications name them, but cannot run."""
    connection = await _own(session, viewer, connection_id)
    audit.record(session, signed_in(viewer), "deleteAiProviderConnection", about=connection)
    await session.delete(connection)
    await session.flush()


async def sync_models(session: WriteSession, viewer: Viewer, connection_id: int) -> AIProviderConnection:
    """Queues a sync of a connection's models."""
    connection = await _own(session, viewer, connection_id)
    if not connection.is_active:
        raise Conflict("This connection is not active. Activate it first.")
    state = await session.scalar(select(Job.state).where(Job.id == connection.sync_job_id))
    if state in {JobState.QUEUED, JobState.RUNNING}:
        raise Conflict("A sync of this connection is queued or running. Wait for it.")
    job = await enqueue(session, WildlifeJob.SYNC_AI_MODELS, subject_id=connection.id, user_id=signed_in(viewer))
    connection.sync_job_id = job.id
    await session.flush()
    return connection


async def _own(session: WriteSession, viewer: Viewer, connection_id: int) -> AIProviderConnection:
    query = visible(AIProviderConnection, viewer).where(AIProviderConnection.id == connection_id)
    connection = await session.scalar(query.with_for_update())
    if connection is None:
        raise NotFound("There is no such connection.")
    require(may_change_this_connection, viewer, connection)
    return connection


async def credentials(session: ReadSession, connection_id: int | None) -> Credentials | None:
    """What it takes to ask a manager; None if the connection is gone or not active."""
    connection = None if connection_id is None else await session.get(AIProviderConnection, connection_id)
    if connection is None or not connection.is_active:
        return None
    password = encryption.decrypt(USE, connection.api_auth_passw)
    return Credentials(connection.api_url, connection.api_auth_login, password, connection.trapper_instance_url)


async def renew(session: WriteSession, connection_id: int) -> None:
    """Encrypts a password anew if a key of before encrypted it."""
    connection = await session.get(AIProviderConnection, connection_id, with_for_update=True)
    if connection is not None and not encryption.is_current(connection.api_auth_passw):
        connection.api_auth_passw = encryption.encrypt(USE, encryption.decrypt(USE, connection.api_auth_passw))


def _base(name: str, url: str) -> str:
    return outside.check_url(name, url).rstrip("/")


def _instance(url: str | None) -> str:
    """The address at which the manager finds us; it may be a private one, since we never ask it."""
    address = (url or settings.address).strip().rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise Invalid("trapperInstanceUrl", "Give a complete URL that starts with https:// or http://.")
    return checks.text("trapperInstanceUrl", address, length_max=200)


def _sealed(password: str) -> str:
    if not 1 <= len(password) <= AI_PASSWORD_LENGTH_MAX:
        raise Invalid("apiAuthPassw", f"Use 1 to {AI_PASSWORD_LENGTH_MAX} characters.")
    return encryption.encrypt(USE, password)
