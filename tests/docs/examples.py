"""The examples of the guide and the README: what is a request, what it is answered with, and how the two compare."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from app.web.routes.pages import docs

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = {name: docs.FOLDER / f"{name}.md" for name in docs.NAMES} | {"README": README}
ADDRESS = "http://127.0.0.1:8000"
# Stands in an answer for a value that later examples use.
PLACEHOLDER = re.compile(r"\b(?:(?:[A-Z]+_)+(?:ID|LINK|UPLOAD)|(?:[A-Z]+_)*TOKEN)\b")
ANY = "…"


@dataclass(frozen=True)
class Example:
    """A fence: its language, the words behind that, its text, and where it stands."""

    page: str
    line: int
    language: str
    words: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} {self.language} {self.words}".rstrip()

    @property
    def why_not_run(self) -> str:
        """Why the tests cannot run it; empty if they do."""
        return self.words.partition(docs.NOT_RUN)[2].strip()

    @property
    def is_answer(self) -> bool:
        """Whether it is what the example before it is answered with."""
        return self.words == "answer"

    @property
    def is_event(self) -> bool:
        """Whether it is what an open subscription tells next."""
        return self.words == "event"


def examples(page: str) -> list[Example]:
    """Every fence of a page, in order."""
    tokens = MarkdownIt("commonmark").parse(PAGES[page].read_text(encoding="utf-8"))
    found = []
    for token in tokens:
        if token.type == "fence":
            language, _, words = token.info.strip().partition(" ")
            found.append(Example(page, token.map[0] + 1, language, words, token.content))
    return found


class Values(dict[str, str]):
    """What the placeholders of a page stand for."""

    def fill(self, text: str) -> str:
        """The text with values in place of placeholders."""
        return PLACEHOLDER.sub(lambda match: self.get(match[0], match[0]), text)

    def compare(self, expected: Any, actual: Any, path: str = "$") -> Iterator[str]:
        """How an answer differs from what the page says; a placeholder takes the value that it stands for."""
        if expected == ANY:
            return
        if isinstance(expected, str) and PLACEHOLDER.fullmatch(expected) and isinstance(actual, str):
            self[expected] = actual
        elif isinstance(expected, dict) and isinstance(actual, dict) and expected.keys() == actual.keys():
            for name in expected:
                yield from self.compare(expected[name], actual[name], f"{path}.{name}")
        elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
            for number, (each, other) in enumerate(zip(expected, actual, strict=True)):
                yield from self.compare(each, other, f"{path}[{number}]")
        elif not self.is_like(expected, actual):
            yield f"{path}: the page says {expected!r}, the API {actual!r}"

    def is_like(self, expected: Any, actual: Any) -> bool:
        """Whether they are equal; `…` in a text stands for anything."""
        if not isinstance(expected, str) or not isinstance(actual, str):
            return type(expected) is type(actual) and expected == actual
        parts = (re.escape(part) for part in self.fill(expected).split(ANY))
        return re.fullmatch(".*".join(parts), actual, re.DOTALL) is not None
