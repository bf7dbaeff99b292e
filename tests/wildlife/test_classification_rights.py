"""Who may do what to classifications, over HTTP: each mutation for everybody. What is refused changes nothing."""

import pytest

from app.models.wildlife.classification_projects import ClassificationProjectMember, ClassificationProjectRole
from app.models.wildlife.classifications import Classification
from app.models.wildlife.projects import ResearchProjectRole
from resolvers import ids
from resolvers.wildlife.classifications import changes, classificators, projects
from schema import schema
from tests import factories
from tests.fixtures import Person
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import by_ai, by_person, classificator, final, joined, linked, season, seen

WHO = ("stranger", "outsider", "viewer", "annotator", "former", "admin", "manager", "owner", "staff")
NONE, SEES, WORKS = ("UNAUTHENTICATED", "NOT_FOUND"), ("FORBIDDEN",), ("done",)
ADMINS = (*NONE, "FORBIDDEN", "FORBIDDEN", "NOT_FOUND", *WORKS * 4)
MEMBERS = (*NONE, "FORBIDDEN", "done", "NOT_FOUND", *WORKS * 4)
MANAGERS = (*NONE, "FORBIDDEN", "FORBIDDEN", "NOT_FOUND", "FORBIDDEN", *WORKS * 3)
OWNERS = ("UNAUTHENTICATED", *("FORBIDDEN",) * 6, "done", "done")
ANYBODY = ("UNAUTHENTICATED", *WORKS * 8)
MATRIX = {
    "classify": MEMBERS,
    "classifySequence": MEMBERS,
    "giveClassificationFeedback": MEMBERS,
    "approveClassification": ADMINS,
    "unapproveClassification": ADMINS,
    "acceptClassificationFeedback": ADMINS,
    "markClassifications": ADMINS,
    "approveClassifications": ADMINS,
    "revertBulkApproval": ADMINS,
    "createClassificationProject": MANAGERS,
    "updateClassificationProject": ADMINS,
    "deleteClassificationProject": ADMINS,
    "setClassificationProjectMember": ADMINS,
    "removeClassificationProjectMember": ADMINS,
    "addClassificationProjectCollection": ADMINS,
    "updateClassificationProjectCollection": ADMINS,
    "removeClassificationProjectCollection": ADMINS,
    "createClassificator": ANYBODY,
    "updateClassificator": OWNERS,
    "deleteClassificator": OWNERS,
}


@pytest.fixture
async def people(database, owner, staff) -> dict[str, Person | None]:
    names = ("outsider", "viewer", "annotator", "former", "admin", "manager")
    made = {name: await factories.user(database, f"the_{name}") for name in names}
    others = {name: Person(each.user, each.token) for name, each in made.items()}
    return {"stranger": None, **others, "owner": owner, "staff": staff}


@pytest.fixture
async def inputs(database, people, owner):
    """An input for each mutation, which would be done for somebody with all rights."""
    at = await season(database, owner.id)
    roles, research = ClassificationProjectRole, ResearchProjectRole
    await joined(database, at, people["viewer"].id, None, research.VIEWER)
    await joined(database, at, people["annotator"].id, roles.ANNOTATOR)
    await joined(database, at, people["admin"].id, roles.ADMIN, research.VIEWER)
    await joined(database, at, people["manager"].id, None, research.MANAGER)
    # Who has left the research project has left the classification project with it.
    left = await factories.add(database, _membership(at.project.id, people["former"].id))
    ai = await by_ai(database, at, 0, seen(at.fox))
    said = await by_person(database, at, 1, owner.id, seen(at.fox))
    del said
    sequence = await wildlife.sequence(database, at.deployment)
    async with database.writing() as session:
        session.add(at.resources[2])
        at.resources[2].sequence_id = sequence.id
    spare = await wildlife.collection(database, at.research, "Spare")
    second = await linked(database, at.project, await wildlife.collection(database, at.research, "Second"))
    rules = await classificator(database, owner.id)
    project, row = {"classificationProjectId": ids.encode(at.project)}, ids.encode_key(Classification, ai)
    finals = [await final(database, at, number) for number in range(3)]
    fox = [{"observationType": "ANIMAL", "speciesId": ids.encode(at.fox)}]
    return {
        "classify": project | {"resourceId": ids.encode(at.resources[2]), "observations": fox},
        "classifySequence": project | {"sequenceId": ids.encode(sequence), "observations": fox},
        "approveClassification": {"id": row, "expectedVersion": 1},
        "unapproveClassification": {"id": row, "expectedVersion": 2},
        "markClassifications": {"ids": [ids.encode(finals[2])], "isSetup": True},
        "approveClassifications": project | {"ids": [row]},
        "createClassificationProject": {"researchProjectId": ids.encode(at.research), "name": "New"},
        "updateClassificationProject": {"id": ids.encode(at.project), "name": "Newer"},
        "deleteClassificationProject": {"id": ids.encode(at.project)},
        "setClassificationProjectMember": {
            "projectId": ids.encode(at.project),
            "userId": ids.encode(people["viewer"].user),
            "role": "ANNOTATOR",
        },
        "removeClassificationProjectMember": {"id": ids.encode(left)},
        "addClassificationProjectCollection": {
            "projectId": ids.encode(at.project),
            "collectionId": ids.encode(spare),
        },
        "updateClassificationProjectCollection": {"id": ids.encode(second), "isActive": False},
        "removeClassificationProjectCollection": {"id": ids.encode(second)},
        "createClassificator": {"name": "Mine"},
        "updateClassificator": {"id": ids.encode(rules), "name": "Ours"},
        "deleteClassificator": {"id": ids.encode(rules)},
    }


