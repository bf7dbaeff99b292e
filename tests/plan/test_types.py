"""Every type that a query can reach is answered by a plan, every field of it; the others are listed with the reason."""

from base64 import b64decode

import pytest
from graphql import GraphQLObjectType, get_named_type, is_composite_type, is_interface_type, is_required_argument

from tests.plan.operations import CORE
from tests.plan.search import tried

REACHED_OTHERWISE = {
    "Mutation": "is answered field by field; what its fields come up with is planned",
    "Subscription": "is answered event by event; what an event shows is planned",
    "SignedIn": "is what mutations answer with",
    "Deleted": "is what mutations answer with",
    "MailRequested": "is what mutations answer with",
    "LabelUpload": "is what mutations answer with",
    "UploadLink": "is what mutations answer with",
    "TeamInvitationLink": "is what mutations answer with",
    "OsmAuthorization": "is what mutations answer with",
    "ApiKeySecret": "is what mutations answer with",
    "WebhookSecret": "is what mutations answer with",
    "FormerTeam": "is what mutations answer with",
    "FormerPost": "is what mutations answer with",
    "FormerGraph": "is what mutations answer with",
    "FormerMachine": "is what mutations answer with",
    "MachineLineConnection": "is asked for with an id",
    "MachineLineEdge": "is part of what is asked for with an id",
    "Solved": "is what mutations answer with",
    "SolvedRow": "is what mutations answer with",
    "CellWarning": "is what mutations answer with",
    "ColumnDrift": "is worked out, for some lines",
    "Explanation": "is worked out, for an id",
    "InputEffect": "is worked out, for an id",
    "MachineSolution": "is worked out, for an id",
    "TrainingEstimate": "is asked for with an id",
    "CallEstimate": "is asked for with an id",
    "MarketIncome": "is asked for with days",
    "VersionComparison": "is asked for with ids",
    "OutputComparison": "is part of what is asked for with ids",
    "ConsultingEvent": "is what subscriptions tell",
    "WorkEvent": "is what subscriptions tell",
    "TableReadingEvent": "is what subscriptions tell",
    "InvalidInput": "is a problem, which only mutations have",
    "Conflict": "is a problem, which only mutations have",
    "LimitReached": "is a problem, which only mutations have",
    "AccuracyTooLow": "is a problem, which only mutations have",
    "InsufficientFunds": "is a problem, which only mutations have",
    "Unavailable": "is a problem, which only mutations have",
    "TrainingEvent": "is what subscriptions tell",
    "PredictionEvent": "is what subscriptions tell",
    "InspectionEvent": "is what subscriptions tell",
    "NotificationEvent": "is what subscriptions tell",
    "MessageEvent": "is what subscriptions tell",
    "PostMatchConnection": "is what searching answers with",
    "PostMatchEdge": "is what searching answers with",
    "PostMatch": "is what searching answers with",
    "TextPart": "is what searching answers with",
    "FeedEvent": "is what subscriptions tell",
    "TypingEvent": "is what subscriptions tell",
    "FriendshipEvent": "is what subscriptions tell",
    "FriendRequestSent": "is what mutations answer with",
    "Unblocked": "is what mutations answer with",
    "BannerEvent": "is what subscriptions tell",
    "Epoch": "is part of what subscriptions tell",
    "DatasetQuality": "is asked for with an id",
    "TrainingComparison": "is asked for with an id",
    "ComparedMetric": "is part of what is asked for with an id",
    "ComparedParameter": "is part of what is asked for with an id",
    "QualityWarning": "is part of what is asked for with an id",
    "BulkApprovalPreview": "is asked for with an id",
    "ApprovalOutcomeCount": "is part of what is asked for with an id",
    "ApprovalSpeciesCount": "is part of what is asked for with an id",
    "ClassificationItems": "is what mutations answer with",
    "AIProviderUpdated": "is what mutations answer with",
    "AIProviderConnectionDeleted": "is what mutations answer with",
    "CalibrationSampleRemoved": "is what mutations answer with",
    "AIClassificationJobEvent": "is what subscriptions tell",
    "CalibrationSampleConnection": "is asked for with an id",
    "CalibrationSampleEdge": "is part of what is asked for with an id",
    "CalibrationResultConnection": "is asked for with an id",
    "CalibrationResultEdge": "is part of what is asked for with an id",
    "ClassificationItem": "is what mutations answer with",
    "StaleClassification": "is a problem, which only mutations have",
    "WildlifeStatistics": "is asked for with an id",
    "Effort": "is part of what is asked for with an id",
    "StationEffort": "is part of what is asked for with an id",
    "DetectionRate": "is part of what is asked for with an id",
    "IndependentRecords": "is part of what is asked for with an id",
    "TaxonRecords": "is part of what is asked for with an id",
    "ObservationCount": "is part of what is asked for with an id",
    "SpeciesList": "is part of what is asked for with an id",
    "TaxonSeen": "is part of what is asked for with an id",
    "Occupancy": "is part of what is asked for with an id",
    "AccumulationPoint": "is part of what is asked for with an id",
    "FirstSeen": "is part of what is asked for with an id",
    "Activity": "is part of what is asked for with an id",
    "DetectionHistory": "is part of what is asked for with an id",
    "StationHistory": "is part of what is asked for with an id",
    "Agreement": "is part of what is asked for with an id",
    "ConfusionCell": "is part of what is asked for with an id",
    "ThresholdFigures": "is part of what is asked for with an id",
    "ProjectProgress": "is part of what is asked for with an id",
    "Progress": "is part of what is asked for with an id",
    "CameraProblem": "is part of what is asked for with an id",
    "FormerResearchProject": "is what mutations answer with",
    "RequestedUploads": "is what mutations answer with",
    "RequestedUpload": "is what mutations answer with",
    "AddedMedia": "is what mutations answer with",
    "MovedMedia": "is what mutations answer with",
    "DeletedMedia": "is what mutations answer with",
    "SpeciesImport": "is what mutations answer with",
    "TableProblem": "is what mutations answer with",
    "TableImport": "is what mutations answer with",
    "WildlifeImportEvent": "is what subscriptions tell",
    "WildlifeExportEvent": "is what subscriptions tell",
    "MediaReadingEvent": "is what subscriptions tell",
    "CostEstimate": "is asked for with what the work is",
    "Statement": "is asked for with a period",
    "StatementLine": "is part of what is asked for with a period",
}
TYPES = [
    kind.name
    for kind in CORE.type_map.values()
    if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
]


