"""Research projects: who may make, see, change and delete them, alone and through teams."""

import asyncio

import pytest

from app.models.wildlife.projects import ResearchProjectRole, ResearchProjectStatus
from resolvers import ids
from tests import factories as people
from tests.wildlife import factories

Role = ResearchProjectRole
PROJECT = """query ($id: ID!) { researchProject(id: $id) {
    name isMember members { nodes { role user { username } } } teams { nodes { role } }
} }"""


@pytest.fixture
async def project(database, owner):
    return await factories.project(database, owner.id, name="Lynx of the forest", acronym="LYNX")


async def test_who_creates_a_project_owns_it(change, ask, owner):
    made = await change(
        "createResearchProject",
        """name acronym abstract methods keywords status isPublic sharesMedia samplingDesign sensorMethod
        individualAnimals owner { username } members { nodes { role user { username } } }""",
        viewer=owner,
        name=" Lynx of the forest ",
        acronym="LYNX",
        abstract="Where lynx live.",
        methods="Forty cameras.",
        keywords=["lynx", "lynx", "forest"],
        samplingDesign="TARGETED",
        sensorMethod=["ACTIVITY_DETECTION"],
        individualAnimals=True,
    )
    assert made | {"id": "", "__typename": ""} == {
        "__typename": "",
        "id": "",
        "name": "Lynx of the forest",
        "acronym": "LYNX",
        "abstract": "Where lynx live.",
        "methods": "Forty cameras.",
        "keywords": ["lynx", "forest"],
        "status": "PENDING",
        "isPublic": False,
        "sharesMedia": False,
        "samplingDesign": "TARGETED",
        "sensorMethod": ["ACTIVITY_DETECTION"],
        "individualAnimals": True,
        "owner": {"username": owner.user.username},
        "members": {"nodes": [{"role": "OWNER", "user": {"username": owner.user.username}}]},
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "LYNX OF THE FOREST", "acronym": "L2"}, "Another research project has this name."),
        ({"name": "Other", "acronym": "lynx"}, "Another research project has this acronym."),
        ({"name": "Other", "acronym": "LYNXLYNXLYN"}, "Use 1 to 10 characters; this has 11."),
        ({"name": " ", "acronym": "L2"}, "Use 1 to 255 characters; this has 0."),
        ({"name": "A\x07B", "acronym": "L2"}, "Control characters are not allowed."),
        ({"name": "Other", "acronym": "L2", "keywords": ["w"] * 51}, "Give at most 50 keywords; these are 51."),
    ],
)
async def test_what_is_refused_changes_nothing(change, owner, project, unchanged, given, message):
    async with unchanged():
        refused = await change("createResearchProject", viewer=owner, **given)
    assert refused["message"].startswith(message)


async def test_of_two_projects_of_one_name_at_once_one_is_made(change, owner):
    answers = await asyncio.gather(
        *(change("createResearchProject", viewer=owner, name="Twin", acronym=f"T{each}") for each in range(2))
    )
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict", "ResearchProject"]


@pytest.mark.parametrize(
    ("status", "is_public", "seen"),
    [("APPROVED", True, True), ("PENDING", True, False), ("REJECTED", True, False), ("APPROVED", False, False)],
)
async def test_strangers_see_approved_public_projects_only(ask, database, owner, other, status, is_public, seen):
    made = await factories.project(database, owner.id, status=ResearchProjectStatus(status), is_public=is_public)
    for viewer in (None, other):
        answer = await ask("{ researchProjects { totalCount nodes { name } } }", viewer=viewer)
        assert answer["researchProjects"]["totalCount"] == seen
        answer = await ask("query ($id: ID!) { researchProject(id: $id) { name } }", viewer=viewer, id=ids.encode(made))
        assert answer.codes == ([] if seen else ["NOT_FOUND"])


async def test_members_of_a_team_have_its_role(ask, change, database, owner, other, project):
    team = await people.team(database, owner.id, other.id)
    id = ids.encode(project)
    added = await change(
        "setResearchProjectTeam", "role", viewer=owner, projectId=id, teamId=ids.encode(team), role="VIEWER"
    )
    assert added["role"] == "VIEWER"
    answer = await ask(PROJECT, viewer=other, id=id)
    assert answer["researchProject"]["isMember"] is True
    place = {"researchProjectId": id, "locationId": "a", "timezone": "UTC"}
    place |= {"point": {"type": "Point", "coordinates": [1, 2]}}
    refused = await change("createLocation", viewer=other, **place)
    assert (refused["code"], refused["message"][:40]) == ("FORBIDDEN", "This needs the role MEMBER in the resear")
    await change("setResearchProjectTeam", viewer=owner, projectId=id, teamId=ids.encode(team), role="MEMBER")
    assert (await change("createLocation", viewer=other, **place))["__typename"] == "Location"
    await change("removeResearchProjectTeam", viewer=owner, projectId=id, teamId=ids.encode(team))
    assert (await ask(PROJECT, viewer=other, id=id)).codes == ["NOT_FOUND"]


