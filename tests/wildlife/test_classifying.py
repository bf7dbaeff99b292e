"""People classify, give feedback and approve: each step of the workflow, and each refusal, which changes nothing."""

import asyncio

import pytest
from sqlalchemy import select

from app.models.wildlife.approvals import ClassificationApproval
from app.models.wildlife.classification_projects import (
    ClassificationProject,
    ClassificationProjectStatus,
)
from app.models.wildlife.classifications import Classification
from resolvers import ids
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import (
    BLANK,
    BOX,
    Season,
    attribute,
    by_ai,
    by_person,
    classificator,
    final,
    joined,
    row,
    season,
    seen,
)

FIELDS = """classificationType version isApproved isBlank isSetup isGoldStandard isClassified isClassifiedAi hasFeedback
    disagrees needsReview user { username } approvedBy { username }
    sourceClassification { id } finalClassification { id version }"""
APPROVE = """mutation ($id: ID!, $version: Int!) {
    approveClassification(input: {id: $id, expectedVersion: $version}) {
        __typename ... on StaleClassification { code message present { id version isApproved } } } }"""


@pytest.fixture
async def at(database, owner, other) -> Season:
    made = await season(database, owner.id)
    await joined(database, made, other.id)
    return made


def animal(at: Season, **fields):
    return {"observationType": "ANIMAL", "speciesId": ids.encode(at.fox), "bboxes": BOX, **fields}


def about(at: Season, number: int = 0, **said):
    where = {
        "classificationProjectId": ids.encode(at.project),
        "resourceId": ids.encode(at.resources[number]),
    }
    return where | {"observations": [animal(at)], **said}


def named(id: int) -> str:
    return ids.encode_key(Classification, id)


async def test_a_member_says_what_is_there(ask, change, database, other, at):
    made = await change("classify", FIELDS, viewer=other, **about(at, comments=" A vixen "))
    assert (made["classificationType"], made["user"], made["isBlank"]) == ("USER", {"username": "other"}, False)
    now = await final(database, at)
    assert made["finalClassification"] == {"id": named(now.id), "version": 1}
    assert (now.is_classified, now.needs_review, now.is_approved) == (True, True, False)
    again = await change("classify", FIELDS, viewer=other, **about(at, observations=[], isBlank=True))
    assert (again["id"], again["isBlank"], again["finalClassification"]["version"]) == (made["id"], True, 2)
    document = """query ($id: ID!) { classification(id: $id) { comments dynamicAttrs { totalCount }
        finalClassification { observations { totalCount } candidates { nodes { id } } } } }"""
    found = await ask(document, viewer=other, id=made["id"])
    assert found["classification"] == {
        "comments": None,
        "dynamicAttrs": {"totalCount": 0},
        "finalClassification": {"observations": {"totalCount": 0}, "candidates": {"nodes": [{"id": made["id"]}]}},
    }


WRONG = [
    ({"count": 0}, "observations[0].count"),
    ({"countNew": -1}, "observations[0].countNew"),
    ({"bboxes": [0.5, 0.5, 0.6, 0.1]}, "observations[0].bboxes"),
    ({"bboxes": [0.5, 0.5, 0, 0.1]}, "observations[0].bboxes"),
    ({"bboxes": [-0.1, 0, 0.5, 0.1]}, "observations[0].bboxes"),
    ({"bboxes": [0.5, 0.5, 0.1]}, "observations[0].bboxes"),
    ({"observationLevel": "GROUP"}, "observations[0].bboxes"),
    ({"observationLevel": "GROUP", "bboxes": None, "individualId": "M1"}, "observations[0].individualId"),
    ({"classificationConfidence": 1.1}, "observations[0].classificationConfidence"),
    ({"distance": -1}, "observations[0].distance"),
    ({"firstFrameIndex": -1}, "observations[0].firstFrameIndex"),
    ({"observationType": "BLANK"}, "observations[0].speciesId"),
    ({"attrs": {"antlers": True}}, "observations[0].attrs"),
    ({"attrs": []}, "observations[0].attrs"),
    ({"attrConfidence": {"species": 2}}, "observations[0].attrConfidence.species"),
    ({"individualId": "x" * 101}, "observations[0].individualId"),
]


@pytest.mark.parametrize(("value", "field"), WRONG, ids=lambda value: str(value)[:40])
async def test_a_wrong_value_is_named_and_nothing_is_said(refuse, other, at, value, field):
    refused = await refuse("classify", viewer=other, **about(at, observations=[animal(at, **value)]))
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_a_blank_medium_shows_nothing(refuse, other, at):
    refused = await refuse("classify", viewer=other, **about(at, isBlank=True))
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "isBlank")


