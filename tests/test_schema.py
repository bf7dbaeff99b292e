"""The published contract is current, described, and keeps to its conventions."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_non_null_type,
    parse,
    validate,
)

from schema import schema
from schema.field_extensions import Scoped

CORE = schema._schema
PUBLISHED = Path(__file__).parent.parent / "schema" / "schema.graphql"
TYPES = [found for name, found in CORE.type_map.items() if not name.startswith("__")]
WITH_FIELDS = [found for found in TYPES if isinstance(found, GraphQLObjectType | GraphQLInterfaceType)]


def test_the_published_schema_is_what_the_code_says():
    assert PUBLISHED.read_text().strip() == schema.as_str().strip(), "run: make schema"


def test_the_published_schema_is_a_schema():
    assert "Training" in build_schema(PUBLISHED.read_text()).type_map


@pytest.mark.parametrize("found", TYPES, ids=lambda found: found.name)
def test_every_type_field_and_argument_is_described(found):
    assert found.description, found.name
    for name, field in getattr(found, "fields", {}).items():
        assert field.description, f"{found.name}.{name}"
        for argument_name, argument in getattr(field, "args", {}).items():
            assert argument.description, f"{found.name}.{name}({argument_name}:)"


@pytest.mark.parametrize("found", TYPES, ids=lambda found: found.name)
def test_no_description_is_indented_as_code_is(found):
    """Markdown shows a line that begins with four blanks as code."""
    shown = [found, *getattr(found, "fields", {}).values()]
    assert [each.description for each in shown if "\n    " in (each.description or "")] == []


@pytest.mark.parametrize("name", CORE.mutation_type.fields)
def test_every_mutation_takes_one_input_and_says_what_can_go_wrong(name):
    field = CORE.mutation_type.fields[name]
    assert set(field.args) <= {"input"}
    answer = get_named_type(field.type)
    if isinstance(answer, GraphQLUnionType):
        made, *problems = answer.types
        assert answer.name == f"{name[0].upper()}{name[1:]}Result"
        assert all(CORE.type_map["Problem"] in problem.interfaces for problem in problems)
        assert CORE.type_map["Problem"] not in made.interfaces
        assert problems


@pytest.mark.parametrize("name", CORE.mutation_type.fields)
def test_every_mutation_tells_what_an_api_key_needs_for_it(name):
    field = CORE.mutation_type.fields[name]
    [scoped] = [each for each in field.extensions["strawberry-definition"].extensions if isinstance(each, Scoped)]
    told = field.description.rpartition("\n\n")[2]
    assert told == (f"API keys need the scope `{scoped.scope.name}`." if scoped.scope else "Not available to API keys.")


# An AIProviderConnection is a connection to an AI Manager.
LISTS = [found for found in WITH_FIELDS if found.name.endswith("Connection") and found.name != "AIProviderConnection"]


@pytest.mark.parametrize("found", LISTS, ids=str)
def test_every_list_is_a_connection_of_the_same_shape(found):
    assert list(found.fields) == ["edges", "nodes", "pageInfo", "totalCount"]


def test_only_short_closed_lists_are_not_connections():
    plain = {
        f"{found.name}.{name}"
        for found in WITH_FIELDS
        for name, field in found.fields.items()
        if "[" in str(field.type) and isinstance(get_named_type(field.type), GraphQLObjectType | GraphQLInterfaceType)
        if not found.name.endswith("Connection")
    }
    assert plain == {
        "Query.nodes",
        "ColumnProfile.languageShares",
        # At most one for each reason.
        "LabelImport.skipped",
        "LabelUpload.skipped",
        "ColumnProfile.textShares",
        "ColumnProfile.topValues",
        "Explanation.inputs",
        "Machine.columns",
        "Machine.stages",
        "Machine.leaderboard",
        "Machine.metrics",
        "Machine.importance",
        "Machine.suggestedGraphs",
        "Machine.suggestions",
        "NNModel.leaderboard",
        "NNModel.metrics",
        "NNModel.importance",
        "NNModel.suggestions",
        "Work.metrics",
        "OutputMetrics.calibration",
        "OutputMetrics.curve",
        "Query.estimateTraining",
        "VersionComparison.outputs",
        "Machine.drift",
        "MachineColumn.warnings",
        "TableColumn.warnings",
        "TableReading.columns",
        "BulkApprovalPreview.outcomes",
        "BulkApprovalPreview.species",
        "ClassificationItems.items",
        "Mutation.markNotificationsRead",
        "Query.explain",
        "Query.friendSuggestions",
        "Solved.rows",
        "SolvedRow.warnings",
        "Query.popularHashtags",
        "PostMatch.highlighted",
        "DatasetQuality.warnings",
        "QualityWarning.areas",
        "Query.baseModels",
        "Query.queueLoads",
        "Statement.lines",
        "LearningCurve.epochs",
        "TrainingComparison.trainings",
        "Frames.objects",
        "TrainingComparison.metrics",
        "TrainingComparison.parameters",
        "AddedMedia.resources",
        "RequestedUploads.files",
        "SpeciesImport.problems",
        "TableImport.problems",
        "Agreement.confusion",
        "Agreement.figures",
        "DetectionHistory.stations",
        "Effort.stations",
        "IndependentRecords.taxa",
        "ProjectProgress.deployments",
        "SpeciesList.accumulation",
        "SpeciesList.firstSeen",
        "SpeciesList.naiveOccupancy",
        "SpeciesList.taxa",
        "WildlifeStatistics.cameraHealth",
        "WildlifeStatistics.detectionRates",
        "WildlifeStatistics.observations",
        "WildlifeImport.problems",
        "Listing.columns",
        "Listing.metrics",
        "Query.marketIncome",
    }


@pytest.mark.parametrize("found", [found for found in TYPES if isinstance(found, GraphQLInputObjectType)], ids=str)
def test_no_input_asks_for_a_value_it_has_a_default_for(found):
    for field in found.fields.values():
        assert not (is_non_null_type(field.type) and field.default_value is None)


@pytest.mark.parametrize("found", WITH_FIELDS, ids=str)
def test_only_what_node_finds_has_an_id(found):
    """A store of a client's keeps an object under its `id`: two of different types must not share one."""
    is_node = found.name == "Node" or CORE.type_map["Node"] in found.interfaces
    assert ("id" in found.fields) == is_node


def test_enums_shout():
    for found in TYPES:
        if isinstance(found, GraphQLEnumType):
            assert all(name == name.upper() for name in found.values), found.name


def test_secrets_are_not_in_the_contract():
    shown = {name.lower() for found in WITH_FIELDS for name in found.fields}
    assert not shown & {"passwordhash", "password_hash", "tokenhash", "storagekey", "fence", "leaseuntil"}


def test_every_subscription_can_be_resumed_but_for_what_is_kept_nowhere():
    fields = CORE.subscription_type.fields
    assert {name for name, field in fields.items() if "after" not in field.args} == {"typing"}


@pytest.mark.parametrize(
    "file",
    sorted((Path(__file__).parent.parent / "app/web/graphiql/src").glob("*.graphql")),
    ids=lambda file: file.name,
)
def test_the_explorers_first_tab_is_valid(file):
    assert validate(CORE, parse(file.read_text())) == []
