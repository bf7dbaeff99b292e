"""Who sees and changes machines: owner, members of its team, staff, everybody if it is public, and nobody else."""

import asyncio

import pytest
from sqlalchemy import func, select

from app.models.accounts import User
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.works import Work
from app.models.system import UserNotification
from app.tabular.choices import MachineStatus, WorkKind
from app.tabular.datatypes import Datatype, Role
from resolvers import ids
from tests import factories

PROFILE = {"missing_percentage": 0.0, "distinct": 1, "frequent": 1, "top": [["secret", 1]]}
SHOWN = """machineName failure machineColumnsErrors mdcColumnsDataType mdcColumnsUniqueValuesCount
    columns { name examples profile { topValues { value } } } works { totalCount }"""


@pytest.fixture
async def team(database, owner, other):
    return await factories.team(database, owner.id, other.id)


@pytest.fixture
def made(database, owner):
    """A machine with one line, made past the API."""

    async def made(**fields):
        machine = await factories.machine(
            database, owner.id, status=MachineStatus.READY, failure="secret", learning_line_count=1, **fields
        )
        for position, (name, role) in enumerate((("x", Role.INPUT), ("y", Role.OUTPUT))):
            said = {"datatype": Datatype.LABEL, "role": role, "profile": PROFILE, "notes": {"examples": ["secret"]}}
            await factories.add(database, MachineColumn(machine_id=machine.id, name=name, position=position, **said))
        line = {"is_for_learning": True, "has_outputs": True, "values": ["secret", "a"]}
        await factories.add(database, MachineLine(machine_id=machine.id, **line))
        await factories.add(database, Work(machine_id=machine.id, user_id=owner.id, kind=WorkKind.TRAINING))
        return machine

    return made


@pytest.fixture
def seen(ask):
    """What somebody sees of a machine, and how many of its lines; None if it is not there for them."""

    async def seen(machine, viewer):
        id = ids.encode(machine)
        found = await ask(f"query($id: ID!) {{ machine(id: $id) {{ {SHOWN} }} }}", viewer=viewer, id=id)
        lines = await ask("query($id: ID!) { dataInputLines(machineId: $id) { totalCount } }", viewer=viewer, id=id)
        return found["machine"], lines["dataInputLines"]["totalCount"]

    return seen


async def test_a_machine_is_for_its_owner_and_staff_alone(made, seen, owner, other, staff):
    machine = await made()
    for viewer in (owner, staff):
        found, lines = await seen(machine, viewer)
        assert (lines, found["works"]["totalCount"], "secret" in str(found["columns"])) == (1, 1, True)
        assert found["mdcColumnsUniqueValuesCount"] == {"x": 1, "y": 1}
    for viewer in (other, None):
        assert await seen(machine, viewer) == (None, 0)


async def test_a_machine_of_a_team_is_for_its_members(made, seen, other, team):
    found, lines = await seen(await made(machine_owner_team_id=team.id), other)
    assert (found["failure"], lines) == ("secret", 1)


@pytest.mark.parametrize("how", ["machine_api_solving_is_public", "machine_machine_is_duplicatable"])
async def test_everybody_finds_a_public_machine_without_what_its_lines_say(made, seen, other, how):
    machine = await made(**{how: True})
    for viewer in (other, None):
        found, lines = await seen(machine, viewer)
        assert (found["machineName"], found["mdcColumnsDataType"], lines) == ("Cells", {"x": "LABEL", "y": "LABEL"}, 0)
        assert (found["mdcColumnsUniqueValuesCount"], found["works"]["totalCount"]) == (None, 0)
        assert "secret" not in str(found)


CHANGES = {
    "appendLines": {"rows": [{"x": "b", "y": "b"}]},
    "updateMachine": {"machineName": "Other"},
}
OF_OWNERS = {
    "updateMachine": {"machineApiSolvingPriceUsd": "1.5"},
    "moveMachine": {"teamId": None},
    "deleteMachine": {},
}


def _named(name, id):
    return {"machineId" if name == "appendLines" else "id": id}


async def test_members_of_the_team_change_a_machine_and_its_owner_disposes_of_it(made, change, refuse, team, other):
    id = ids.encode(await made(machine_owner_team_id=team.id))
    for name, given in CHANGES.items():
        assert (await change(name, viewer=other, **_named(name, id), **given))["__typename"] == "Machine"
    for name, given in OF_OWNERS.items():
        assert (await refuse(name, viewer=other, **_named(name, id), **given))["code"] == "FORBIDDEN"


