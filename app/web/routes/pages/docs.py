"""The guide at /docs: Markdown files rendered on the server, so that it works offline and without JavaScript."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from itertools import pairwise
from pathlib import Path
from string import Template

from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

FOLDER = Path(__file__).parents[2] / "docs"
INDEX = "index"
# In the order in which they are read. Each is a file in the folder.
NAMES = (
    INDEX,
    "getting-started",
    "accounts-and-keys",
    "mapping",
    "wildlife",
    "automl",
    "social",
    "billing",
    "market",
    "consulting",
    "errors",
    "limits-and-costs",
    "live-and-resume",
    "contract",
    "webhooks",
    "bulk-queries",
    "files",
    "javascript",
    "python",
    "operations",
    "capacity",
    "hardening",
    "how-it-is-built",
    "compiled-queries",
)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}
NOT_RUN = "not run:"
# Every page, and pages for addresses of some depths.
DOCUMENTS_MAX = 64
MISSING = "# Page not found\n\nThere is no page with this address. All pages are listed in the navigation.\n"
LAYOUT = Template((FOLDER / "layout.html").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Page:
    """A rendered page: its title, its sections (anchor and heading), its body as HTML."""

    title: str
    sections: Sequence[tuple[str, str]]
    body: str


def routes() -> list[BaseRoute]:
    """The pages, their style sheet, and a page for every other address below /docs."""
    return [
        Route("/docs", _to_index),
        Route("/docs/docs.css", _style),
        Route("/docs/{path:path}", _show),
    ]


async def _to_index(_request: Request) -> Response:
    return RedirectResponse("/docs/", status_code=307)


async def _style(_request: Request) -> Response:
    return FileResponse(FOLDER / "docs.css", headers={"Cache-Control": "no-cache"})


async def _show(request: Request) -> Response:
    path: str = request.path_params["path"]
    name = path or INDEX
    if name not in NAMES or path == INDEX:
        # Links are relative, so a page for a deeper address goes up to this folder first. What counts is the address as
        # the browser sees it, where an escaped slash begins no folder.
        raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        return HTMLResponse(_document(None, "../" * (raw.count(b"/") - 2)), 404, headers=HEADERS)
    return HTMLResponse(_document(name), headers=HEADERS)


@cache
def page(name: str) -> Page:
    """A page by its name, rendered once per process."""
    return rendered((FOLDER / f"{name}.md").read_text(encoding="utf-8"))


def rendered(source: str) -> Page:
    """Markdown as HTML: HTML in it is shown as text, headings get anchors, links to files become links to pages."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(source)
    headings = list(_anchored(tokens))
    for token in _all(tokens):
        if token.type == "link_open":
            token.attrSet("href", _href(str(token.attrGet("href"))))
    body = "".join(_part(markdown, token_group) for token_group in _grouped(tokens))
    title = next(text for tag, _, text in headings if tag == "h1")
    return Page(title, [(anchor, text) for tag, anchor, text in headings if tag == "h2"], body)


def anchor(heading: str) -> str:
    """The anchor of a heading: its words in lower case, joined by hyphens."""
    return "-".join(re.findall(r"\w+", heading.lower()))


def _anchored(tokens: Sequence[Token]) -> Iterator[tuple[str, str, str]]:
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in content.children or ())
            opening.attrSet("id", anchor(text))
            yield opening.tag, anchor(text), text


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or ())


def _href(href: str) -> str:
    """Sources link to each other as files, so that they can be followed in a checkout, too."""
    name, hash_sign, fragment = href.partition("#")
    if "/" in name or not name.endswith(".md"):
        return href
    page_name = name.removesuffix(".md")
    return f"{'./' if page_name == INDEX else page_name}{hash_sign}{fragment}"


def _grouped(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Fences by themselves, since each gets a caption; what lies between them together."""
    group: list[Token] = []
    for token in tokens:
        if token.type == "fence":
            yield group
            yield [token]
            group = []
        else:
            group.append(token)
    yield group


def _part(markdown: MarkdownIt, tokens: list[Token]) -> str:
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    if len(tokens) == 1 and tokens[0].type == "fence":
        _, not_run, reason = tokens[0].info.partition(NOT_RUN)
        # The style sheet lets wide examples scroll; a keyboard can only scroll what it can reach.
        html = html.replace("<pre>", '<pre tabindex="0">')
        return f"{html}<p class=note>Not run by the tests: {escape(reason.strip())}.</p>" if not_run else html
    return html


@lru_cache(maxsize=DOCUMENTS_MAX)
def _document(name: str | None, up: str = "") -> str:
    page_shown = rendered(MISSING) if name is None else page(name)
    return LAYOUT.substitute(
        title=escape(page_shown.title), body=page_shown.body, up=up, navigation="".join(_links(name, page_shown, up))
    )


def _links(current: str | None, open_page: Page, up: str) -> Iterator[str]:
    for name in NAMES:
        href = up + ("./" if name == INDEX else name)
        mark = ' aria-current="page"' if name == current else ""
        yield f'<li><a href="{href}"{mark}>{escape(page(name).title)}</a>'
        if name == current and open_page.sections:
            yield "<ul>"
            for section, text in open_page.sections:
                yield f'<li><a href="#{section}">{escape(text)}</a></li>'
            yield "</ul>"
        yield "</li>"
