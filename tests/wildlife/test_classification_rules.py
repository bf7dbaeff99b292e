"""PostgreSQL keeps the rules of classifications: each is attacked with plain SQL, as a script could."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from app.operations.database.migrate import plain_url
from app.policies import Viewer
from app.services.wildlife.classifications.approvals import approving, feedback
from app.services.wildlife.classifications.classifying import Content
from app.settings import settings
from tests.wildlife import factories as wildlife
from tests.wildlife.claims import broken
from tests.wildlife.classifying import (
    BLANK,
    Season,
    by_ai,
    by_person,
    classification_project,
    final,
    joined,
    linked,
    season,
    seen,
)

Run = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
async def at(database, owner, other) -> Season:
    made = await season(database, owner.id)
    await joined(database, made, other.id)
    return made


@pytest.fixture
def connection(database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(plain_url(str(settings.database_url)), autocommit=True) as connection:
        yield connection


@pytest.fixture
def sql(connection) -> Run:
    """Runs a statement as the application's role may."""

    def run(statement: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
async def rows(database, owner, other, at) -> dict[str, int]:
    """Of the first medium a FINAL approved from `user`, with `ai` and `feedback`; of the second one with `ai2`."""
    ai = await by_ai(database, at, 0, seen(at.fox))
    user = await by_person(database, at, 0, other.id, seen(at.deer))
    ai2 = await by_ai(database, at, 1, seen(at.fox))
    blank = await by_person(database, at, 2, other.id, seen(kind=BLANK))
    async with database.writing() as session:
        await approving.approve_classification(session, Viewer(owner.id), user.id, expected_version=1)
    async with database.writing() as session:
        said = Content([seen(at.fox)])
        given = await feedback.give_feedback(session, Viewer(owner.id), user.id, content=said)
    finals = {f"final{number}": (await final(database, at, number)).id for number in range(3)}
    keys = {"ai": ai, "user": user.id, "ai2": ai2, "blank": blank.id, "feedback": given.id}
    people = {"owner": owner.id, "other": other.id, "model": at.provider.id, "fox": at.fox.id}
    places = {"project": at.project.id, "research": at.research.id, "medium": at.resources[0].id}
    return finals | keys | people | places | {"medium2": at.resources[1].id}


NEW = "INSERT INTO classifications (project_id, research_project_id, resource_id, classification_type, {}) VALUES "
NEW += "({project}, {research}, {medium}, {})"
ATTR = "INSERT INTO classification_attrs (classification_id, project_id, resource_id, observation_type, {}) "
ATTR += "VALUES ({ai2}, {project}, {medium2}, 'ANIMAL', {})"
ANIMAL_ON = "INSERT INTO classification_attrs (classification_id, project_id, resource_id, observation_type) "
ANIMAL_ON += "SELECT id, project_id, resource_id, 'ANIMAL' FROM classifications WHERE id = "
ON_ATTR = "UPDATE classification_attrs SET {} WHERE classification_id = "


def new(columns: str, values: str) -> str:
    return NEW.replace("{}", columns, 1).replace("{}", values, 1)


def attr(columns: str, values: str) -> str:
    return ATTR.replace("{}", columns, 1).replace("{}", values, 1)


ATTACKS = {
    "a second FINAL": (new("version", "'FINAL', 1"), "uq_classifications_final"),
    "AI without a model": (new("final_id", "'AI', {final0}"), "ck_classifications_model"),
    "a person with a model": (
        new("final_id, user_id, model_id", "'USER', {final0}, {owner}, {model}"),
        "ck_classifications_model",
    ),
    "a USER row of nobody": (new("final_id", "'USER', {final0}"), "ck_classifications_user"),
    "a USER row without a FINAL": (new("user_id", "'USER', {owner}"), "ck_classifications_final"),
    "a FINAL of another medium": (new("final_id, user_id", "'USER', {final1}, {owner}"), "fk_classifications_final"),
    "a FINAL that is none": (new("final_id, user_id", "'USER', {ai}, {owner}"), "classification_final"),
    "a second row of a person": (new("final_id, user_id", "'USER', {final0}, {other}"), "uq_classifications_user"),
    "a second row of a model": (new("final_id, model_id", "'AI', {final0}, {model}"), "uq_classifications_ai"),
    "a second feedback": (
        new("final_id, user_id, source_id", "'FEEDBACK', {final0}, {owner}, {user}"),
        "uq_classifications_feedback",
    ),
    "feedback on nothing": (new("final_id, user_id", "'FEEDBACK', {final0}, {owner}"), "ck_classifications_source"),
    "feedback on feedback": (
        new("final_id, user_id, source_id", "'FEEDBACK', {final0}, {other}, {feedback}"),
        "classification_source",
    ),
    "AI from a source": (
        "UPDATE classifications SET source_id = {user} WHERE id = {ai}",
        "ck_classifications_source",
    ),
    "frames of a FINAL": (
        "UPDATE classifications SET frames_sha256 = repeat('0', 64) WHERE id = {final0}",
        "ck_classifications_frames",
    ),
    "approved without a source": (
        "UPDATE classifications SET is_approved = true, approved_at = now() WHERE id = {final1}",
        "ck_classifications_approved",
    ),
    "a source that is not approved": (
        "UPDATE classifications SET source_id = {ai2} WHERE id = {final1}",
        "ck_classifications_approved",
    ),
    "an approved USER row": (
        "UPDATE classifications SET is_approved = true, approved_at = now() WHERE id = {user}",
        "ck_classifications_approved",
    ),
    "approved at no time": (
        "UPDATE classifications SET source_id = {ai2}, is_approved = true WHERE id = {final1}",
        "ck_classifications_approved_at",
    ),
    "approved from feedback": (
        "UPDATE classifications SET source_id = {feedback} WHERE id = {final0}",
        "classification_source",
    ),
    "approved from another medium": (
        "UPDATE classifications SET source_id = {ai2} WHERE id = {final0}",
        "fk_classifications_source",
    ),
    "approved from itself": (
        "UPDATE classifications SET source_id = {final0} WHERE id = {final0}",
        "ck_classifications_not_itself",
    ),
    "gold that is not approved": (
        "UPDATE classifications SET is_gold_standard = true WHERE id = {final1}",
        "ck_classifications_gold_standard",
    ),
    "gold from AI": (
        "UPDATE classifications SET source_id = {ai}, is_gold_standard = true WHERE id = {final0}",
        "classification_gold_standard",
    ),
    "blank with an animal": (
        "UPDATE classifications SET is_blank = true WHERE id = {ai2}",
        "classification_blank",
    ),
    "an approved animal that is blank": (
        "UPDATE classifications SET is_blank = true WHERE id = {final0}",
        "classification_blank",
    ),
    "an animal on a blank": (
        ANIMAL_ON + "{blank}",
        "classification_blank",
    ),
    "an animal on a FINAL": (
        ANIMAL_ON + "{final1}",
        "classification_final_attrs",
    ),
    "an observation of another medium": (
        ATTR.replace(", {}", "").replace("{medium2}", "{medium}"),
        "fk_classification_attrs_classification",
    ),
    "a changed approved row": (
        "UPDATE classifications SET is_setup = true WHERE id = {user}",
        "classification_approved",
    ),
    "a changed approved observation": (ON_ATTR.replace("{}", "count = 2") + "{user}", "classification_approved"),
    "an observation more of an approved row": (
        ANIMAL_ON + "{user}",
        "classification_approved",
    ),
    "a deleted approved observation": (
        "DELETE FROM classification_attrs WHERE classification_id = {user}",
        "classification_approved",
    ),
    "a deleted approved row": ("DELETE FROM classifications WHERE id = {user}", "fk_classifications_source"),
    "another type": (
        "UPDATE classifications SET classification_type = 'FEEDBACK' WHERE id = {blank}",
        "classification_identity",
    ),
    "another person": ("UPDATE classifications SET user_id = {owner} WHERE id = {blank}", "classification_identity"),
    "a flag of a FINAL on a row": (
        "UPDATE classifications SET disagrees = true WHERE id = {ai}",
        "ck_classifications_kept",
    ),
    "version 0": ("UPDATE classifications SET version = 0 WHERE id = {final0}", "ck_classifications_version"),
    "a group with a box": (
        attr("observation_level, bboxes", "'GROUP', '[0, 0, 1, 1]'"),
        "ck_classification_attrs_group_without_box",
    ),
    "a group that is an individual": (
        attr("observation_level, individual_id", "'GROUP', 'M1'"),
        "ck_classification_attrs_group_without_individual",
    ),
    "a group of nobody": (attr("observation_level, count", "'GROUP', 0"), "ck_classification_attrs_count"),
    "a count of 0": (attr("count", "0"), "ck_classification_attrs_count"),
    "a count below 0": (attr("count_new", "-1"), "ck_classification_attrs_count_new"),
    "a box outside": (attr("bboxes", "'[0.5, 0.5, 0.6, 0.1]'"), "ck_classification_attrs_box"),
    "a box without size": (attr("bboxes", "'[0.5, 0.5, 0, 0.1]'"), "ck_classification_attrs_box"),
    "a box of three": (attr("bboxes", "'[0.5, 0.5, 0.1]'"), "ck_classification_attrs_box"),
    "a box of words": (attr("bboxes", """'["0", "0", "1", "1"]'"""), "ck_classification_attrs_box"),
    "boxes of boxes": (attr("bboxes", "'[[0, 0, 1, 1]]'"), "ck_classification_attrs_box"),
    "a box that is an object": (attr("bboxes", """'{"x": 1}'"""), "ck_classification_attrs_box"),
    "a confidence above 1": (attr("classification_confidence", "1.1"), "ck_classification_attrs_confidence"),
    "no number": (attr("classification_confidence", "'NaN'"), "ck_classification_attrs_confidence"),
    "a frame before the first": (attr("first_frame_index", "-1"), "ck_classification_attrs_first_frame_index"),
    "an endless distance": (attr("distance", "'Infinity'"), "ck_classification_attrs_distance"),
    "attributes in a list": (attr("attrs", "'[]'"), "ck_classification_attrs_attrs"),
    "a blank with a species": (
        "UPDATE classification_attrs SET species_id = {fox} WHERE classification_id = {blank}",
        "ck_classification_attrs_blank_without_species",
    ),
    "a count of media below 0": (
        "UPDATE classification_project_collections SET approved_count = -1",
        "ck_classification_project_collections_counts",
    ),
}


async def test_each_rule_holds_against_plain_sql(connection, unchanged, rows):
    accepted = []
    async with unchanged():
        for name, (statement, rule) in ATTACKS.items():
            filled = statement
            for key, value in rows.items():
                filled = filled.replace(f"{{{key}}}", str(value))
            try:
                connection.execute(filled)
            except psycopg.errors.IntegrityError as refused:
                if refused.diag.constraint_name != rule:
                    accepted.append(f"{name}: {refused.diag.constraint_name} instead of {rule}")
            else:
                accepted.append(f"{name}: accepted")
    assert accepted == []


@pytest.mark.parametrize("nothing", ["NULL", "'null'", "'[]'"])
async def test_each_way_to_say_no_box_is_no_box(sql, rows, nothing):
    columns = "(classification_id, project_id, resource_id, observation_type, observation_level, bboxes)"
    values = f"({rows['ai2']}, {rows['project']}, {rows['medium2']}, 'ANIMAL', 'GROUP', {nothing})"
    [(kept,)] = sql(f"INSERT INTO classification_attrs {columns} VALUES {values} RETURNING bboxes IS NULL")
    assert kept is True


async def test_media_and_projects_of_different_research_projects_do_not_meet(database, owner, sql, at):
    elsewhere = await season(database, owner.id, media=1)
    values = f"({at.project.id}, {elsewhere.collection.id}, {at.research.id})"
    columns = "(project_id, collection_id, research_project_id)"
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        sql(f"INSERT INTO classification_project_collections {columns} VALUES {values}")
    columns = "(project_id, research_project_id, resource_id, classification_type)"
    values = f"({at.project.id}, {at.research.id}, {elsewhere.resources[0].id}, 'FINAL')"
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        sql(f"INSERT INTO classifications {columns} VALUES {values}")


async def test_every_medium_of_a_linked_collection_has_one_final(database, owner, sql, connection, at):
    finals = "SELECT resource_id FROM classifications WHERE classification_type = 'FINAL' ORDER BY 1"
    assert sql(finals) == [(each.id,) for each in at.resources]
    late = await wildlife.resource(database, at.research, "late.jpg", deployment_id=at.deployment.id)
    second = await wildlife.collection(database, at.research, "Second")
    await wildlife.put_into(database, second, late, at.resources[0])
    assert len(sql(finals)) == 3
    link = await linked(database, at.project, second)
    assert len(sql(finals)) == 4
    counts = "SELECT total_count FROM classification_project_collections ORDER BY id"
    assert sql(counts) == [(3,), (2,)]
    sql("DELETE FROM collection_resources WHERE resource_id = %s", late.id)
    assert len(sql(finals)) == 3
    await by_ai(database, at, 0, seen(at.fox))
    sql("DELETE FROM collection_resources WHERE resource_id = %s", at.resources[0].id)
    assert len(sql(finals)) == 3  # somebody has said something of it
    assert sql(counts) == [(2,), (0,)]
    sql("DELETE FROM classification_project_collections WHERE id <> %s", link.id)
    assert sql(finals) == [(at.resources[0].id,)]
    assert broken(connection) == {}


async def test_a_large_collection_is_filled_by_a_job(database, owner, sql, at, connection):
    another = await classification_project(database, at.research, name="Again")
    columns = "(project_id, collection_id, research_project_id, filled_at)"
    values = f"({another.id}, {at.collection.id}, {at.research.id}, NULL)"
    [(link,)] = sql(f"INSERT INTO classification_project_collections {columns} VALUES {values} RETURNING id")
    of_it = "SELECT count(*) FROM classifications WHERE project_id = %s"
    assert sql(of_it, another.id) == [(0,)]
    assert sql("SELECT fill_collection(%s, 2)", link) == [(2,)]
    late = await wildlife.resource(database, at.research, "late.jpg")
    await wildlife.put_into(database, at.collection, late)
    assert sql(of_it, another.id) == [(3,)]
    sql("UPDATE classification_project_collections SET filled_at = now() WHERE id = %s", link)
    assert sql(of_it, another.id) == [(4,)]
    assert broken(connection) == {}


async def test_a_medium_that_enters_while_its_collection_is_linked_gets_its_final(database, owner, sql, at, connection):
    another = await classification_project(database, at.research, name="Again")
    late = await wildlife.resource(database, at.research, "late.jpg")
    enter = "INSERT INTO collection_resources (collection_id, resource_id, research_project_id) VALUES (%s, %s, %s)"
    link = "INSERT INTO classification_project_collections (project_id, collection_id, research_project_id) VALUES "
    with psycopg.connect(plain_url(str(settings.database_url))) as entering:
        entering.execute(enter, [at.collection.id, late.id, at.research.id])
        linking = threading.Thread(
            target=sql, args=[link + "(%s, %s, %s)", another.id, at.collection.id, at.research.id]
        )
        linking.start()
        linking.join(0.3)
        assert linking.is_alive()  # it waits: otherwise neither side would see the other
        entering.commit()
        linking.join(10)
    finals = "SELECT count(*) FROM classifications WHERE classification_type = 'FINAL' AND resource_id = %s"
    assert sql(finals, late.id) == [(2,)]
    assert broken(connection) == {}


async def test_a_corrected_clock_moves_the_finals_along(sql, at):
    sql("UPDATE resources SET recorded_at = recorded_at + interval '1 hour', deployment_id = NULL")
    where = "SELECT bool_and(final.recorded_at = resources.recorded_at AND final.deployment_id IS NULL)"
    joined_ = "FROM classifications AS final JOIN resources ON resources.id = final.resource_id"
    assert sql(f"{where} {joined_}") == [(True,)]


async def test_a_deleted_medium_takes_all_along(sql, rows, connection, at):
    sql("DELETE FROM classification_project_collections WHERE project_id <> %s", at.project.id)
    sql("DELETE FROM resources WHERE id = %s", rows["medium"])
    assert sql("SELECT count(*) FROM classifications WHERE resource_id = %s", rows["medium"]) == [(0,)]
    assert sql("SELECT approved_count, resource_count FROM classification_projects") == [(0, 2)]
    assert broken(connection) == {}


async def test_ai_and_people_disagree_on_what_they_saw_and_not_on_how_exactly(database, owner, other, at):
    family = await wildlife.species(database, "Canidae")
    async with database.writing() as session:
        session.add(at.fox)
        at.fox.parent_id = family.id
    cases = [(seen(family), seen(at.fox), False), (seen(at.deer), seen(at.fox), True), (seen(kind=BLANK), seen(), True)]
    for number, (of_ai, of_person, disagree) in enumerate(cases):
        await by_ai(database, at, number, of_ai)
        await by_person(database, at, number, other.id, of_person)
        assert (await final(database, at, number)).disagrees is disagree


async def test_an_approval_and_a_change_of_the_approved_row_wait_for_each_other(database, owner, other, sql, at):
    said = await by_person(database, at, 0, other.id, seen(at.fox))
    refused: list[Exception] = []

    def change() -> None:
        try:
            sql("UPDATE classification_attrs SET count = 9 WHERE classification_id = %s", said.id)
        except psycopg.errors.CheckViolation as error:
            refused.append(error)

    async with database.writing() as session:
        await approving.approve_classification(session, Viewer(owner.id), said.id, expected_version=1)
        changing = threading.Thread(target=change)
        changing.start()
        changing.join(0.3)
        assert changing.is_alive()
    changing.join(10)
    assert [error.diag.constraint_name for error in refused] == ["classification_approved"]