async def test_what_others_may_not_see_is_not_there_and_what_is_public_they_may_not_change(made, refuse, other):
    for machine, code in ((await made(), "NOT_FOUND"), (await made(machine_api_solving_is_public=True), "FORBIDDEN")):
        for name, given in (CHANGES | OF_OWNERS).items():
            refused = await refuse(name, viewer=other, **_named(name, ids.encode(machine)), **given)
            assert refused["code"] == code, name
        refused = await refuse("copyMachine", viewer=other, id=ids.encode(machine))
        assert refused["code"] == "NOT_FOUND"


async def test_a_machine_that_may_be_copied_is_copied_by_others_unless_it_costs(made, change, refuse, work, other):
    free = await made(machine_machine_is_duplicatable=True)
    copy = await change("copyMachine", "machineOriginal { id }", viewer=other, id=ids.encode(free))
    assert copy["machineOriginal"]["id"] == ids.encode(free)
    sold = await made(machine_machine_is_duplicatable=True, machine_machine_copy_cost_usd=1)
    assert (await refuse("copyMachine", viewer=other, id=ids.encode(sold)))["code"] == "CONFLICT"
    await work()


async def test_a_machine_moves_to_a_team_of_the_owner_alone(made, change, refuse, database, owner, other, team):
    id = ids.encode(await made())
    theirs = await factories.team(database, other.id, name="Theirs")
    assert (await refuse("moveMachine", viewer=owner, id=id, teamId=ids.encode(theirs)))["code"] == "NOT_FOUND"
    moved = await change("moveMachine", "machineOwnerTeam { name }", viewer=owner, id=id, teamId=ids.encode(team))
    assert moved["machineOwnerTeam"]["name"] == team.name
    back = await change("moveMachine", "machineOwnerTeam { name }", viewer=owner, id=id, teamId=None)
    assert back["machineOwnerTeam"] is None


async def test_a_team_that_is_deleted_leaves_the_machine_to_its_owner(made, change, seen, owner, team, other):
    machine = await made(machine_owner_team_id=team.id)
    await change("deleteTeam", viewer=owner, id=ids.encode(team))
    assert (await seen(machine, owner))[1] == 1
    assert await seen(machine, other) == (None, 0)


async def test_who_adds_lines_at_once_adds_them_all(made, change, database, owner):
    machine = await made()
    rows = [{"x": "b", "y": "b"}] * 3
    given = {"machineId": ids.encode(machine), "rows": rows, "purpose": "LEARNING"}
    await asyncio.gather(*(change("appendLines", viewer=owner, **given) for _ in range(5)))
    async with database.reading() as session:
        counted = await session.scalar(select(Machine.learning_line_count))
        assert counted == await session.scalar(select(func.count()).select_from(MachineLine)) == 16


async def test_a_machine_is_handed_to_a_member_of_its_team_alone(
    made, change, refuse, database, owner, other, staff, team
):
    id, heir = ids.encode(await made(machine_owner_team_id=team.id)), ids.encode_key(User, other.id)
    bare = ids.encode(await made())
    fields = "machineOwnerUser { id } machineOwnerTeam { name }"
    refused = [
        await refuse("transferMachine", viewer=other, id=id, userId=heir),
        await refuse("transferMachine", viewer=owner, id=bare, userId=heir),
        await refuse("transferMachine", viewer=owner, id=id, userId=ids.encode_key(User, staff.id)),
        await refuse("transferMachine", viewer=owner, id=id, userId=ids.encode_key(User, owner.id)),
    ]
    assert [each["code"] for each in refused] == ["FORBIDDEN", "NOT_FOUND", "NOT_FOUND", "CONFLICT"]
    given = await change("transferMachine", fields, viewer=owner, id=id, userId=heir)
    assert (given["machineOwnerUser"]["id"], given["machineOwnerTeam"]["name"]) == (heir, team.name)
    assert (await refuse("deleteMachine", viewer=owner, id=id))["code"] == "FORBIDDEN"
    async with database.reading() as session:
        told = select(UserNotification.message).where(UserNotification.user_id == other.id)
        assert [each for each in await session.scalars(told) if "now own" in each] != []
    back = await change("transferMachine", fields, viewer=staff, id=id, userId=ids.encode_key(User, owner.id))
    assert back["machineOwnerUser"]["id"] == ids.encode_key(User, owner.id)
