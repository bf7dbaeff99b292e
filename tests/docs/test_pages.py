"""The guide as a reader meets it: every page, its links, its anchors, and an address that leads nowhere."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from prometheus_client import REGISTRY

from app.errors import ErrorCode
from app.services.wildlife.species_classifiers import training as trainings
from app.settings import Settings, settings
from app.web.graphql.http import responses
from app.web.graphql.websockets import session
from app.web.routes import gauges, metrics  # noqa: F401 -- these two declare what is measured
from app.web.routes.pages import docs
from schema import schema
from tests.docs.examples import README, ROOT

PATHS = {name: f"/docs/{'' if name == docs.INDEX else name}" for name in docs.NAMES}
README_LINES_MAX = 180
FENCES = re.compile(r"```.*?```", re.DOTALL)


class Read(HTMLParser):
    """What a page links to, which anchors it has, what it would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.current: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        if tag == "a":
            self.links.append(given["href"])
            if "aria-current" in given:
                self.current.append(given["href"])
        if tag == "link" and not given["href"].startswith("data:"):
            self.loaded.append(given["href"])
        if "id" in given:
            self.anchors.append(given["id"])


@pytest.mark.parametrize("name", PATHS)
async def test_a_page_is_served_with_its_navigation(api, name):
    answer = await api.get(PATHS[name])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    page = Read(answer.text)
    assert page.current == ["./" if name == docs.INDEX else name]
    assert page.tags.count("h1") == 1
    assert {"script", "style", "img"}.isdisjoint(page.tags)
    for path in page.loaded:
        assert (await api.get(urljoin(PATHS[name], path))).status_code == 200, path


async def test_every_link_and_anchor_leads_somewhere(api):
    pages = {path: Read((await api.get(path)).text) for path in PATHS.values()}
    elsewhere = set()
    for path, page in pages.items():
        assert len(set(page.anchors)) == len(page.anchors), path
        for link in page.links:
            if link.startswith("https://"):
                continue
            target, _, anchor = urljoin(path, link).partition("#")
            if target not in pages:
                elsewhere.add(target)
            elif anchor:
                assert anchor in pages[target].anchors, f"{path}: {link}"
    assert elsewhere <= {"/graphiql/", "/account/", "/osm/"}
    for path in elsewhere:
        assert (await api.get(path)).status_code == 200, path


@pytest.mark.parametrize(
    "path", ["/docs/nothing", "/docs/a/b/c", "/docs/index", "/docs/errors.md", "/docs/..%2Fmain.py"]
)
async def test_an_address_that_leads_nowhere_shows_a_page(api, path):
    answer = await api.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = Read(answer.text)
    assert "Page not found" in answer.text
    assert page.current == []
    for link in [*page.links, *page.loaded]:
        if not link.startswith("#"):
            assert (await api.get(urljoin(path, link), follow_redirects=True)).status_code == 200, link


async def test_the_guide_is_found_from_where_people_begin(api):
    answer = await api.get("/docs")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs/")
    assert '"../docs/"' in (await api.get("/account/page.js")).text
    graphiql = (await api.get("/graphiql/")).text
    assert "../docs/" in graphiql
    [script] = re.findall(r'src="\.?/?(assets/index-[^"]+\.js)"', graphiql)
    assert "../docs/" in (await api.get(f"/graphiql/{script}")).text


def test_html_in_a_source_is_text():
    page = docs.rendered("# A <b>title</b>\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n")
    assert "<script" not in page.body
    assert "javascript:alert" not in "".join(re.findall(r'href="([^"]*)"', page.body))


def test_every_source_is_a_page():
    assert {file.stem for file in docs.FOLDER.glob("*.md")} == set(docs.NAMES)


def test_every_code_is_explained_once():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (problem|error|problem or error) \|", source("errors"), re.MULTILINE)
    assert sorted(code for code, _ in rows) == sorted(ErrorCode)
    assert {code for code, _ in rows} == set(schema._schema.type_map["ProblemCode"].values)