def everything_of(kind: GraphQLObjectType) -> str:
    """All fields of a type that need no arguments; of objects below it their type's name."""
    shown = [
        f"{name} {{ __typename }}" if is_composite_type(get_named_type(field.type)) else name
        for name, field in kind.fields.items()
        if not any(map(is_required_argument, field.args.values()))
    ]
    return f"{{ __typename {' '.join(shown)} }}"


def query_for(goal: str, rows: dict[str, str]) -> str:
    """The shortest query that asks for all of a type, by the ids of `rows` of the types that have any."""
    ways = {"Query": "%s"}
    ways |= {name: f'{{ node(id: "{id}") {{ ... on {name} %s }} }}' for name, id in rows.items()}
    while goal not in ways:
        known = len(ways)
        for name, way in list(ways.items()):
            for field, found in getattr(CORE.type_map[name], "fields", {}).items():
                if not any(map(is_required_argument, found.args.values())):
                    kind = get_named_type(found.type)
                    ways.setdefault(kind.name, way % f"{{ {field} %s }}")
                    # Of the types over one table.
                    for each in (
                        CORE.get_possible_types(kind) if is_interface_type(kind) and kind.name != "Node" else ()
                    ):
                        ways.setdefault(each.name, way % f"{{ {field} {{ ... on {each.name} %s }} }}")
        assert len(ways) > known, f"no query reaches {goal}: the village needs a row of it"
    return ways[goal] % everything_of(CORE.type_map[goal])


@pytest.mark.parametrize("name", [name for name in TYPES if name not in REACHED_OTHERWISE])
async def test_every_type_is_planned(village, name):
    rows = {b64decode(id + "==").decode().partition(":")[0]: id for id in reversed(village.ids.values())}
    for viewer in ("owner", "staff"):  # what is the owner's own, and what only staff may ask
        before = tried["by a plan"]
        answer = await village.ask(query_for(name, rows), viewer)
        if "errors" not in answer.json:
            break
    assert "errors" not in answer.json
    assert tried["by a plan"] == before + 1, "graphql-core was asked"


def test_only_types_that_are_there_are_excepted():
    assert set(REACHED_OTHERWISE) <= set(TYPES)