async def test_attributes_follow_the_classificator(change, refuse, database, owner, other, at):
    form = {
        "antlers": attribute("INTEGER"),
        "coat": attribute(values=["red", "grey"], required=True),
        "weather": attribute(target="STATIC"),
    }
    rules = await classificator(database, owner.id, predefined={"SEX": {"required": True, "values": []}}, custom=form)
    await change(
        "updateClassificationProject", viewer=owner, id=ids.encode(at.project), classificatorId=ids.encode(rules)
    )
    for attrs, field in [
        ({"coat": "red", "antlers": "many"}, "observations[0].attrs.antlers"),
        ({"coat": "red", "antlers": True}, "observations[0].attrs.antlers"),
        ({"coat": "blue"}, "observations[0].attrs.coat"),
        ({"weather": "rain", "coat": "red"}, "observations[0].attrs"),
        ({}, "observations[0].attrs"),
    ]:
        refused = await refuse(
            "classify", viewer=other, **about(at, observations=[animal(at, sex="MALE", attrs=attrs)])
        )
        assert refused["field"] == field
    refused = await refuse("classify", viewer=other, **about(at, observations=[animal(at, attrs={"coat": "red"})]))
    assert refused["field"] == "observations[0].sex"
    fits = animal(at, sex="MALE", attrs={"coat": "red", "antlers": 8})
    made = await change(
        "classify",
        "staticAttrs classificatorVersion { number } dynamicAttrs { nodes { attrs sex } }",
        viewer=other,
        **about(at, observations=[fits], staticAttrs={"weather": "rain"}),
    )
    assert made["staticAttrs"] == {"weather": "rain"}
    assert made["dynamicAttrs"]["nodes"] == [{"attrs": {"coat": "red", "antlers": 8}, "sex": "MALE"}]
    await change("updateClassificator", viewer=owner, id=ids.encode(rules), form={"customAttrs": []})
    refused = await refuse("classify", viewer=other, **about(at, 1, observations=[fits]))
    assert refused["field"] == "observations[0].attrs"
    assert (await row(database, ids.key(made["id"], Classification))).classificator_version_id is not None


async def test_an_admin_approves_once_and_again_changes_nothing(change, database, owner, other, at):
    said = await by_person(database, at, 0, other.id, seen(at.fox))
    approved = await change("approveClassification", FIELDS, viewer=owner, id=named(said.id), expectedVersion=1)
    assert (approved["classificationType"], approved["isApproved"], approved["version"]) == ("FINAL", True, 2)
    assert (approved["sourceClassification"], approved["approvedBy"]) == ({"id": named(said.id)}, {"username": "owner"})
    again = await change("approveClassification", FIELDS, viewer=owner, id=named(said.id), expectedVersion=1)
    assert again == approved
    async with database.reading() as session:
        assert len((await session.scalars(select(ClassificationApproval))).all()) == 1


async def test_who_looked_at_an_old_version_is_shown_the_present(ask, database, owner, other, at):
    said = await by_person(database, at, 0, other.id, seen(at.fox))
    await by_person(database, at, 0, other.id, seen(at.deer))
    now = await final(database, at)
    assert now.version == 2
    answer = await ask(APPROVE, viewer=owner, id=named(said.id), version=1)
    refused = answer["approveClassification"]
    assert refused["__typename"] == "StaleClassification"
    assert refused["present"] == {"id": named(now.id), "version": 2, "isApproved": False}
    assert refused["code"] == "CONFLICT"
    assert "its version is 2 now" in refused["message"]
    assert (await final(database, at)).is_approved is False


async def test_two_who_approve_at_the_same_time_do_not_overwrite_each_other(change, database, owner, other, at):
    ai = await by_ai(database, at, 0, seen(at.deer))
    said = await by_person(database, at, 0, other.id, seen(at.fox))
    version = (await final(database, at)).version
    answers = await asyncio.gather(
        *(
            change("approveClassification", FIELDS, viewer=owner, id=named(id), expectedVersion=version)
            for id in (ai, said.id)
        )
    )
    assert sorted(each["__typename"] for each in answers) == ["Classification", "StaleClassification"]


async def test_an_approval_is_taken_back_and_the_rows_stay(change, database, owner, other, at):
    said = await by_person(database, at, 0, other.id, seen(at.fox))
    approved = await change("approveClassification", FIELDS, viewer=owner, id=named(said.id), expectedVersion=1)
    undone = await change("unapproveClassification", FIELDS, viewer=owner, id=approved["id"], expectedVersion=2)
    assert (undone["isApproved"], undone["sourceClassification"], undone["approvedBy"]) == (False, None, None)
    assert undone["needsReview"]
    again = await change("unapproveClassification", FIELDS, viewer=owner, id=approved["id"], expectedVersion=2)
    assert again == undone
    assert (await row(database, said.id)).superseded_at is None


