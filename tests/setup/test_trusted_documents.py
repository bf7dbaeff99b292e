"""`fieldgraph documents`: manifests of three tools are loaded, all or nothing."""

import asyncio
import json

import pytest

from app.operations import trusted_documents as operation
from app.operations.processes.process import CannotStart
from app.services.system.requests import trusted_documents
from app.settings import settings

ME = "query Me { me { username } }"
MODELS = "query Models { models { nodes { id } } }"
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": "a", "name": "Me", "type": "query", "body": ME}],
}


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path / "home")
    monkeypatch.setattr(settings, "storage_url", None)

    def load(*manifests, replace=False):
        files = []
        for number, manifest in enumerate(manifests):
            files.append(tmp_path / f"{number}.json")
            files[-1].write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
        return operation.load(files, replace=replace)

    return load


def stored():
    return asyncio.run(trusted_documents.stored())


@pytest.mark.parametrize("manifest", [APOLLO, {"a": ME}], ids=["Apollo", "Relay and the client preset"])
def test_a_manifest_is_loaded(load, manifest):
    assert load(manifest).startswith("Loaded 1 documents; 1 are trusted.")
    assert stored() == {"a": ME}
    assert operation.count() == "1 documents are trusted."


def test_manifests_are_added_until_they_replace(load):
    load(APOLLO, {"b": MODELS})
    load({"c": ME})
    assert set(stored()) == {"a", "b", "c"}
    load({"b": MODELS}, replace=True)
    assert stored() == {"b": MODELS}


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ("{", "This is not a manifest."),
        ([], "This is not a manifest."),
        ({}, "This is not a manifest."),
        ({"a": 1}, "This is not a manifest."),
        ({"a": ""}, "This is not a manifest."),
        ({"x" * 129: ME}, "This is not a manifest."),
        ({**APOLLO, "version": 2}, "another version than 1"),
        ({**APOLLO, "operations": {}}, "no operations"),
        ({**APOLLO, "operations": [{"id": "a"}]}, "'id' and a 'body'"),
        ({**APOLLO, "operations": [1]}, "'id' and a 'body'"),
        ({**APOLLO, "operations": [{"id": "a", "body": ME}, {"id": "a", "body": MODELS}]}, "two operations"),
        ({"b": "query { nothing }"}, "b: Cannot query field 'nothing'"),
        ({"b": "query {"}, "b: Syntax Error"),
        ({"b": "fragment F on User { id }"}, "b: "),
        ({"a": MODELS}, "Another document is trusted under the id a."),
    ],
)
def test_what_cannot_be_loaded_changes_nothing(load, manifest, reason):
    load(APOLLO)
    with pytest.raises(CannotStart) as refused:
        load(manifest)
    assert reason in str(refused.value)
    assert stored() == {"a": ME}


def test_a_file_that_is_not_there_is_named(load, tmp_path):
    with pytest.raises(CannotStart, match=r"missing\.json: No such file"):
        operation.load([tmp_path / "missing.json"], replace=False)
