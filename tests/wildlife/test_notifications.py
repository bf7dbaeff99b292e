"""People are told of reviews of what they said, of projects they join, and of work that ended, if they still see it."""

import pytest
from sqlalchemy import delete, select

from app.models.accounts import Team, TeamMembership
from app.models.kinds.wildlife import WildlifeNotification
from app.models.system import UserNotification
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobStage
from app.models.wildlife.exchange import WildlifeExport, WildlifeExportFormat, WildlifeImport, WildlifeImportFormat
from app.models.wildlife.projects import ResearchProjectMember
from app.models.wildlife.uploads import MediaReading
from app.services.wildlife.ai_jobs import progress as ai_progress
from app.services.wildlife.exchange import progress
from app.services.wildlife.media.files import readings
from resolvers import ids
from tests import factories as people
from tests.wildlife import classifying
from tests.wildlife.classifying import by_person, final, joined, seen
from tests.wildlife.exchanging import Desk


@pytest.fixture
async def at(database, owner, other):
    """A project of the owner's in which the other classifies."""
    made = await classifying.season(database, owner.id)
    await joined(database, made, other.id)
    return made


@pytest.fixture
def told(ask):
    """What somebody is told, with the kinds and what it is about, oldest first."""

    async def told(person):
        document = "{ notifications(orderBy: OLDEST) { nodes { kind message subject { __typename id } } } }"
        nodes = (await ask(document, viewer=person))["notifications"]["nodes"]
        return [(each["kind"], each["message"], each["subject"] and each["subject"]["__typename"]) for each in nodes]

    return told


@pytest.fixture
def approve(change, database, owner, at):
    async def approve(row, number=0, name="approveClassification"):
        version = (await final(database, at, number)).version
        return await change(name, "isApproved", viewer=owner, id=ids.encode(row), expectedVersion=version)

    return approve


def review(kind, message):
    return (kind, message, "ClassificationProject")


async def test_an_author_is_told_of_approvals_once_a_project_while_unread(database, owner, other, at, approve, told):
    for number in range(2):
        row = await by_person(database, at, number, other.id, seen(at.fox))
        assert (await approve(row, number))["isApproved"]
    assert await told(other) == [
        review("CLASSIFICATION_APPROVED", f"{owner.user.username} approved classifications of yours.")
    ]
    assert await told(owner) == []


async def test_an_author_is_told_when_an_approval_is_taken_back_or_given_to_another(
    database, owner, other, at, approve, told
):
    for number in range(2):
        await approve(await by_person(database, at, number, other.id, seen(at.fox)), number)
    theirs = await by_person(database, at, 0, owner.id, seen(at.deer))
    await approve(theirs, 0)
    rejected = review("CLASSIFICATION_REJECTED", f"{owner.user.username} no longer approves classifications of yours.")
    assert (await told(other))[1:] == [rejected]
    await approve(await final(database, at, 1), 1, "unapproveClassification")
    assert (await told(other))[1:] == [rejected]


async def test_an_approver_is_told_of_feedback_and_its_author_of_its_acceptance(
    change, database, owner, other, at, approve, told
):
    mine = await by_person(database, at, 0, owner.id, seen(at.fox))
    await approve(mine)
    given = {"id": ids.encode(mine), "observations": [{"observationType": "ANIMAL", "speciesId": ids.encode(at.deer)}]}
    feedback = await change("giveClassificationFeedback", viewer=other, **given)
    await change("giveClassificationFeedback", viewer=other, **given)
    who = other.user.username
    assert await told(owner) == [
        review("CLASSIFICATION_FEEDBACK", f"{who} gave feedback on classifications that you approved.")
    ]
    version = (await final(database, at)).version
    await change("acceptClassificationFeedback", viewer=owner, id=feedback["id"], expectedVersion=version)
    assert [kind for kind, *_ in await told(other)] == ["CLASSIFICATION_APPROVED"]


async def test_a_bulk_approval_and_its_undoing_tell_each_author_once(change, database, owner, other, at, told):
    for number in range(3):
        await by_person(database, at, number, other.id, seen(at.fox))
    bulk = await change(
        "approveClassifications", viewer=owner, classificationProjectId=ids.encode(at.project), filter={}
    )
    assert [kind for kind, *_ in await told(other)] == ["CLASSIFICATION_APPROVED"]
    await change("revertBulkApproval", viewer=owner, id=bulk["id"])
    assert [kind for kind, *_ in await told(other)] == ["CLASSIFICATION_APPROVED", "CLASSIFICATION_REJECTED"]


TABLE = "filePath,observationType,classificationMethod\nIMG_0.JPG,vehicle,human\nIMG_1.JPG,blank,human\n"


@pytest.mark.parametrize("dry_run", [False, True])
async def test_an_import_that_approves_tells_whose_rows_it_replaces(
    api, change, ask, database, owner, other, at, approve, told, dry_run
):
    await approve(await by_person(database, at, 0, other.id, seen(at.fox)))
    before = await told(other)
    desk = Desk(api, change, ask, database, owner)
    where = {"classificationProjectId": ids.encode(at.project), "approve": True, "dryRun": dry_run}
    done = await desk.bring("importClassifications", TABLE.encode(), **where)
    assert (done["status"], done["counts"]["approved"]) == ("FINISHED", 2)
    rejected = review("CLASSIFICATION_REJECTED", f"{owner.user.username} no longer approves classifications of yours.")
    assert await told(other) == [*before, *([] if dry_run else [rejected])]


