"""Many classifications are approved at once: counted before, with a result for each, and undone."""

import asyncio

import pytest

from app.models.wildlife.classifications import Classification
from app.services.wildlife.classifications.approvals import bulk, bulk_approvals
from resolvers import ids
from tests.wildlife.classifying import Season, ai_provider, by_ai, by_person, final, joined, season, seen

ITEMS = "approvedCount skippedCount items(first: 100, orderBy: OLDEST) { nodes { outcome classification { id } } }"
PREVIEW = """query ($project: ID!, $filter: ClassificationFilter, $ids: [ID!], $confidence: Float, $exclude: [ID!]) {
    bulkApprovalPreview(classificationProjectId: $project, filter: $filter, ids: $ids, minimumConfidence: $confidence,
        excludeSpecies: $exclude) {
        approvable outcomes { outcome count } species { observationType media individuals } } }"""


@pytest.fixture
async def at(database, owner, other, monkeypatch) -> Season:
    """Five media: a sure fox, an unsure fox, a deer, one with two models' rows, one without any.

    No statement is about more than two of them.
    """
    monkeypatch.setattr(bulk, "PAGE", 2)
    monkeypatch.setattr(bulk_approvals, "BATCH", 2)
    made = await season(database, owner.id, media=5)
    await joined(database, made, other.id)
    for number, species, confidence in (
        (0, made.fox, 0.9),
        (1, made.fox, 0.4),
        (2, made.deer, 0.95),
        (3, made.fox, 0.9),
    ):
        await by_ai(database, made, number, seen(species, classification_confidence=confidence))
    second = await ai_provider(database, owner.id, "Second opinion")
    await by_ai(database, made, 3, seen(made.deer, classification_confidence=0.99), provider=second)
    return made


def outcomes(approval) -> list[str]:
    return [each["outcome"] for each in approval["items"]["nodes"]]


async def approved(database, at: Season) -> list[bool]:
    return [(await final(database, at, number)).is_approved for number in range(5)]


async def test_a_preview_counts_by_species_and_changes_nothing(ask, unchanged, owner, at):
    given = {"project": ids.encode(at.project), "filter": {}, "confidence": 0.5, "exclude": [ids.encode(at.deer)]}
    async with unchanged():
        answer = await ask(PREVIEW, viewer=owner, **given)
    assert answer["bulkApprovalPreview"] == {
        "approvable": 1,
        "outcomes": [
            {"outcome": "APPROVED", "count": 1},
            {"outcome": "AMBIGUOUS", "count": 1},
            {"outcome": "BELOW_CONFIDENCE", "count": 1},
            {"outcome": "EXCLUDED_SPECIES", "count": 1},
            {"outcome": "NOTHING_TO_APPROVE", "count": 1},
        ],
        "species": [{"observationType": "ANIMAL", "media": 1, "individuals": 1}],
    }


async def test_each_medium_has_a_result(change, database, owner, at):
    where = {"classificationProjectId": ids.encode(at.project)}
    bulk = await change(
        "approveClassifications",
        ITEMS,
        viewer=owner,
        **where,
        filter={},
        minimumConfidence=0.5,
        excludeSpecies=[ids.encode(at.deer)],
    )
    assert (bulk["approvedCount"], bulk["skippedCount"]) == (1, 4)
    assert outcomes(bulk) == ["APPROVED", "BELOW_CONFIDENCE", "EXCLUDED_SPECIES", "AMBIGUOUS", "NOTHING_TO_APPROVE"]
    assert await approved(database, at) == [True, False, False, False, False]
    again = await change("approveClassifications", ITEMS, viewer=owner, **where, filter={})
    assert outcomes(again) == ["ALREADY_APPROVED", "APPROVED", "APPROVED", "AMBIGUOUS", "NOTHING_TO_APPROVE"]


async def test_a_filter_by_provider_or_type_chooses_among_several_rows(change, database, owner, other, at):
    where = {"classificationProjectId": ids.encode(at.project)}
    mine = {"aiProviderId": ids.encode(at.provider)}
    bulk = await change("approveClassifications", ITEMS, viewer=owner, **where, filter=mine)
    assert outcomes(bulk) == ["APPROVED"] * 4
    await change("revertBulkApproval", viewer=owner, id=bulk["id"])
    said = await by_person(database, at, 4, other.id, seen(at.fox))
    bulk = await change("approveClassifications", ITEMS, viewer=owner, **where, filter={"classificationType": "USER"})
    named = ids.encode_key(Classification, said.id)
    assert bulk["items"]["nodes"] == [{"outcome": "APPROVED", "classification": {"id": named}}]


