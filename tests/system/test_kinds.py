"""Kinds of jobs, notifications and mails: declared by domains, kept as text."""

import copy
import pickle

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import StatementError

from app.models.base import Base
from app.models.kinds import JobKind, KindColumn, Lane, MailKind, NotificationKind, WebhookTopic
from app.models.kinds.mapping import MappingJob
from app.models.kinds.social import SocialNotification
from app.models.kinds.wildlife import WildlifeNotification
from app.models.system import Job
from schema import schema
from tests import factories

OPEN = (JobKind, NotificationKind, MailKind, WebhookTopic)


@pytest.mark.parametrize("kind", OPEN)
def test_every_domain_adds_to_them_in_a_file_of_its_own(kind):
    assert not kind._member_map_
    domains = kind.__subclasses__()
    assert {domain.__module__.rpartition(".")[0] for domain in domains} == {"app.models.kinds"}
    assert len({domain.__module__ for domain in domains}) == len(domains)
    assert list(kind) == sorted(kind, key=lambda member: type(member).__module__)
    assert len(kind) == sum(map(len, domains)) == len({member.value for member in kind})


@pytest.mark.parametrize("member", [member for kind in OPEN for member in kind])
def test_each_is_known_by_its_text(member):
    kind = type(member).__bases__[0]
    assert kind(member.value) is kind(member) is member
    assert member.name == member.value
    assert pickle.loads(pickle.dumps(member)) is copy.deepcopy(member) is member


@pytest.mark.parametrize("kind", OPEN)
def test_no_other_text_is_one(kind):
    with pytest.raises(ValueError, match=f"'FOLD_MAPS' is no {kind.__name__}"):
        kind("FOLD_MAPS")


@pytest.mark.parametrize("kind", [JobKind, NotificationKind, WebhookTopic])
def test_clients_see_all_of_them(kind):
    shown = schema._schema.type_map[kind.__name__]
    assert {name: value.value for name, value in shown.values.items()} == {each.name: each.value for each in kind}
    assert [shown.serialize(each) for each in kind] == [each.name for each in kind]
    assert [shown.parse_value(each.name) for each in kind] == list(kind)


async def test_the_database_lists_none_of_them(database):
    columns = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(getattr(column.type, "item_type", column.type), KindColumn)
    }
    assert columns == {
        ("jobs", "kind"),
        ("mails", "kind"),
        ("user_notifications", "kind"),
        ("users", "notifications_declined"),
        ("webhooks", "topics"),
        ("webhook_deliveries", "topic"),
    }

    def checks(connection):
        return {
            (name, check["sqltext"])
            for name, _ in columns
            for check in inspect(connection).get_check_constraints(name)
            if any(each.value in check["sqltext"] for kind in OPEN for each in kind)
        }

    async with database.engine.connect() as connection:
        assert await connection.run_sync(checks) == set()


async def test_a_job_is_kept_as_text_and_read_as_its_kind(database, owner):
    job = await factories.job(database, kind=MappingJob.PREDICT, user_id=owner.id)
    assert (job.kind, job.lane) == (MappingJob.PREDICT, Lane.HEAVY)
    async with database.reading() as session:
        assert await session.scalar(text("SELECT kind FROM jobs")) == "PREDICT"
        assert (await session.get_one(Job, job.id)).kind is MappingJob.PREDICT


async def test_no_kind_of_something_else_is_kept(database, owner):
    with pytest.raises(StatementError, match="is no JobKind"):
        await factories.job(database, kind=SocialNotification.REPLY, user_id=owner.id, lane=Lane.QUICK)


def test_who_is_told_of_what_several_did_reads_a_sentence():
    grouped = [kind for kind in NotificationKind if kind.deed]
    alone = {SocialNotification.MODERATION, WildlifeNotification.RESEARCH_PROJECT}
    assert set(grouped) == {*SocialNotification, *WildlifeNotification} - alone
    assert all(kind.deeds for kind in grouped)
    assert [kind.name for kind in NotificationKind if not kind.may_be_declined] == [
        "ACCOUNT",
        "BILLING",
        "CONSULTING",
        "MODERATION",
    ]


def test_what_is_known_of_jobs():
    def those(trait: str) -> set[str]:
        return {kind.name for kind in JobKind if getattr(kind, trait)}

    assert those("is_public") == {"TRAIN", "FETCH_LABELS", "FETCH_FEEDBACK_LABELS", "INSPECT"}
    assert those("is_pruned") == {
        "SEND_MAIL",
        "SEND_WEBHOOKS",
        "REMOVE_TRAINING",
        "REMOVE_PREDICTION",
        "REMOVE_PICTURE",
    }
    assert those("outlives_account") == {"REMOVE_TRAINING", "REMOVE_PREDICTION", "REMOVE_PICTURE"}