async def test_feedback_changes_nothing_until_it_is_accepted(change, refuse, database, owner, other, at):
    refused = await refuse(
        "giveClassificationFeedback", viewer=other, id=named((await final(database, at)).id), observations=[animal(at)]
    )
    assert refused["code"] == "CONFLICT"
    ai = await by_ai(database, at, 0, seen(at.deer))
    approved = await change("approveClassification", FIELDS, viewer=owner, id=named(ai), expectedVersion=1)
    given = await change(
        "giveClassificationFeedback", FIELDS, viewer=other, id=approved["id"], observations=[animal(at)]
    )
    assert (given["classificationType"], given["sourceClassification"]["id"]) == ("FEEDBACK", named(ai))
    now = await final(database, at)
    assert (now.source_id, now.has_feedback, now.needs_review) == (ai, True, True)
    twice = await change(
        "giveClassificationFeedback", FIELDS, viewer=other, id=approved["id"], observations=[animal(at, count=2)]
    )
    assert twice["id"] == given["id"]
    taken = await change(
        "acceptClassificationFeedback",
        f"{FIELDS} observations {{ nodes {{ count classification {{ classificationType user {{ username }} }} }} }}",
        viewer=owner,
        id=given["id"],
        expectedVersion=(await final(database, at)).version,
    )
    assert (taken["isApproved"], taken["hasFeedback"], taken["needsReview"]) == (True, False, False)
    assert taken["observations"]["nodes"] == [
        {"count": 2, "classification": {"classificationType": "USER", "user": {"username": "other"}}}
    ]
    refused = await refuse(
        "acceptClassificationFeedback", viewer=owner, id=given["id"], expectedVersion=taken["version"]
    )
    assert refused["code"] == "CONFLICT"


async def test_feedback_on_what_is_not_approved_any_more_is_stale(change, refuse, database, owner, other, at):
    ai = await by_ai(database, at, 0, seen(at.deer))
    approved = await change("approveClassification", FIELDS, viewer=owner, id=named(ai), expectedVersion=1)
    given = await change(
        "giveClassificationFeedback", FIELDS, viewer=other, id=approved["id"], observations=[animal(at)]
    )
    undone = await change("unapproveClassification", FIELDS, viewer=owner, id=approved["id"], expectedVersion=2)
    assert (undone["hasFeedback"], undone["needsReview"]) == (False, False)
    refused = await refuse("acceptClassificationFeedback", viewer=owner, id=given["id"], expectedVersion=3)
    assert refused["code"] == "CONFLICT"


async def test_a_person_who_changes_their_approved_row_gives_feedback(change, database, owner, other, at):
    said = await by_person(database, at, 0, other.id, seen(at.fox))
    await change("approveClassification", viewer=owner, id=named(said.id), expectedVersion=1)
    changed = await change("classify", FIELDS, viewer=other, **about(at, observations=[animal(at, count=3)]))
    assert (changed["classificationType"], changed["sourceClassification"]["id"]) == ("FEEDBACK", named(said.id))
    assert (await final(database, at)).source_id == said.id


async def test_an_admin_who_changes_their_approved_row_approves_a_new_one(change, database, owner, at):
    said = await by_person(database, at, 0, owner.id, seen(at.fox))
    await change("approveClassification", viewer=owner, id=named(said.id), expectedVersion=1)
    changed = await change("classify", FIELDS, viewer=owner, **about(at, observations=[animal(at, count=3)]))
    assert changed["classificationType"] == "USER"
    assert changed["id"] != named(said.id)
    now = await final(database, at)
    assert (named(now.source_id), now.version) == (changed["id"], 3)
    assert (await row(database, said.id)).superseded_at is not None


async def test_ai_never_changes_what_is_approved(change, database, owner, at):
    ai = await by_ai(database, at, 0, seen(at.deer))
    assert await by_ai(database, at, 0, seen(at.fox)) == ai
    version = (await final(database, at)).version
    await change("approveClassification", viewer=owner, id=named(ai), expectedVersion=version)
    newer = await by_ai(database, at, 0, seen(at.deer))
    assert newer != ai
    now = await final(database, at)
    assert (now.source_id, now.version) == (ai, version + 1)
    assert (await row(database, ai)).superseded_at is not None


