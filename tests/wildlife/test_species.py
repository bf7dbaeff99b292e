"""Species: the list that comes along, lookup by key and name, and lists that are imported."""

import pytest

from app.models.wildlife.species import Species
from app.services.wildlife.species import lookup, shipped
from resolvers import ids
from tests.wildlife import factories

FIELDS = "isDone isDryRun rows created updated unchanged synonyms problems { row column isError }"
GBIF = """taxonKey\tscientificName\tacceptedTaxonKey\ttaxonRank\ttaxonomicStatus\tkingdom\tfamily\tgenus
5219243\tVulpes vulpes (Linnaeus, 1758)\t5219243\tSPECIES\tACCEPTED\tAnimalia\tCanidae\tVulpes
2433670\tTaxidea americana Schreber, 1778\t2433671\tSPECIES\tSYNONYM\tAnimalia\tMustelidae\tTaxidea
2433671\tTaxidea taxus (Schreber, 1777)\t2433671\tSPECIES\tACCEPTED\tAnimalia\tMustelidae\tTaxidea
"""
COL = """col:ID,col:parentID,col:status,col:rank,col:scientificName
6DBT,,accepted,genus,Vulpes
5BSG3,6DBT,accepted,species,Vulpes vulpes
X1,5BSG3,synonym,species,Canis vulpes
"""
SPECIESNET = """5a0f5e3f;mammalia;carnivora;canidae;vulpes;vulpes;red fox
e4d1e892;mammalia;carnivora;canidae;;;canidae family
f1856211;;;;;;blank
990ae9dd;mammalia;primates;hominidae;homo;sapiens;human
"""
WILDLIFE_INSIGHTS = """wi_taxon_id,class,order,family,genus,species,common_name
2021adff,Mammalia,Carnivora,Felidae,Lynx,canadensis,Canada Lynx
aaaaaaaa,Mammalia,Lagomorpha,Leporidae,Lepus,spp.,Hare
bbbbbbbb,,,,,,Blank
"""


@pytest.fixture
async def listed(database):
    assert await shipped.add_shipped_species(database) > 150
    assert await shipped.add_shipped_species(database) == 0


@pytest.fixture
def take(change, staff):
    async def take(checklist, csv, **more):
        return await change("importSpecies", FIELDS, viewer=staff, checklist=checklist, csv=csv, **more)

    return take


async def test_a_fresh_installation_can_name_animals(ask, listed):
    answer = await ask("""{ speciesList(search: "red fox") { nodes { checklist key scientificName vernacularName rank
        genus family orderName className kingdom parent { scientificName rank parent { scientificName } } } } }""")
    assert answer["speciesList"]["nodes"] == [
        {
            "checklist": "FIELDGRAPH",
            "key": "vulpes-vulpes",
            "scientificName": "Vulpes vulpes",
            "vernacularName": "red fox",
            "rank": "SPECIES",
            "genus": "Vulpes",
            "family": "Canidae",
            "orderName": "Carnivora",
            "className": "Mammalia",
            "kingdom": "Animalia",
            "parent": {"scientificName": "Vulpes", "rank": "GENUS", "parent": {"scientificName": "Canidae"}},
        }
    ]


def test_the_list_names_each_taxon_once_after_its_parent():
    told = set()
    for entry in shipped.entries():
        assert entry.parent is None or entry.parent in told
        assert entry.name not in told
        told.add(entry.name)


async def test_what_is_part_of_a_taxon_is_found(ask, database, listed):
    async with database.reading() as session:
        family = (await lookup.by_names(session, ["Canidae"]))["canidae"]
    document = "query ($id: ID!) { speciesList(withinId: $id, rank: SPECIES, first: 100) { nodes { scientificName } } }"
    found = await ask(document, id=ids.encode_key(Species, family))
    names = {each["scientificName"] for each in found["speciesList"]["nodes"]}
    assert {"Vulpes vulpes", "Canis lupus", "Lycaon pictus"} <= names
    assert "Lynx lynx" not in names


