"""Starting jobs and sending files, so often an hour: declared by every mutation that does, counted in a real Redis."""

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import httpx
import pytest
from redis import Redis
from sqlalchemy import func, select

from app.formats.labels.label_files import sift_value
from app.models.kinds import RateLimit
from app.models.kinds.automl import AutomlRateLimit
from app.models.kinds.billing import BillingRateLimit
from app.models.kinds.integrations import IntegrationsRateLimit
from app.models.kinds.mapping import MappingRateLimit
from app.models.kinds.system import SystemRateLimit
from app.models.kinds.wildlife import WildlifeRateLimit
from app.models.system import Job
from app.queue import enqueue
from app.services.system.files.uploads import upload_link
from app.services.system.requests import rate_limits
from app.services.wildlife.media.files.uploads import request_uploads
from app.settings import settings
from resolvers import ids
from schema import schema
from schema.field_extensions import Limited
from tests import factories
from tests.called import named, nodes

WILDLIFE_JOBS = (
    "buildFrameIndex",
    "exportCamtrapDp",
    "exportCoco",
    "exportDeployments",
    "exportMegaDetector",
    "exportObservations",
    "fetchMedia",
    "importCamtrapDp",
    "importClassifications",
    "importMegaDetector",
    "importSpeciesNet",
    "importWildlifeInsights",
    "reparseAiResults",
    "startAiClassification",
    "syncAiModels",
    "updateAiClassification",
)
ROOT = Path(__file__).parents[2]
MUTATIONS = schema._schema.mutation_type.fields


def definition(name: str):
    return MUTATIONS[name].extensions["strawberry-definition"]


def declared(name: str) -> set[RateLimit]:
    return {each.rate_limit for each in definition(name).extensions if isinstance(each, Limited)}


def started(function: FunctionType) -> Iterator[RateLimit | None]:
    """What is started by a function and by all that it names, however deep."""
    for node, where in nodes(function):
        if isinstance(node, ast.Call) and named(node.func, where) is enqueue:
            yield named(node.args[1], where).rate_limit
        found = named(node, where)
        if found is upload_link or found is sift_value:
            yield SystemRateLimit.UPLOADS
        if found is request_uploads:
            yield WildlifeRateLimit.MEDIA_BATCHES


@pytest.mark.parametrize("name", MUTATIONS)
def test_whatever_starts_a_job_or_takes_a_file_says_what_it_is_counted_among(name):
    begun = set(started(definition(name).base_resolver.wrapped_func))
    # A job whose kind is not limited, such as one that follows a server, is counted by the mutation that starts it.
    assert begun - {None} <= declared(name)
    assert declared(name) == begun - {None} or None in begun


def test_what_starts_something_is_found():
    found = {limit: {name for name in MUTATIONS if limit in declared(name)} for limit in RateLimit}
    assert found == {
        MappingRateLimit.TRAININGS: {"startTraining", "startFeedbackTraining"},
        MappingRateLimit.PREDICTIONS: {"startPrediction", "retryPrediction"},
        MappingRateLimit.INSPECTIONS: {"inspectDataset"},
        WildlifeRateLimit.SPECIES_TRAININGS: {"trainSpeciesClassifier"},
        SystemRateLimit.JOBS: {
            "readMedia",
            "fetchOsmLabels",
            "fetchFeedbackLabels",
            "importLabels",
            "conflatePrediction",
            "exportMyData",
            "readTable",
            "solveFile",
            "solveLines",
            "createMachine",
            "copyMachine",
            "buyListing",
            "buyCopyUpdate",
            *WILDLIFE_JOBS,
        },
        SystemRateLimit.UPLOADS: {
            "uploadLabels",
            "createLabelUpload",
            "requestAvatarUpload",
            "requestConsultingUpload",
            "requestImportUpload",
            "requestMediaArchiveUpload",
            "requestPostUpload",
            "requestTableUpload",
        },
        WildlifeRateLimit.MEDIA_BATCHES: {"requestMediaUploads"},
        BillingRateLimit.TOP_UPS: {"startTopUp"},
        IntegrationsRateLimit.BULK_QUERIES: {"startBulkQuery"},
        IntegrationsRateLimit.WEBHOOK_TESTS: {"sendWebhookTest", "redeliverWebhook"},
        AutomlRateLimit.MACHINE_TRAININGS: {"trainMachine", "evaluateMachine"},
        AutomlRateLimit.LINE_CHANGES: {"appendLines", "correctColumns", "deleteLines", "updateLines"},
    }


