"""Whatever is somebody's is in the archive of their data, or it is said here why not."""

import pytest
from sqlalchemy import LargeBinary

from app.models.base import Base
from app.services.accounts.users import personal_data

LEFT_OUT = {
    "banners.user_id": "an announcement is this installation's",
    "blocks.blocked_id": "who is blocked is not told by whom",
    "conversations.last_message_id": "the message is there, and the other's view of it is the other's",
    "conversations.other_id": "each conversation has a row for either side",
    "feedback_aois.reviewed_by_id": "what others drew is theirs; that it was reviewed is kept as done by the reviewer",
    "feedback_aois.training_id": "what others say of somebody's training is theirs",
    "approved_predictions.training_id": "what others say of somebody's training is theirs",
    "feedbacks.training_id": "what others say of somebody's training is theirs",
    "friendships.friend_id": "each friendship has a row for either side",
    "idempotency_keys.user_id": "that a request was sent with a key is forgotten within a day; what it made is there",
    "jobs.user_id": "how work was done says nothing of a person; what it made is there",
    "likes.post_id": "what others like is theirs",
    "mutes.muted_id": "who is muted does not learn of it",
    "notification_actors.user_id": "what others are told is theirs",
    "post_hashtags.post_id": "the hashtags are in the post",
    "post_mentions.post_id": "the names are in the post",
    "post_mentions.user_id": "what others write is theirs",
    "posts.parent_id": "what others reply is theirs",
    "posts.root_id": "what others reply is theirs",
    "predictions.training_id": "what others find with somebody's training is theirs",
    "reports.accused_id": "who reported what is theirs to tell",
    "reports.resolved_by_id": "what others reported is theirs",
    "shares.post_id": "what others share is theirs",
    "team_memberships.team_id": "who else belongs to a team is theirs to tell",
    "user_notifications.actor_id": "what others are told is theirs",
    "trainings.model_id": "what others train is theirs",
    "collection_resources.collection_id": "which media are in a collection is kept with the media",
    "collection_resources.research_project_id": "which media are in a collection is kept with the media",
    "collection_resources.resource_id": "which media are in a collection is kept with the media",
    "deployments.clock_corrected_by_id": "a correction is the project's; that somebody set it is in the deployment",
    "media_readings.research_project_id": "what others read is theirs",
    "media_uploads.deployment_id": "a file on its way is forgotten within days; what it became is there",
    "media_uploads.research_project_id": "a file on its way is forgotten within days; what it became is there",
    "media_uploads.user_id": "a file on its way is forgotten within days; what it became is there",
    "research_project_members.project_id": "who else works in a project is theirs to tell",
    "research_project_teams.project_id": "which teams work in a project is theirs to tell",
    "research_project_teams.team_id": "which teams work in a project is theirs to tell",
    "sequences.deployment_id": "sequences are listed by their project",
}


def named(table) -> str:
    return table.__tablename__


def keys_to_people() -> set[str]:
    """The columns that name an account, or that end with a row of a table of which somebody owns rows."""
    exported = {named(table) for table in personal_data.THEIRS}
    return {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table.name == "users" or (key.column.table.name in exported and key.ondelete == "CASCADE")
    }


EXPORTED = {f"{named(table)}.{key.key}" for table, keys in personal_data.THEIRS.items() for key in keys}


def test_whatever_names_a_person_or_ends_with_what_is_theirs_is_exported_or_left_out_for_a_reason():
    assert keys_to_people() == (EXPORTED - {"users.id"}) | set(LEFT_OUT)
    assert not EXPORTED & set(LEFT_OUT)


@pytest.mark.parametrize("table", personal_data.THEIRS, ids=named)
def test_no_secret_is_told(table):
    for column in personal_data.told(table):
        assert not isinstance(column.type, LargeBinary)
        assert not {"hash", "token", "stamp", "secret"} & set(column.key.split("_")), column
        assert column.key == "subject_key" or not column.key.endswith("_key"), column


def test_files_are_in_the_archive_instead_of_their_names():
    named_in = {
        f"{named(table)}.{column.key}": column.info["file"]
        for table in personal_data.THEIRS
        for column in table.__table__.columns
        if "file" in column.info
    }
    assert named_in == {"profiles.avatar_key": "avatars/{}/512.webp", "posts.media_key": "pictures/{}/1600.webp"}
    assert not {
        f"{named(table)}.{column.key}" for table in personal_data.THEIRS for column in personal_data.told(table)
    } & set(named_in)
