"""Importing taxa from lists: what is known by key or by name gets what is new, all else is added."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app import checks, parsing
from app.database import ReadSession, WriteSession
from app.errors import Invalid
from app.formats.wildlife.tables import taxa
from app.formats.wildlife.tables.taxa import LINEAGE, Taxon
from app.models.wildlife.species import Species, SpeciesAlias, TaxonRank
from app.policies import Viewer, require, signed_in
from app.policies.wildlife.projects import may_change_species
from app.services.system import audit
from app.services.wildlife.places.tables import TableProblem
from app.settings import settings

CHECKLIST_LENGTH_MAX = 40
BATCH = 1_000
Item = TypeVar("Item")


@dataclass
class SpeciesImport:
    """What came of a list of taxa. As a dry run, nothing was changed."""

    is_dry_run: bool
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    synonyms: int = 0
    problems: list[TableProblem] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether the taxa were imported."""
        return not self.is_dry_run and not any(problem.is_error for problem in self.problems)


class ParsedTaxa(NamedTuple):
    """A list, read."""

    taxa: list[Taxon]
    problems: list[TableProblem]


async def parsed(csv: str) -> ParsedTaxa:
    """Reads a list of taxa, in a child."""
    content = csv.encode()
    if len(content) > settings.species_bytes_max:
        raise Invalid("csv", f"A list may have at most {settings.species_bytes_max:,} bytes. Import it in parts.")
    report = await parsing.run(taxa.read, content, cpu_s_max=settings.parser_file_cpu_s_max, field="csv")
    problems = [
        TableProblem(line or 1, column, problem, severity == "ERROR")
        for _, line, column, problem, severity in report["problems"]
    ]
    return ParsedTaxa([Taxon(*row) for row in report["taxa"]], problems)


async def import_species(
    session: WriteSession, viewer: Viewer, *, checklist: str, parsed_taxa: ParsedTaxa, is_dry_run: bool
) -> SpeciesImport:
    """Adds and updates the taxa of a list; a list with an error changes nothing. For staff."""
    require(may_change_species, viewer, None)
    name = checks.text("checklist", checklist, length_max=CHECKLIST_LENGTH_MAX).upper()
    done = SpeciesImport(is_dry_run, len(parsed_taxa.taxa), problems=list(parsed_taxa.problems))
    unique = {taxon.key: taxon for taxon in parsed_taxa.taxa}
    known = await _known(session, name, list(unique.values()))
    changes = [(taxon, known.get(taxon.key)) for taxon in unique.values()]
    done.created = sum(species is None for _, species in changes)
    done.synonyms = sum(taxon.is_synonym for taxon in unique.values())
    done.updated = sum(species is not None and bool(_news(species, taxon)) for taxon, species in changes)
    done.unchanged = len(changes) - done.created - done.updated
    if not done.is_done:
        return done
    await _write(session, name, changes)
    audit.record(
        session, signed_in(viewer), "importSpecies", checklist=name, created=done.created, updated=done.updated
    )
    return done


async def _write(session: WriteSession, checklist: str, changes: Sequence[tuple[Taxon, Species | None]]) -> None:
    ids: dict[str, Species] = {}
    for taxon, species in changes:
        if species is None:
            made = Species(checklist=checklist, key=taxon.key, scientific_name=taxon.name, rank=TaxonRank[taxon.rank])
            session.add(made)
        else:
            made = species
        for name, value in _news(made, taxon).items():
            setattr(made, name, value)
        ids[taxon.key] = made
    await session.flush()
    aliases = [
        {"species_id": made.id, "checklist": checklist, "key": key}
        for key, made in ids.items()
        if (made.checklist, made.key) != (checklist, key)
    ]
    for part in _parts(aliases):
        await session.execute(insert(SpeciesAlias).values(part).on_conflict_do_nothing())
    _connect(ids, [taxon for taxon, _ in changes])
    await session.flush()


def _parts(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _connect(ids: Mapping[str, Species], parsed_taxa: Iterable[Taxon]) -> None:
    """Says what is accepted and what is part of what, where the list has both."""
    for taxon in parsed_taxa:
        species, accepted = ids[taxon.key], ids.get(taxon.accepted_key or "")
        if taxon.is_synonym and accepted is not None and accepted is not species and accepted.accepted_id is None:
            species.accepted_id = accepted.id
        parent = ids.get(taxon.parent_key or "")
        if parent is not None and parent is not species and species.parent_id is None:
            species.parent_id = parent.id


def _news(species: Species, taxon: Taxon) -> dict[str, Any]:
    """What a list knows of a taxon that is not known yet."""
    columns = dict(zip(LINEAGE, taxon.lineage, strict=True)) | {"vernacular_name": taxon.vernacular}
    return {name: value for name, value in columns.items() if value and getattr(species, name) is None}


async def _known(session: ReadSession, checklist: str, parsed_taxa: Sequence[Taxon]) -> dict[str, Species]:
    """The taxa of a list that are there: by key, by another's key, or else by a name of the same rank, if it is one."""
    known: dict[str, Species] = {}
    for part in _parts(parsed_taxa):
        keys = [(checklist, taxon.key) for taxon in part]
        by_name = await _by_name(session, [taxon for taxon in part if not taxon.is_synonym])
        aliased = select(SpeciesAlias.key, Species).join(Species, Species.id == SpeciesAlias.species_id)
        of_alias = aliased.where(tuple_(SpeciesAlias.checklist, SpeciesAlias.key).in_(keys))
        own = select(Species.key, Species).where(tuple_(Species.checklist, Species.key).in_(keys))
        known |= {taxon.key: by_name[taxon.name.lower(), taxon.rank] for taxon in part if _in(by_name, taxon)}
        known |= dict((await session.execute(of_alias)).all())
        known |= dict((await session.execute(own)).all())
    return known


def _in(by_name: Mapping[tuple[str, str], Species], taxon: Taxon) -> bool:
    return not taxon.is_synonym and (taxon.name.lower(), taxon.rank) in by_name


async def _by_name(session: ReadSession, parsed_taxa: Sequence[Taxon]) -> dict[tuple[str, str], Species]:
    """Accepted taxa by name and rank; a name that two have, in two kingdoms, says nothing."""
    names = {taxon.name.lower() for taxon in parsed_taxa}
    rows = await session.scalars(
        select(Species).where(func.lower(Species.scientific_name).in_(names), Species.accepted_id.is_(None))
    )
    grouped: dict[tuple[str, str], list[Species]] = {}
    for row in rows:
        grouped.setdefault((row.scientific_name.lower(), row.rank.name), []).append(row)
    return {name: those[0] for name, those in grouped.items() if len(those) == 1}