async def test_who_has_left_is_told_of_no_review(database, owner, other, at, approve, told):
    row = await by_person(database, at, 0, other.id, seen(at.fox))
    async with database.writing() as session:
        await session.execute(delete(ResearchProjectMember).where(ResearchProjectMember.user_id == other.id))
    await approve(row)
    assert await told(other) == []


@pytest.mark.parametrize("kind", list(WildlifeNotification))
async def test_each_kind_can_be_turned_off(change, database, owner, other, at, approve, told, kind):
    await change("updateAccount", viewer=other, notificationsDeclined=[kind.name])
    await approve(await by_person(database, at, 0, other.id, seen(at.fox)))
    await approve(await final(database, at), name="unapproveClassification")
    given = {"projectId": ids.encode(at.project), "userId": ids.encode(other.user), "role": "ADMIN"}
    await change("setClassificationProjectMember", viewer=owner, **given)
    expected = {"CLASSIFICATION_APPROVED", "CLASSIFICATION_REJECTED", "RESEARCH_PROJECT"} - {kind.name}
    assert {name for name, *_ in await told(other)} == expected


async def test_people_are_told_which_projects_they_work_in(change, database, owner, other, told):
    at = await classifying.season(database, owner.id)
    name, user = at.research.acronym, ids.encode(other.user)
    research = {"projectId": ids.encode(at.research), "userId": user}
    for role in ("VIEWER", "MEMBER", "MEMBER"):
        await change("setResearchProjectMember", viewer=owner, role=role, **research)
    for role in ("ANNOTATOR", "ANNOTATOR"):
        given = {"projectId": ids.encode(at.project), "userId": user, "role": role}
        made = await change("setClassificationProjectMember", viewer=owner, **given)
    await change("removeClassificationProjectMember", viewer=owner, id=made["id"])
    await change("removeResearchProjectMember", viewer=owner, **research)
    told_now = await told(other)
    assert {kind for kind, *_ in told_now} == {"RESEARCH_PROJECT"}
    assert [message for _, message, _ in told_now] == [
        f"You are now a member of the research project {name}.",
        f"Your role in the research project {name} is now MEMBER.",
        "Your role in the classification project Who is there? is now ANNOTATOR.",
        "You are no longer a member of the classification project Who is there?.",
        f"You are no longer a member of the research project {name}.",
    ]
    # What it was about is hidden from who has left.
    assert {subject for *_, subject in told_now} == {None}


async def test_the_members_of_a_team_are_told_that_it_joined(change, database, owner, other, told):
    at = await classifying.season(database, owner.id)
    team = await people.add(database, Team(name="Wardens", admin_user_id=owner.id))
    for person in (owner, other):
        await people.add(database, TeamMembership(team_id=team.id, user_id=person.id))
    given = {"projectId": ids.encode(at.research), "teamId": ids.encode(team), "role": "MEMBER"}
    for _ in range(2):
        await change("setResearchProjectTeam", viewer=owner, **given)
    said = f"Your team Wardens is now a member of the research project {at.research.acronym}."
    assert await told(other) == [("RESEARCH_PROJECT", said, "ResearchProject")]
    assert await told(owner) == []


async def _works(database, at, user_id):
    """An import, an export, a reading and an AI job of a member's."""
    of = {"user_id": user_id}
    project = {"classification_project_id": at.project.id}
    brought = {"research_project_id": at.research.id, "dry_run": False, "keep_good": False, "files": {}}
    asked = {"ai_provider_id": at.provider.id, "project_id": at.project.id, "collection_id": at.link.id}
    rows = (
        WildlifeImport(format=WildlifeImportFormat.CAMTRAP_DP, **brought, **of),
        WildlifeExport(format=WildlifeExportFormat.CAMTRAP_DP, options={}, **project, **of),
        MediaReading(research_project_id=at.research.id, total=1, **of),
        AIClassificationJob(total_count=1, **asked, **of),
    )
    return [await people.add(database, row) for row in rows]


@pytest.mark.parametrize("is_member", [True, False])
async def test_work_that_ends_is_told_to_who_still_sees_it(database, other, at, told, is_member):
    brought, sent, read, looked = await _works(database, at, other.id)
    if not is_member:
        async with database.writing() as session:
            await session.execute(delete(ResearchProjectMember).where(ResearchProjectMember.user_id == other.id))
    for _ in range(2):
        async with database.writing() as session:
            await progress.import_failed(session, brought.id, "A file is broken.")
            await progress.export_failed(session, sent.id, "The disk is full.")
            await readings.reading_failed(session, read.id, "The card is broken.")
            job = await session.get_one(AIClassificationJob, looked.id)
            await ai_progress.end(session, job, AIJobStage.FAILED, "The manager is gone.")
    messages = [
        f"Your import {brought.id} has failed. A file is broken.",
        f"Your export {sent.id} has failed. The disk is full.",
        "Media were not read to the end. The card is broken.",
        f"Your AI classification job {looked.id} failed. The manager is gone.",
    ]
    assert [message for _, message, _ in await told(other)] == (messages if is_member else [])
    async with database.reading() as session:
        kept = select(UserNotification.message).where(UserNotification.user_id == other.id)
        assert len((await session.scalars(kept)).all()) == (4 if is_member else 0)
