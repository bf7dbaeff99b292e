"""Which deeds are kept, about what, and whom they concern."""

import pytest
from sqlalchemy import select

from app.models.mapping.trainings import ModelStatus, TrainingStatus
from app.models.system import AuditEntry
from resolvers import ids
from tests import factories


@pytest.fixture
def kept(database):
    """The entries since the last call: who did what to whom, about what, with what said of it."""
    last = 0

    async def kept():
        nonlocal last
        asked = select(AuditEntry).where(AuditEntry.id > last).order_by(AuditEntry.id)
        async with database.reading() as session:
            entries = (await session.scalars(asked)).all()
        last = entries[-1].id if entries else last
        return [
            (each.action, each.actor_id, each.user_id, (each.subject_type, each.subject_key), each.details)
            for each in entries
        ]

    return kept


async def test_the_life_of_a_team_is_kept(change, kept, owner, other):
    made = await change("createTeam", viewer=owner, name="Surveyors")
    team = ids.decode(made["id"])
    invited = await change(
        "createTeamInvitation", "token invitation { id }", viewer=owner, teamId=made["id"], usesMax=2
    )
    invitation = {"id": invited["invitation"]["id"]}
    _, number = ids.decode(invitation["id"])
    again = await change("regenerateTeamInvitation", "token", viewer=owner, **invitation)
    await change("acceptTeamInvitation", viewer=other, token=again["token"])
    await change("revokeTeamInvitation", viewer=owner, **invitation)
    await change("renameTeam", viewer=owner, id=made["id"], name="Walkers")
    await change("transferTeam", viewer=owner, id=made["id"], userId=ids.encode(other.user))
    await change("leaveTeam", "name", viewer=owner, id=made["id"])
    about = {"invitation": number}
    assert await kept() == [
        ("createTeam", owner.id, owner.id, team, {}),
        ("createTeamInvitation", owner.id, owner.id, team, about),
        ("regenerateTeamInvitation", owner.id, owner.id, team, about),
        ("acceptTeamInvitation", other.id, other.id, team, about),
        ("revokeTeamInvitation", owner.id, owner.id, team, about),
        ("renameTeam", owner.id, owner.id, team, {}),
        ("transferTeam", owner.id, other.id, team, {}),
        ("leaveTeam", owner.id, owner.id, team, {}),
    ]


async def test_who_was_removed_and_whose_team_was_deleted_is_kept(ask, change, kept, database, owner, other, staff):
    team = await factories.team(database, owner.id, other.id)
    await change("removeTeamMember", viewer=owner, id=ids.encode(team), userId=ids.encode(other.user))
    await ask("mutation ($id: ID!) { deleteTeam(input: {id: $id}) { name } }", viewer=staff, id=ids.encode(team))
    assert await kept() == [
        ("removeTeamMember", owner.id, other.id, ("Team", team.id), {}),
        ("deleteTeam", staff.id, owner.id, ("Team", team.id), {}),
    ]


async def test_what_staff_change_of_somebodys_work_concerns_its_owner(ask, change, kept, database, owner, staff):
    dataset = await factories.dataset(database, owner.id)
    model = await factories.model(database, dataset)
    training = await factories.training(database, model, status=TrainingStatus.FINISHED)
    await change("updateDataset", viewer=staff, id=ids.encode(dataset), name="Town", status="ACTIVE")
    await change("updateModel", viewer=staff, id=ids.encode(model), description="Roofs of the town.")
    for name, row in (("deleteTraining", training), ("deleteModel", model), ("deleteDataset", dataset)):
        await change(name, viewer=staff, id=ids.encode(row))
    assert await kept() == [
        ("updateDataset", staff.id, owner.id, ("Dataset", dataset.id), {"fields": ["name", "status"]}),
        ("updateModel", staff.id, owner.id, ("Model", model.id), {"fields": ["description"]}),
        ("deleteTraining", staff.id, owner.id, ("Training", training.id), {}),
        ("deleteModel", staff.id, owner.id, ("Model", model.id), {}),
        ("deleteDataset", staff.id, owner.id, ("Dataset", dataset.id), {}),
    ]


async def test_publishing_and_cancelling_are_kept(change, kept, database, owner, staff):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    done = await factories.training(database, model, status=TrainingStatus.FINISHED, accuracy=80.0)
    job = await factories.job(database, user_id=owner.id)
    waiting = await factories.training(database, model, job_id=job.id)
    published = await change("publishTraining", "status", viewer=owner, trainingId=ids.encode(done))
    assert published["status"] == ModelStatus.PUBLISHED.value
    await change("cancelTraining", viewer=staff, trainingId=ids.encode(waiting))
    assert await kept() == [
        ("publishTraining", owner.id, owner.id, ("Training", done.id), {"model": model.id}),
        ("cancelTraining", staff.id, owner.id, ("Training", waiting.id), {}),
    ]


async def test_what_is_refused_is_not_kept(refuse, owner, other, database):
    team = await factories.team(database, owner.id, other.id)
    assert (await refuse("renameTeam", viewer=other, id=ids.encode(team), name="Mine"))["code"] == "FORBIDDEN"