@pytest.mark.parametrize("name", [name for name in MUTATIONS if declared(name)])
def test_it_is_told_in_its_description(name):
    [limit] = declared(name)
    most = rate_limits.account_max(limit)
    assert f"Rate limit: {most} {limit.value} per hour; then RATE_LIMITED." in MUTATIONS[name].description


@pytest.fixture
async def area(database, owner):
    return await factories.aoi(database, await factories.dataset(database, owner.id))


@pytest.fixture
def fetch(api, area):
    """Asks for the area's buildings from a network address; gives the code of what went wrong."""
    document = "mutation ($id: ID!) { fetchOsmLabels(input: {aoiId: $id}) { __typename ... on Problem { code } } }"
    body = {"query": document, "variables": {"id": ids.encode(area)}}

    async def fetch(viewer, address: str = "192.0.2.1") -> tuple[str, int]:
        transport = httpx.ASGITransport(api._transport.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            headers = {"authorization": f"Bearer {viewer.token}"} if viewer else {}
            answer = (await http.post("/graphql", json=body, headers=headers)).json()
        if "errors" in answer:
            extensions = answer["errors"][0]["extensions"]
            return extensions["code"], extensions.get("retryAfter", 0)
        return answer["data"]["fetchOsmLabels"].get("code", ""), 0

    return fetch


async def jobs(database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Job))


async def test_who_asked_too_often_is_told_when_to_come_again(fetch, unchanged, owner, monkeypatch):
    monkeypatch.setattr(settings, "jobs_per_hour_max", 1)
    assert await fetch(owner) == ("", 0)
    async with unchanged():
        code, wait_s = await fetch(owner)
    assert code == "RATE_LIMITED"
    assert 0 < wait_s <= 3_600


async def test_after_that_it_goes_again(fetch, redis_url, owner, monkeypatch):
    monkeypatch.setattr(settings, "jobs_per_hour_max", 1)
    await fetch(owner)
    assert (await fetch(owner))[0] == "RATE_LIMITED"
    with Redis.from_url(redis_url) as redis:
        for key in redis.scan_iter("*rates*"):
            assert 0 < redis.ttl(key) <= 2 * 3_600  # the window before counts, too
            redis.delete(key)  # as the time does
    assert (await fetch(owner))[0] == "CONFLICT"


async def test_an_account_is_counted_wherever_it_asks_from(fetch, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "jobs_per_hour_max", 1)
    await fetch(owner)
    assert (await fetch(owner, "192.0.2.2"))[0] == "RATE_LIMITED"
    assert (await fetch(other, "192.0.2.3"))[0] == "FORBIDDEN"


async def test_an_address_is_counted_whoever_asks_from_it(fetch, owner, other, staff, monkeypatch):
    monkeypatch.setattr(settings, "jobs_per_hour_max", 1)
    monkeypatch.setattr(settings, "accounts_per_address_factor", 1)
    assert (await fetch(owner))[0] == ""
    assert (await fetch(other))[0] == "RATE_LIMITED"
    assert (await fetch(staff, "192.0.2.2"))[0] == "CONFLICT"


async def test_a_stranger_is_not_counted(fetch, owner, monkeypatch):
    monkeypatch.setattr(settings, "jobs_per_hour_max", 1)
    for _ in range(3):
        assert (await fetch(None))[0] == "UNAUTHENTICATED"
    assert (await fetch(owner))[0] == ""