def test_what_is_named_exists():
    """Every `fieldName` and `TypeName` that a page names in code, but for what belongs to other programs."""
    types = schema._schema.type_map
    fields = {name for each in types.values() for name in getattr(each, "fields", {})}
    arguments = {
        name
        for each in types.values()
        for field in getattr(each, "fields", {}).values()
        for name in getattr(field, "args", {})
    }
    known = fields | arguments | types.keys() | OTHERS
    for name in docs.NAMES:
        text = FENCES.sub("", source(name))
        named = set(re.findall(r"`([a-z]+(?:[A-Z][a-z0-9]*)+)`", text)) | set(re.findall(r"`([a-z]+[A-Z]\w*)\(", text))
        assert named <= known, f"{name}: {named - known}"


def test_the_readme_is_short_and_its_links_lead_somewhere():
    text = README.read_text()
    assert len(text.splitlines()) <= README_LINES_MAX
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert (ROOT / link).exists(), link


def source(name: str) -> str:
    return (docs.FOLDER / f"{name}.md").read_text()


OTHERS = {"connectionParams", "documentId", "retryAfter", "requestId", "idempotencyKey", "possibleTypes", "deviceToken"}


def test_statuses_and_close_codes_are_those_of_the_code():
    errors = source("errors")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+)$", errors, re.MULTILINE))
    for code, status in responses.STATUS.items():
        assert f"HTTP {status}" in rows[code], code
    told = set(map(int, re.findall(r"^\| (\d{4}) \|", errors, re.MULTILINE)))
    ends = {value for value in vars(session).values() if type(value) is int and value > 1_011}
    assert told == ends - {session.ENVELOPE_BYTES_MAX}


def test_metrics_exist():
    known = {metric.name for metric in REGISTRY.collect()}
    told = set(re.findall(r"`(fieldgraph_\w+)`", source("operations")))
    assert len(told) > 5
    assert {name for name in told if name.removesuffix("_total") not in known} == set()


def test_limits_are_the_defaults():
    fields = type(settings).model_fields
    page = source("limits-and-costs").replace("\n", " ")
    for words, name in LIMITS.items():
        assert words.format(f"{fields[name].default:,}".replace(",", " ")) in page, name


LIMITS = {
    "budget of {} points per minute": "viewer_cost_per_minute_max",
    "{} points. Every request": "address_cost_per_minute_max",
    "may cost at most {}": "document_cost_max",
    "| text | {} characters": "text_length_max",
    "| list of values | {} ": "list_length_max",
    "| page | {}, labels": "page_size_max",
    "labels {} |": "labels_page_size_max",
    "| document | {} characters": "document_characters_max",
    "{} tokens": "document_tokens_max",
    "{} levels": "document_depth_max",
    "{} aliases": "document_aliases_max",
    "| connections from one address | {},": "connections_per_address_max",
    "with {} requests at a time": "requests_per_address_at_once_max",
    "{} WebSockets": "sockets_per_address_max",
    "| operations on one WebSocket | {} |": "socket_subscriptions_max",
    "| time of a request | {} s |": "request_s_max",
    "Keys are kept for {} hours": "idempotency_keys_kept_hours",
}


def test_numbers_of_the_page_about_wildlife_are_those_of_the_settings():
    """As they are if nobody sets them: whoever changes a default meets its sentence."""
    default = {name: field.default for name, field in Settings.model_fields.items()}
    text = " ".join((docs.FOLDER / "wildlife.md").read_text(encoding="utf-8").split())
    for sentence in (
        f"takes up to {default['media_uploads_at_once_max']} files",
        f"`sequenceGapS` ({default['sequence_gap_s'] // 60} minutes by default)",
        f"within a gap are a sequence: {default['sequence_gap_s']} seconds",
        f"approves up to {default['bulk_approvals_max']:,} media",
        f"at least {default['species_crops_per_class_min']} crops of each of {trainings.CLASSES_MIN} species",
        f"in batches of {default['ai_batch_resources_max']:,}",
        f"every {default['ai_poll_s']} seconds to {default['ai_poll_s_max'] // 60} minutes",
        f"after {default['ai_age_s_max'] // 3_600} hours fails",
        f"at most {default['frames_samples_max']:,} samples",
        f"the first {default['import_problems_max']:,} problems",
    ):
        assert sentence in text