async def test_no_more_than_the_limit_are_approved(change, database, owner, at):
    where = {"classificationProjectId": ids.encode(at.project)}
    bulk = await change("approveClassifications", ITEMS, viewer=owner, **where, filter={}, limit=2)
    assert outcomes(bulk) == ["APPROVED", "APPROVED"]
    assert await approved(database, at) == [True, True, False, False, False]


async def test_rows_are_approved_by_their_ids(change, refuse, database, owner, other, at):
    where = {"classificationProjectId": ids.encode(at.project)}
    said = await by_person(database, at, 0, other.id, seen(at.deer))
    ai = await by_ai(database, at, 0, seen(at.fox))
    both = [ids.encode_key(Classification, id) for id in (said.id, ai)]
    refused = await refuse("approveClassifications", viewer=owner, **where, ids=both)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "ids")
    bulk = await change("approveClassifications", ITEMS, viewer=owner, **where, ids=both[:1])
    assert outcomes(bulk) == ["APPROVED"]
    bulk = await change("approveClassifications", ITEMS, viewer=owner, **where, ids=both[1:])
    assert outcomes(bulk) == ["APPROVED_OTHERWISE"]
    final_id = ids.encode(await final(database, at))
    refused = await refuse("approveClassifications", viewer=owner, **where, ids=[final_id])
    assert refused["field"] == "ids[0]"


WRONG = [
    ({}, "filter"),
    ({"filter": {}, "ids": []}, "filter"),
    ({"ids": []}, "ids"),
    ({"filter": {}, "limit": 0}, "limit"),
    ({"filter": {}, "limit": 10_001}, "limit"),
    ({"filter": {}, "minimumConfidence": 2}, "minimumConfidence"),
    ({"filter": {"confidenceMin": -1}}, "confidenceMin"),
    ({"filter": {"classificationType": "FEEDBACK"}}, "filter.classificationType"),
]


@pytest.mark.parametrize(("given", "field"), WRONG, ids=lambda value: str(value)[:40])
async def test_what_cannot_be_meant_is_refused(refuse, owner, at, given, field):
    refused = await refuse(
        "approveClassifications", viewer=owner, classificationProjectId=ids.encode(at.project), **given
    )
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_it_is_undone_while_nothing_was_approved_over_it(change, refuse, database, owner, other, at):
    where = {"classificationProjectId": ids.encode(at.project)}
    bulk = await change("approveClassifications", ITEMS, viewer=owner, **where, filter={})
    assert await approved(database, at) == [True, True, True, False, False]
    said = await by_person(database, at, 1, other.id, seen(at.deer))
    now = await final(database, at, 1)
    row = ids.encode_key(Classification, said.id)
    over = await change("approveClassification", "version", viewer=owner, id=row, expectedVersion=now.version)
    refused = await refuse("revertBulkApproval", viewer=owner, id=bulk["id"])
    assert refused["code"] == "CONFLICT"
    assert refused["message"].startswith("1 of these media were approved anew")
    await change("unapproveClassification", viewer=owner, id=row, expectedVersion=over["version"])
    undone = await change("revertBulkApproval", "revertedAt revertedBy { username }", viewer=owner, id=bulk["id"])
    assert undone["revertedBy"] == {"username": "owner"}
    assert await approved(database, at) == [False] * 5
    again = await change("revertBulkApproval", "revertedAt", viewer=owner, id=bulk["id"])
    assert again["revertedAt"] == undone["revertedAt"]


async def test_an_annotator_may_not(refuse, other, at):
    where = {"classificationProjectId": ids.encode(at.project)}
    assert (await refuse("approveClassifications", viewer=other, **where, filter={}))["code"] == "FORBIDDEN"


async def test_two_at_once_approve_each_medium_once(change, database, owner, at):
    where = {"classificationProjectId": ids.encode(at.project)}
    answers = await asyncio.gather(
        *(change("approveClassifications", ITEMS, viewer=owner, **where, filter={}) for _ in range(2))
    )
    assert sorted(each["approvedCount"] for each in answers) == [0, 3]
    assert [(await final(database, at, number)).version for number in range(3)] == [2, 2, 2]
