"""Lists of taxa: GBIF, Catalogue of Life, Wildlife Insights, and SpeciesNet's strings of seven parts. A parser."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from app.errors import Unreadable
from app.formats.wildlife.problems import Problems
from app.settings import settings

FILE = "species"
# By the name of the field: its names in the lists, without prefix, case and signs.
COLUMNS = {
    "key": ("taxonkey", "taxonid", "specieskey", "usagekey", "id", "uuid", "wiid", "witaxonid", "uniqueidentifier"),
    "name": ("canonicalname", "species", "scientificname", "latinname"),
    "full_name": ("scientificname",),
    "vernacular": ("vernacularname", "commonname", "commonnameenglish", "englishname"),
    "rank": ("taxonrank", "rank"),
    "status": ("taxonomicstatus", "status"),
    "accepted_key": ("acceptedtaxonkey", "acceptednameusageid", "acceptedusagekey", "acceptedkey"),
    "parent_key": ("parentnameusageid", "parentid", "parentkey"),
    "kingdom": ("kingdom",),
    "phylum": ("phylum",),
    "class_name": ("class",),
    "order_name": ("order",),
    "family": ("family",),
    "genus": ("genus", "genericname"),
    "epithet": ("specificepithet", "species"),
}
LINEAGE = ("kingdom", "phylum", "class_name", "order_name", "family", "genus")
RANKS = {
    "KINGDOM", "PHYLUM", "CLASS", "ORDER", "FAMILY", "SUBFAMILY", "TRIBE", "GENUS", "SUBGENUS", "SPECIES",
    "SUBSPECIES", "VARIETY", "FORM",
}  # fmt: skip
# Genus and epithets without authors: what follows begins with a capital, a bracket or a sign.
PLAIN = re.compile(r"(?:× ?)?[A-Z][\w-]+(?: (?:× ?)?(?:\([A-Z][\w-]+\) )?[a-zë][\wë-]+){0,2}")
SEVEN = 7
BY_RANK = (("genus", "GENUS"), ("family", "FAMILY"), ("order_name", "ORDER"), ("class_name", "CLASS"))
NAME_LENGTH_MAX, KEY_LENGTH_MAX = 200, 100
NOT_ACCEPTED = re.compile(r"synonym|misapplied|ambiguous", re.IGNORECASE)
# What is no taxon: SpeciesNet's and Wildlife Insights' other labels.
NO_TAXA = {"blank", "human", "vehicle", "animal", "no cv result", "unknown", ""}


class Taxon(NamedTuple):
    """A taxon as a list has it."""

    line: int
    key: str
    name: str
    rank: str
    vernacular: str | None
    is_synonym: bool
    accepted_key: str | None
    parent_key: str | None
    lineage: list[str | None]


def read(content: bytes) -> dict[str, Any]:
    """The taxa of a list, and what is wrong with its rows."""
    problems = Problems()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The list is not UTF-8. Save it as UTF-8.") from None
    first = text.partition("\n")[0]
    taxa = _strings(text, problems) if first.count(";") == SEVEN - 1 else _table(text, first, problems)
    rows: list[list[Any]] = []
    for taxon in taxa:
        if len(rows) >= settings.species_rows_max:
            raise Unreadable(f"A list may have at most {settings.species_rows_max:,} rows.")
        rows.append(list(taxon))
    return {"taxa": rows, "problems": [list(problem) for problem in problems.listed]}


def _strings(text: str, problems: Problems) -> Iterator[Taxon]:
    """Lines such as `uuid;mammalia;carnivora;canidae;vulpes;vulpes;red fox`; blanks for what is not known."""
    for line, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        parts = [part.strip() for part in row.replace("\0", "").split(";")]
        if len(parts) != SEVEN:
            problems.add(FILE, line, None, f"This row has {len(parts)} parts; seven are needed.")
            continue
        key, class_name, order, family, genus, epithet, vernacular = parts
        ranks = {"class_name": class_name, "order_name": order, "family": family, "genus": genus}
        taxon = _of_ranks(line, key, {name: value.capitalize() for name, value in ranks.items()}, epithet, vernacular)
        if taxon is not None:
            yield taxon


def _of_ranks(line: int, key: str, ranks: dict[str, str], epithet: str, vernacular: str | None) -> Taxon | None:
    """A taxon by the lowest rank that is known; None for what is no taxon."""
    lineage = [ranks.get(name) or None for name in LINEAGE]
    if ranks.get("genus") and epithet and epithet not in {"sp.", "spp.", "sp", "spp"}:
        name, rank = f"{ranks['genus']} {epithet.casefold()}", "SPECIES"
    else:
        known = next(((ranks[column], rank) for column, rank in BY_RANK if ranks.get(column)), None)
        if known is None:
            return None
        name, rank = known
    if not key or name.casefold() in NO_TAXA:
        return None
    return Taxon(
        line, key[:KEY_LENGTH_MAX], name[:NAME_LENGTH_MAX], rank, vernacular or None, False, None, None, lineage
    )


def _table(text: str, first: str, problems: Problems) -> Iterator[Taxon]:
    csv.field_size_limit(settings.parser_token_bytes_max)
    delimiter = "\t" if "\t" in first else ","
    lines = io.StringIO(text, newline="")
    # Lists with tabs take a quotation mark for what it is.
    is_plain = delimiter == "\t"
    reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE if is_plain else csv.QUOTE_MINIMAL)
    try:
        columns = _columns(next(reader, []))
        for fields in reader:
            row = {name: fields[at].replace("\0", "").strip() for name, at in columns.items() if at < len(fields)}
            if any(row.values()):
                taxon = _of_row(reader.line_num, {name: _known(value) for name, value in row.items()}, problems)
                if taxon is not None:
                    yield taxon
    except csv.Error as error:
        raise Unreadable(f"The list is not CSV: {error} near line {reader.line_num}.") from None


def _known(value: str) -> str:
    return "" if value.casefold() in {"na", "null", "none"} else value


def _columns(header: list[str]) -> dict[str, int]:
    plain = [re.sub(r"[^a-z]", "", column.rpartition(":")[2].casefold()) for column in header]
    places = {}
    for field, names in COLUMNS.items():
        at = next((plain.index(name) for name in names if name in plain), None)
        if at is not None:
            places[field] = at
    if "key" not in places or not {"name", "genus", "full_name"} & set(places):
        raise Unreadable("The list needs a column with a key, such as taxonKey, and one with names: scientificName.")
    return places


def _of_row(line: int, row: dict[str, str], problems: Problems) -> Taxon | None:
    key, name = row.get("key", ""), row.get("name", "") or row.get("full_name", "")
    ranks = {column: row.get(column, "") for column in LINEAGE}
    if not name and not any(ranks.values()):
        return None  # a label that is no taxon, such as blank
    if " " not in name and ranks["genus"] and not row.get("rank"):
        # Wildlife Insights: genus and epithet in columns of their own.
        return _of_ranks(line, key, ranks, row.get("epithet", ""), row.get("vernacular"))
    plain = PLAIN.match(name)
    if not key:
        problems.add(FILE, line, "key", "This row has no key.")
    elif len(key) > KEY_LENGTH_MAX:
        problems.add(FILE, line, "key", f"A key has at most {KEY_LENGTH_MAX} characters.")
    elif plain is None:
        problems.add(FILE, line, "name", "This is not a scientific name, such as Vulpes vulpes.")
    else:
        return _named(line, key, plain[0], row)
    return None


def _named(line: int, key: str, name: str, row: dict[str, str]) -> Taxon:
    words = name.replace("× ", "").split()
    rank = row.get("rank", "").upper()
    if rank not in RANKS:
        rank = ("UNRANKED", "SPECIES", "SUBSPECIES")[min(len(words), 3) - 1]
    accepted = row.get("accepted_key") or None
    # Catalogue of Life names the accepted name of a synonym as its parent.
    is_synonym = bool(NOT_ACCEPTED.search(row.get("status", ""))) or (accepted is not None and accepted != key)
    parent = row.get("parent_key") or None
    if is_synonym and accepted is None:
        accepted, parent = parent, None
    return Taxon(
        line,
        key,
        name[:NAME_LENGTH_MAX],
        rank,
        (row.get("vernacular") or "")[:NAME_LENGTH_MAX] or None,
        is_synonym,
        accepted if is_synonym else None,
        parent,
        [(row.get(column) or "")[:NAME_LENGTH_MAX] or None for column in LINEAGE],
    )