async def test_marks_are_set_one_by_one(change, refuse, database, owner, other, at):
    ai = await by_ai(database, at, 0, seen(at.deer))
    said = await by_person(database, at, 1, other.id, seen(at.fox))
    for number, id in ((0, ai), (1, said.id)):
        version = (await final(database, at, number)).version
        await change("approveClassification", viewer=owner, id=named(id), expectedVersion=version)
    finals = [named((await final(database, at, number)).id) for number in range(3)]
    items = "items { outcome reason classification { id isBlank isSetup isGoldStandard } }"
    gold = await change("markClassifications", items, viewer=owner, ids=finals, isGoldStandard=True)
    assert [each["outcome"] for each in gold["items"]] == ["REFUSED", "DONE", "REFUSED"]
    blank = await change("markClassifications", items, viewer=owner, ids=finals, isBlank=True)
    assert [each["outcome"] for each in blank["items"]] == ["REFUSED", "REFUSED", "DONE"]
    setup = await change("markClassifications", items, viewer=owner, ids=finals[:1], isSetup=True)
    assert setup["items"][0]["classification"]["isSetup"]
    twice = await change("markClassifications", items, viewer=owner, ids=finals[:1], isSetup=True)
    assert twice["items"][0]["outcome"] == "UNCHANGED"
    assert (await refuse("markClassifications", viewer=owner, ids=finals))["field"] == "isBlank"
    assert (await refuse("markClassifications", viewer=owner, ids=[], isBlank=True))["field"] == "ids"
    version = (await final(database, at, 1)).version
    await change("unapproveClassification", viewer=owner, id=finals[1], expectedVersion=version)
    assert (await final(database, at, 1)).is_gold_standard is False


async def test_approval_copies_what_the_row_says(change, database, owner, other, at):
    said = await by_person(database, at, 0, other.id, seen(kind=BLANK), is_setup=True)
    approved = await change("approveClassification", FIELDS, viewer=owner, id=named(said.id), expectedVersion=1)
    assert (approved["isBlank"], approved["isSetup"]) == (True, True)


async def test_a_sequence_is_classified_at_once(change, refuse, database, other, at):
    sequence = await wildlife.sequence(database, at.deployment)
    async with database.writing() as session:
        for each in at.resources[:2]:
            session.add(each)
            each.sequence_id = sequence.id
    group = {"observationType": "ANIMAL", "observationLevel": "GROUP", "count": 5, "speciesId": ids.encode(at.fox)}
    where = {"classificationProjectId": ids.encode(at.project), "sequenceId": ids.encode(sequence)}
    made = await change(
        "classifySequence",
        "items { outcome classification { user { username } dynamicAttrs { nodes { count } } } }",
        viewer=other,
        **where,
        observations=[group],
    )
    assert (
        made["items"]
        == [
            {
                "outcome": "DONE",
                "classification": {"user": {"username": "other"}, "dynamicAttrs": {"nodes": [{"count": 5}]}},
            }
        ]
        * 2
    )
    empty = await wildlife.sequence(database, at.deployment)
    refused = await refuse(
        "classifySequence", viewer=other, **where | {"sequenceId": ids.encode(empty)}, observations=[]
    )
    assert refused["field"] == "sequenceId"


async def test_nobody_works_in_a_finished_project(change, refuse, database, owner, other, at):
    said = await by_person(database, at, 0, other.id, seen(at.fox))
    await change("updateClassificationProject", viewer=owner, id=ids.encode(at.project), status="FINISHED")
    refused = await refuse("approveClassification", viewer=owner, id=named(said.id), expectedVersion=1)
    assert refused["code"] == "CONFLICT"
    assert (await refuse("classify", viewer=other, **about(at)))["code"] == "CONFLICT"


async def test_a_project_with_approved_classifications_is_only_disabled(change, database, owner, other, at):
    said = await by_person(database, at, 0, other.id, seen(at.fox))
    await change("approveClassification", viewer=owner, id=named(said.id), expectedVersion=1)
    await change("deleteClassificationProject", viewer=owner, id=ids.encode(at.project))
    async with database.reading() as session:
        kept = await session.get_one(ClassificationProject, at.project.id)
    assert (kept.disabled_by_id, kept.status) == (owner.id, ClassificationProjectStatus.FINISHED)
    assert (await final(database, at)).is_approved


async def test_a_project_without_approved_ones_is_deleted(change, database, owner, other, at):
    await by_person(database, at, 0, other.id, seen(at.fox))
    await change("deleteClassificationProject", viewer=owner, id=ids.encode(at.project))
    async with database.reading() as session:
        assert await session.get(ClassificationProject, at.project.id) is None
        assert (await session.scalars(select(Classification))).all() == []