def _membership(project_id: int, user_id: int):
    return ClassificationProjectMember(project_id=project_id, user_id=user_id, role=ClassificationProjectRole.ADMIN)


def test_every_mutation_has_a_row():
    modules = {each.__name__ for each in (changes, projects, classificators)}
    mutations = schema._schema.mutation_type.fields
    ours = {
        name
        for name, field in mutations.items()
        if field.extensions["strawberry-definition"].base_resolver.wrapped_func.__module__ in modules
    }
    assert ours == set(MATRIX)


async def test_everybody_gets_what_the_matrix_says(change, unchanged, people, inputs):
    wrong = []
    for name in MATRIX.keys() & inputs.keys():
        for who, expected in zip(WHO, MATRIX[name], strict=True):
            if expected == "done":
                continue
            async with unchanged():
                answer = await change(name, viewer=people[who], **inputs[name])
            if answer.get("code") != expected:
                wrong.append((name, who, answer.get("code", "done"), expected))
    assert wrong == []


@pytest.mark.parametrize("who", ["annotator", "admin", "manager", "owner", "staff"])
async def test_everybody_does_what_the_matrix_says(change, people, inputs, who):
    wrong = []
    last = ["removeClassificationProjectCollection", "deleteClassificationProject", "deleteClassificator"]
    order = [*(name for name in inputs if name not in last), *last]
    for name in order:
        if MATRIX[name][WHO.index(who)] == "done":
            answer = await change(name, viewer=people[who], **inputs[name])
            if "code" in answer:
                wrong.append((name, answer))
    assert wrong == []


async def test_feedback_and_undo_are_for_whom_the_matrix_says(change, refuse, database, people, owner):
    at = await season(database, owner.id)
    await joined(database, at, people["viewer"].id, None, ResearchProjectRole.VIEWER)
    await joined(database, at, people["annotator"].id)
    await joined(database, at, people["admin"].id, ClassificationProjectRole.ADMIN)
    await joined(database, at, people["manager"].id, None, ResearchProjectRole.MANAGER)
    row = ids.encode_key(Classification, await by_ai(database, at, 0, seen(at.fox)))
    project = {"classificationProjectId": ids.encode(at.project)}
    bulk = await change("approveClassifications", viewer=owner, **project, ids=[row])
    given = {"id": row, "observations": [{"observationType": "HUMAN"}]}
    people = {who: person for who, person in people.items() if who != "former"}
    for who, person in people.items():
        expected = MATRIX["giveClassificationFeedback"][WHO.index(who)]
        answer = await (change if expected == "done" else refuse)("giveClassificationFeedback", viewer=person, **given)
        assert answer.get("code", "done") == expected, who
        feedback = answer.get("id", ids.encode(await final(database, at)))
    for who, person in people.items():
        for name, input in (
            ("acceptClassificationFeedback", {"id": feedback, "expectedVersion": 99}),
            ("revertBulkApproval", {"id": bulk["id"]}),
        ):
            if (expected := MATRIX[name][WHO.index(who)]) != "done":
                assert (await refuse(name, viewer=person, **input))["code"] == expected, (name, who)
    assert "code" not in await change("revertBulkApproval", viewer=people["admin"], id=bulk["id"])


@pytest.mark.parametrize("name", ["classifications", "classificationProjects"])
async def test_only_members_of_the_research_project_see_them(ask, database, people, inputs, name):
    for who, sees in zip(WHO, (False, False, True, True, False, True, True, True, True), strict=True):
        answer = await ask(f"{{ {name} {{ totalCount }} }}", viewer=people[who])
        assert (answer[name]["totalCount"] > 0) is sees, who