async def test_a_list_is_tried_before_it_is_imported(take, database, listed, unchanged):
    async with unchanged():
        tried = await take("gbif", GBIF)
    assert (tried["isDryRun"], tried["isDone"], tried["rows"], tried["synonyms"]) == (True, False, 3, 1)
    # The fox and the badger are known by name; the synonym is new.
    assert (tried["created"], tried["unchanged"] + tried["updated"]) == (1, 2)
    done = await take("gbif", GBIF, dryRun=False)
    assert (done["isDone"], done["created"]) == (True, 1)
    async with unchanged():
        pass
    again = await take("gbif", GBIF, dryRun=False)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 3)
    async with database.reading() as session:
        keys, names = await lookup.resolve_species(
            session,
            keys=[("GBIF", "5219243"), ("FIELDGRAPH", "vulpes-vulpes"), ("GBIF", "2433670"), ("GBIF", "no")],
            names=["VULPES  vulpes", "red fox", "Taxidea americana", "American badger", "nothing"],
        )
    assert keys["GBIF", "5219243"] == keys["FIELDGRAPH", "vulpes-vulpes"] == names["vulpes vulpes"] == names["red fox"]
    assert keys["GBIF", "2433670"] == names["taxidea americana"] == names["american badger"]
    assert ("GBIF", "no") not in keys
    assert "nothing" not in names


async def test_catalogue_of_life_names_the_accepted_name_as_parent(take, ask):
    done = await take("COL", COL, dryRun=False)
    assert (done["created"], done["synonyms"]) == (3, 1)
    document = "{ speciesList { nodes { scientificName isSynonym accepted { key } parent { scientificName } } } }"
    found = {each["scientificName"]: each for each in (await ask(document))["speciesList"]["nodes"]}
    assert found["Canis vulpes"]["accepted"] == {"key": "5BSG3"}
    assert found["Canis vulpes"]["isSynonym"] is True
    assert found["Vulpes vulpes"]["parent"] == {"scientificName": "Vulpes"}


async def test_strings_of_seven_parts_name_any_rank(take, database, listed):
    done = await take("WI", SPECIESNET, dryRun=False)
    assert (done["rows"], done["created"], done["problems"]) == (3, 0, [])
    async with database.reading() as session:
        keys = await lookup.by_keys(session, [("WI", "5a0f5e3f"), ("WI", "e4d1e892"), ("WI", "990ae9dd")])
        names = await lookup.by_names(session, ["Vulpes vulpes", "Canidae", "Homo sapiens"])
    assert keys == {
        ("WI", "5a0f5e3f"): names["vulpes vulpes"],
        ("WI", "e4d1e892"): names["canidae"],
        ("WI", "990ae9dd"): names["homo sapiens"],
    }


async def test_wildlife_insights_has_names_in_two_columns(take, database, listed):
    done = await take("WI", WILDLIFE_INSIGHTS, dryRun=False)
    assert (done["rows"], done["created"]) == (2, 0)
    async with database.reading() as session:
        keys = await lookup.by_keys(session, [("WI", "2021adff"), ("WI", "aaaaaaaa")])
        names = await lookup.by_names(session, ["Lynx canadensis", "Lepus"])
    assert keys == {("WI", "2021adff"): names["lynx canadensis"], ("WI", "aaaaaaaa"): names["lepus"]}


@pytest.mark.parametrize(
    ("csv", "place"),
    [
        ("taxonKey,scientificName\n,Vulpes vulpes\n", (2, "key")),
        ("taxonKey,scientificName\n1,12345\n", (2, "name")),
        ("a;b;c;d;e;f;g\na;b;c\n", (2, None)),
    ],
)
async def test_a_list_with_an_error_changes_nothing(take, unchanged, csv, place):
    async with unchanged():
        done = await take("GBIF", csv, dryRun=False)
    assert done["isDone"] is False
    assert [(each["row"], each["column"]) for each in done["problems"]] == [place]


@pytest.mark.parametrize("csv", ["", "a,b\n1,2\n", 'taxonKey,scientificName\n1,"x'])
async def test_what_is_no_list_is_refused_or_empty(take, unchanged, csv):
    async with unchanged():
        refused = await take("GBIF", csv, dryRun=False)
    assert refused["__typename"] == "InvalidInput" or refused["problems"]


async def test_only_staff_change_species(change, database, owner, staff, unchanged):
    fox = await factories.species(database)
    async with unchanged():
        refused = await change("importSpecies", viewer=owner, checklist="GBIF", csv=GBIF, dryRun=False)
        marked = await change("markSpeciesSensitive", viewer=owner, id=ids.encode(fox), isSensitive=True)
    assert refused["code"] == marked["code"] == "FORBIDDEN"
    marked = await change("markSpeciesSensitive", "isSensitive", viewer=staff, id=ids.encode(fox), isSensitive=True)
    assert marked["isSensitive"] is True