async def test_no_more_pass_at_once_than_one_by_one(change, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "trainings_per_hour_max", 3)
    dataset = await factories.dataset(database, owner.id, source_imagery="https://imagery.example.org/{z}/{x}/{y}.png")
    await factories.label(database, await factories.aoi(database, dataset))
    models = [await factories.model(database, dataset) for _ in range(7)]
    start = {"viewer": owner, "zoomLevel": [19]}
    answers = await asyncio.gather(*(change("startTraining", **start, modelId=ids.encode(each)) for each in models))
    assert sorted(answer.get("code", "") for answer in answers) == [""] * 3 + ["RATE_LIMITED"] * 4
    assert await jobs(database) == 3


async def test_what_is_refused_spends_nothing(fetch, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "jobs_per_hour_max", 1)
    for _ in range(3):
        assert (await fetch(other))[0] == "FORBIDDEN"
    assert (await fetch(owner))[0] == ""
    assert (await fetch(owner))[0] == "RATE_LIMITED"


REFUSED = {
    "startTraining": ("trainings_per_hour_max", {"modelId": "TW9kZWw6MQ==", "zoomLevel": [19]}),
    "inspectDataset": ("inspections_per_hour_max", {"datasetId": "RGF0YXNldDo5OQ=="}),
    "conflatePrediction": ("jobs_per_hour_max", {"predictionId": "UHJlZGljdGlvbjo5OQ=="}),
    "requestAvatarUpload": ("uploads_per_hour_max", {"mediaType": "text/plain", "bytes": 10}),
    "requestConsultingUpload": ("uploads_per_hour_max", {"mediaType": "text/html", "bytes": 10}),
    "requestPostUpload": ("uploads_per_hour_max", {"mediaType": "text/plain", "bytes": 10}),
    "createPost": ("posts_per_minute_max", {"content": " "}),
    "sendMessage": ("messages_per_minute_max", {"receiverId": "VXNlcjo5OTk5", "content": "Hello"}),
    "sendFriendRequest": ("friend_requests_per_hour_max", {"userId": "VXNlcjo5OTk5"}),
    "report": ("reports_per_hour_max", {"id": "VXNlcjo5OTk5", "reason": "SPAM"}),
    "createApiKey": ("api_keys_per_hour_max", {"name": " ", "scopes": ["READ"]}),
    "createWebhook": ("webhooks_per_hour_max", {"url": "http://127.0.0.1/", "topics": ["FEED_UPDATED"]}),
    "startBulkQuery": ("bulk_queries_per_hour_max", {"document": "{ me { username } }"}),
    "createTeamInvitation": ("team_invitations_per_hour_max", {"teamId": "VGVhbTo5OTk5"}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_no_act_that_is_refused_spends_its_share(name, refuse, owner, monkeypatch):
    limit, given = REFUSED[name]
    monkeypatch.setattr(settings, limit, 1)
    codes = {(await refuse(name, viewer=owner, **given)).get("code") for _ in range(3)}
    assert codes <= {"NOT_FOUND", "INVALID_INPUT", "FORBIDDEN"}


def test_whatever_is_limited_says_whether_success_or_failure_is_counted():
    """`Rates.take` alone charges what is refused, too: right for what is only read, worth nothing, or a guess."""
    callers = {
        f"{path.relative_to(ROOT)}:{node.name}"
        for folder in ("app", "resolvers", "schema", "jobs")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "rates.take" in ast.unparse(node)
    }
    assert callers == {
        "app/services/accounts/users/usernames.py:limit_searches",
        "app/services/billing/promotions/coupon_codes.py:limit_rate",
        "app/services/social/messages.py:limit_typing",
        "app/services/social/posts/search.py:limit_searches",
        "app/web/graphql/operations/budget.py:_fill",
        "app/web/graphql/operations/budget.py:_pay_off",
        "app/web/routes/files/tiles.py:_limit_rate",
    }
