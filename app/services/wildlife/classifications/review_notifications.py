"""Notifications of what became of people's classifications: one for each project, while it is unread."""

from collections.abc import Collection

from sqlalchemy import ARRAY, BigInteger, any_, cast, select

from app.database import ReadSession, WriteSession
from app.models.accounts import User
from app.models.kinds.wildlife import WildlifeNotification
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classifications import Classification, ClassificationType
from app.policies import Viewer, signed_in, visible
from app.services.system.notification_groups import notify_grouped


async def authors_of(session: ReadSession, row_ids: Collection[int | None]) -> set[int]:
    """The people who made these classifications; AI gets no notifications."""
    keys = [id for id in row_ids if id is not None]
    if not keys:
        return set()
    of_people = select(Classification.user_id).where(
        Classification.id == any_(cast(keys, ARRAY(BigInteger))),
        Classification.classification_type == ClassificationType.USER,
        Classification.user_id.is_not(None),
    )
    return {id for id in await session.scalars(of_people.distinct()) if id is not None}


async def notify_all(
    session: WriteSession,
    viewer: Viewer,
    kind: WildlifeNotification,
    project_id: int,
    user_ids: Collection[int],
) -> None:
    """Notifies people of what the viewer did, if they still see the project and the viewer; never the viewer.

    In the order of their ids, so that two transactions that notify the same people never wait for each other.
    """
    actor_id = signed_in(viewer)
    for user_id in sorted(set(user_ids) - {actor_id}):
        reader = Viewer(user_id)
        project = await session.scalar(
            visible(ClassificationProject, reader).where(ClassificationProject.id == project_id)
        )
        actor = await session.scalar(visible(User, reader).where(User.id == actor_id))
        if project is not None and actor is not None:
            notify_grouped(session, user_id, actor_id, kind, about=project, within=project.id)
