"""Pages of classifications, found in the order of the page by the index of what the filter asks.

A filter names some of many values: taxa, collections, deployments, people. The database has the FINALs of each value in
the order of their ids. So a page by age takes the first ones of each value, and of these the first. In other orders it
sorts the FINALs of the values if they are few, and otherwise scans all until the page is full. Without a project the
values are the projects of the viewer: no page walks past the media of others.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    String,
    and_,
    any_,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import aliased

from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectCollection
from app.models.wildlife.classifications import IN_COLLECTIONS, Classification, ClassificationType
from app.models.wildlife.collections import Collection, CollectionResource
from app.models.wildlife.deployments import Deployment
from app.pagination import Cut, merged
from app.services.wildlife.classifications import filters
from app.services.wildlife.classifications.filters import Attrs, Filter

FEW = 5_000
"""So many are sorted faster than a scan of all finds a page of them."""


@dataclass(frozen=True)
class Source:
    """Where the FINALs of some values are listed: a table, what a value has in it, and which FINAL a row is about."""

    values: Select[Any]
    table: Any
    final_id: Any
    has_value: Callable[[Any], ColumnElement[bool]]
    conditions: tuple[ColumnElement[bool], ...] = ()
    is_part: bool = False
    """Whether the FINALs of a value lie together: many, and yet perhaps none of those that a scan comes to first."""

    @property
    def key(self) -> Any:
        """What a page by age sorts by: found by a value, it is never null."""
        return SimpleNamespace(id=type_coerce(self.final_id, BigInteger))


Narrowed = tuple[list[Source], Filter] | None


def in_order(
    sought: Select[Classification], filter: Filter, projects: Select[ClassificationProject]
) -> Select[Classification]:
    """The classifications that are meant, of these projects, page by page as their indexes have them."""
    query = filters.filtered(sought, filter)
    if filter.classification_type is not ClassificationType.FINAL:
        return query
    if filter.needs_review or filter.disagreement or filter.feedback or filter.sequence_id or filter.resource_id:
        return query  # few, by an index of their own
    if filter.project_id is None:
        of_projects = _of(projects)
        return merged(query, lambda cut: _in_projects(of_projects, filter, cut), begun=sought)
    sources, rest = _sources(filter)
    if not sources:
        return query
    return merged(query, lambda cut: _on_page(sources, rest, filter, cut), begun=sought)


def _of(projects: Select[ClassificationProject]) -> Source:
    keys = projects.with_only_columns(ClassificationProject.id)
    return Source(keys, Classification, Classification.id, lambda key: Classification.project_id == key)


def _in_projects(source: Source, filter: Filter, cut: Cut) -> ColumnElement[bool]:
    if cut.order.column != "id":
        return and_(*filters.conditions(filter))  # an index of all media has them in the order
    return _on_page([source], filter, filter, cut)


def _on_page(sources: list[Source], rest: Filter, filter: Filter, cut: Cut) -> ColumnElement[bool]:
    by_age = cut.order.column == "id"
    if not by_age and sources[0].is_part:
        return and_(*filters.conditions(filter))
    pages = [_by_age(source, rest, cut) if by_age else _sorted_or_scanned(source, rest, cut) for source in sources]
    either = pages[0] if len(pages) == 1 else union_all(*[select(page.subquery().c.id) for page in pages])
    # As an array, so that whatever PostgreSQL expects of it, these rows alone are read.
    return Classification.id == any_(func.array(either.scalar_subquery()))


def _by_age(source: Source, rest: Filter, cut: Cut) -> Select[Any]:
    """The first ones of each value, but only of the values that come first: there may be thousands of taxa."""
    values = source.values.subquery("named")
    first = cut(_of_value(source, rest, values), source.key, limit=1).lateral("first")
    firsts = select(values.c.id.label("value"), first.c.id).join_from(values, first, true())
    ranked = cut(firsts, first.c).subquery("ranked")
    named = select(ranked.c.value.label("id")).subquery("first_named")
    part = cut(_of_value(source, rest, named), source.key).lateral("part")
    return cut(select(part.c.id).distinct().join_from(named, part, true()), part.c)


def _of_value(source: Source, rest: Filter, values: Any) -> Select[Any]:
    listed = select(source.final_id.label("id")).distinct().where(source.has_value(values.c.id), *source.conditions)
    if source.table is not Classification:
        listed = listed.join_from(source.table, Classification, Classification.id == source.final_id)
    return filters.filtered(listed, rest).correlate(values)


def _sorted_or_scanned(source: Source, rest: Filter, cut: Cut) -> Select[Any]:
    """All of them sorted, if they are few; else the first ones in a scan of all FINALs."""
    values = source.values.subquery("named")
    listed = select(source.final_id.label("id")).where(source.has_value(values.c.id)).correlate(values)
    part = listed.order_by(source.final_id).limit(FEW + 1).lateral("part")
    few = select(part.c.id).join_from(values, part, true()).limit(FEW + 1).cte()
    count = select(func.count()).select_from(few).scalar_subquery()
    named = source.values.subquery("any_named")
    has = (
        select(literal(1))
        .where(source.has_value(named.c.id), source.final_id == Classification.id, *source.conditions)
        .correlate(Classification)
    )
    meant = filters.filtered(select(Classification.id), rest)
    in_few = Classification.id.in_(select(few.c.id))
    chosen = cut(meant.where(count <= FEW, in_few, has.exists()), Classification).subquery("chosen")
    # The offset is a fence: each FINAL is asked in its turn, and not all of them before.
    scanned = cut(meant.where(count > FEW, has.offset(0).exists()), Classification).subquery("scanned")
    return select(union_all(select(chosen.c.id), select(scanned.c.id)).subquery("either").c.id)


def _sources(filter: Filter) -> tuple[list[Source], Filter]:
    """Where to look first, and what is asked beside that."""
    for way in WAYS:
        if (source := way(filter)) is not None:
            return source
    return [], filter


def _taxa(filter: Filter) -> Narrowed:
    if filter.species_ids is None:
        return None
    taxa = select(func.unnest(filters.with_descendants(filter.species_ids)).label("id"))
    of_project = Attrs.project_id == filter.project_id
    seen = tuple(filters.asked_of_observations(replace(filter, species_ids=None)))
    source = Source(taxa, Attrs, Attrs.shown_by_id, lambda key: of_project & (Attrs.species_id == key), seen)
    return [source], filters.without_observations(filter)


def _types(filter: Filter) -> Narrowed:
    if filter.observation_types is None:
        return None
    types = select(func.unnest(cast([each.name for each in filter.observation_types], ARRAY(String))).label("id"))
    of_project, has_type = Attrs.project_id == filter.project_id, type_coerce(Attrs.observation_type, String)
    seen = tuple(filters.asked_of_observations(replace(filter, observation_types=None)))
    source = Source(types, Attrs, Attrs.shown_by_id, lambda key: of_project & (has_type == key), seen)
    return [source], filters.without_observations(filter)


def _collections(filter: Filter) -> Narrowed:
    if filter.collection_ids is None and filter.project_collection_ids is None:
        return None
    link, listed = ClassificationProjectCollection, IN_COLLECTIONS.c
    named = link.collection_id.in_(filter.collection_ids or ()) | link.id.in_(filter.project_collection_ids or ())
    links = select(link.id).where(link.project_id == filter.project_id, named)
    linked = Source(
        links,
        IN_COLLECTIONS,
        listed.classification_id,
        lambda key: listed.project_collection_id == key,
        is_part=True,
    )
    rest = replace(filter, collection_ids=None, project_collection_ids=None)
    if not filter.collection_ids:
        return [linked], rest
    # A collection that is not linked may share media with one that is.
    is_linked = (
        select(link.id).where(link.project_id == filter.project_id, link.collection_id == Collection.id).exists()
    )
    others = select(Collection.id).where(Collection.id.in_(filter.collection_ids), ~is_linked)
    item, final = aliased(CollectionResource), aliased(Classification)
    shared = select(item.collection_id, final.id.label("final_id")).join(final, final.resource_id == item.resource_id)
    pairs = shared.where(final.project_id == filter.project_id, final.classification_type == ClassificationType.FINAL)
    of_pairs = pairs.subquery("shared")
    unlinked = Source(others, of_pairs, of_pairs.c.final_id, lambda key: of_pairs.c.collection_id == key)
    return [linked, unlinked], rest


def _people(filter: Filter) -> Narrowed:
    return _authored(filter, "user_id", filter.user_id, replace(filter, user_id=None))


def _providers(filter: Filter) -> Narrowed:
    return _authored(filter, "model_id", filter.provider_id, replace(filter, provider_id=None))


def _authored(filter: Filter, column: str, author_id: int | None, rest: Filter) -> Narrowed:
    if author_id is None:
        return None
    row = aliased(Classification)
    current = or_(row.superseded_at.is_(None), row.id == Classification.source_id)
    of_project = row.project_id == filter.project_id
    one = select(literal(author_id, BigInteger).label("id"))
    return [Source(one, row, row.final_id, lambda key: of_project & (getattr(row, column) == key), (current,))], rest


def _deployments(filter: Filter) -> Narrowed:
    if filter.deployment_ids is None and filter.location_ids is None:
        return None
    named = select(Deployment.id)
    if filter.deployment_ids is not None:
        named = named.where(Deployment.id.in_(filter.deployment_ids))
    if filter.location_ids is not None:
        named = named.where(Deployment.location_id.in_(filter.location_ids))
    source = Source(
        named, Classification, Classification.id, lambda key: Classification.deployment_id == key, is_part=True
    )
    return [source], replace(filter, deployment_ids=None, location_ids=None)


WAYS = (_taxa, _collections, _people, _providers, _deployments, _types)
