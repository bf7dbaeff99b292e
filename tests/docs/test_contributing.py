"""What CONTRIBUTING names is there: every file and function of its walks, every state of a job, every command."""

import ast
import re

from app.models.system import JobState
from app.services.system import jobs
from tests.docs.examples import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
FILE = re.compile(r"`((?:app|schema|resolvers|jobs|tests|migrations)/[\w./-]*)`(?:\s+`(\w+)`)?")
WORDS_MIN = 20


def section(heading):
    return re.split(r"^## ", TEXT.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_file_and_function_exists():
    named = FILE.findall(TEXT)
    assert len(named) > 60
    for path, name in named:
        if "<" in path:
            continue
        assert (ROOT / path).exists(), path
        if name:
            tree = ast.parse((ROOT / path).read_text())
            defined = {
                node.name
                for node in ast.walk(tree)
                if isinstance(node, ast.AsyncFunctionDef | ast.ClassDef | ast.FunctionDef)
            }
            assert name in defined, f"{path}: {name}"


def test_each_walk_names_functions_at_its_steps():
    walks = re.split(r"^### ", section("Three walks through the code"), flags=re.MULTILINE)[1:]
    assert len(walks) == 3
    for walk in walks:
        steps = re.split(r"^\d+\. ", walk, flags=re.MULTILINE)[1:]
        assert len(steps) >= 5
        for step in steps:
            assert FILE.search(step) or "`Exchange`" in step, step


def test_the_glossary_says_where_each_word_lives():
    rows = [line.split("|") for line in section("Glossary").splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= WORDS_MIN
    assert [row[1].strip() for row in rows] == sorted(
        {row[1].strip() for row in rows}, key=[row[1].strip() for row in rows].index
    )


def test_the_diagram_has_every_state_and_its_functions():
    drawn = section("A job's states")
    edges = re.findall(r"^ +(\w+) --> (\w+): (.+)$", drawn, re.MULTILINE)
    assert {state for edge in edges for state in edge[:2]} == set(JobState.__members__)
    functions = {
        name
        for *_, words in edges
        for name in re.findall(
            r"\b(?:try_later|set_back|return_unfinished|release|abandon|rest|begin|end|cancel)\b", words
        )
    }
    assert functions == {
        "try_later",
        "set_back",
        "return_unfinished",
        "release",
        "abandon",
        "rest",
        "begin",
        "end",
        "cancel",
    }
    assert all(callable(getattr(jobs, name)) for name in functions)


def test_every_command_exists():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`make ([a-z-]+)", TEXT)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
