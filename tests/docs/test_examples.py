"""Every example of the guide and of the README does what the page says."""

import ast
import json
import re
import shutil
import subprocess
from collections import Counter

import pytest
from graphql import parse, validate
from typer.main import get_command

from app.cli import program
from app.settings import Settings, settings
from schema import schema
from tests.docs import world
from tests.docs.examples import ADDRESS, PAGES, ROOT, examples
from tests.docs.runner import Runner

ALL = [example for page in PAGES for example in examples(page)]
RUN = {"graphql", "shell", "python"}
# Languages of what is shown and not done; `json` and `text` beside a request are its answer.
SHOWN = {"json", "text", "sql", "nginx", "mermaid", "javascript", "ini", "promql", "yaml", "dockerfile"}
NOT_RUN_MAX = 25
VARIABLE = re.compile(r"\b(?:FIELDGRAPH_[A-Z0-9_]+|DATABASE_URL|REDIS_URL)\b")


@pytest.mark.parametrize("page", PAGES)
async def test_examples_do_what_the_page_says(page, live, database, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "public_url", ADDRESS)
    async with Runner(live.url, await world.make(database), tmp_path) as runner:
        for example in examples(page):
            await runner.take(example)
            assert not runner.faults, "\n".join(runner.faults)
    expected = Counter(example.language for example in examples(page) if example.language in RUN)
    left_out = Counter(example.language for example in examples(page) if example.why_not_run)
    assert Counter(runner.ran) == expected - left_out


def test_every_fence_is_run_or_says_why_not():
    assert {str(example) for example in ALL if example.language not in RUN | SHOWN} == set()
    reasons = [example for example in ALL if example.why_not_run]
    assert len(reasons) <= NOT_RUN_MAX
    silent = [str(each) for each in ALL if each.language == "javascript" and not each.why_not_run]
    assert silent == []
    known = {"", "answer", "event", "anonymous", "as surveyor", "as moderator", "as reviewer", "as ecologist"}
    assert [str(each) for each in ALL if not each.why_not_run and each.words not in known] == []


def test_answers_are_json():
    for example in ALL:
        if example.language == "json":
            json.loads(example.text)


def test_javascript_is_valid():
    """Its syntax where Node is installed, and its GraphQL always."""
    scripts = [example for example in ALL if example.language == "javascript"]
    assert scripts
    documents = [
        (script, text) for script in scripts for text in re.findall(r"(?:gql|graphql)\(?`([^`]+)`", script.text)
    ]
    assert documents
    for script, text in documents:
        assert validate(schema._schema, parse(text)) == [], str(script)
    if node := shutil.which("node"):
        for script in scripts:
            checked = subprocess.run(
                [node, "--input-type=module", "--check"], input=script.text, text=True, capture_output=True, check=False
            )
            assert checked.returncode == 0, f"{script}: {checked.stderr}"


def test_commands_exist():
    """Every `fieldgraph …` and `make …` in a shell example, with its options."""
    fieldgraph = get_command(program)
    makefile = (ROOT / "Makefile").read_text()
    lines = [line for example in ALL if example.language == "shell" for line in example.text.splitlines()]
    called = [
        match[1].split() for line in lines if (match := re.match(r"(?:\w+=\S+ )*fieldgraph (.+?)(?:\s+#.*)?$", line))
    ]
    assert called
    for name, *arguments in called:
        command = fieldgraph.commands[name]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        if name != "user":
            assert {each.partition("=")[0] for each in arguments if each.startswith("-")} <= known, name
    for target in {match[1] for line in lines if (match := re.match(r"make ([a-z-]+)", line))}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_settings_exist():
    names = {f"FIELDGRAPH_{name.upper()}" for name in Settings.model_fields} | {"DATABASE_URL", "REDIS_URL"}
    nested = re.compile(r"FIELDGRAPH_(?:RAMP|YOLO_V8_V1|YOLO_V8_V2)__[A-Z_]+")
    told = {name for file in PAGES.values() for name in VARIABLE.findall(file.read_text())}
    assert {name for name in told if name not in names and not nested.fullmatch(name)} == set()


def test_python_fits_the_page():
    for example in ALL:
        if example.language == "python":
            ast.parse(example.text)
            assert max(map(len, example.text.splitlines())) <= 100, str(example)