async def test_managers_add_members_but_make_no_owners(change, database, owner, other, project, unchanged):
    third = await people.user(database, "third")
    await factories.member(database, project, other.id, role=Role.MANAGER)
    given = {"projectId": ids.encode(project), "userId": ids.encode(third.user)}
    assert (await change("setResearchProjectMember", "role", viewer=other, **given, role="MEMBER"))["role"] == "MEMBER"
    async with unchanged():
        refused = await change("setResearchProjectMember", viewer=other, **given, role="OWNER")
    assert refused["code"] == "FORBIDDEN"
    owners = {"projectId": ids.encode(project), "userId": ids.encode(owner.user)}
    async with unchanged():
        assert (await change("setResearchProjectMember", viewer=other, **owners, role="VIEWER"))["code"] == "FORBIDDEN"
        assert (await change("removeResearchProjectMember", viewer=other, **owners))["code"] == "FORBIDDEN"
        assert (await change("setResearchProjectMember", viewer=owner, **owners, role="VIEWER"))["code"] == "CONFLICT"
        assert (await change("removeResearchProjectMember", viewer=owner, **owners))["code"] == "CONFLICT"


async def test_a_member_may_leave_and_a_project_change_its_owner(change, ask, database, owner, other, project):
    await factories.member(database, project, other.id, role=Role.MEMBER)
    id = ids.encode(project)
    moved = await change(
        "transferResearchProject", "owner { username }", viewer=owner, id=id, userId=ids.encode(other.user)
    )
    assert moved["owner"]["username"] == other.user.username
    left = await change("removeResearchProjectMember", viewer=owner, projectId=id, userId=ids.encode(owner.user))
    assert left["__typename"] == "FormerResearchProject"
    assert (await ask(PROJECT, viewer=owner, id=id)).codes == ["NOT_FOUND"]


async def test_only_owners_show_a_project_to_all(change, database, owner, other, project, unchanged):
    await factories.member(database, project, other.id, role=Role.MANAGER)
    id = ids.encode(project)
    async with unchanged():
        assert (await change("updateResearchProject", viewer=other, id=id, isPublic=True))["code"] == "FORBIDDEN"
    changed = await change("updateResearchProject", "abstract", viewer=other, id=id, abstract="Lynx.")
    assert changed["abstract"] == "Lynx."
    assert (await change("updateResearchProject", "isPublic", viewer=owner, id=id, isPublic=True))["isPublic"] is True


async def test_staff_decide_and_the_owner_is_told(change, ask, owner, staff, project, unchanged):
    id = ids.encode(project)
    async with unchanged():
        assert (await change("decideResearchProject", viewer=owner, id=id, status="APPROVED"))["code"] == "FORBIDDEN"
    decided = await change(
        "decideResearchProject", "status statusNote", viewer=staff, id=id, status="REJECTED", note="No permit."
    )
    assert (decided["status"], decided["statusNote"]) == ("REJECTED", "No permit.")
    told = await ask("{ notifications { nodes { message } } }", viewer=owner)
    assert [each["message"] for each in told["notifications"]["nodes"]] == [
        "The research project LYNX is now rejected."
    ]


async def test_a_project_with_media_or_deployments_is_not_deleted(change, database, owner, project, unchanged):
    at = await factories.location(database, project)
    await factories.deployment(database, at)
    medium = await factories.resource(database, project)
    id = ids.encode(project)
    async with unchanged():
        assert (await change("deleteResearchProject", viewer=owner, id=id))["message"].startswith("This research pro")
    async with database.writing() as session:
        await session.delete(await session.get_one(type(medium), medium.id))
    async with unchanged():
        refused = await change("deleteResearchProject", viewer=owner, id=id)
    assert refused["message"] == "This research project has deployments. Delete them first."


async def test_an_empty_project_is_deleted(change, database, owner, project):
    await factories.location(database, project)
    gone = await change("deleteResearchProject", "researchProjectId", viewer=owner, id=ids.encode(project))
    assert gone["researchProjectId"] == ids.encode(project)
