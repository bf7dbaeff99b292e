"""An operator adds a model as an ONNX file."""

import pytest
from typer.testing import CliRunner

from app.operations import ai_provider_commands
from app.operations.processes.process import CannotStart
from app.settings import settings


@pytest.fixture
def add(database_url, redis_url, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "redis_url", redis_url)
    (tmp_path / "model.onnx").write_bytes(b"a model")

    def add(labels, *arguments):
        (tmp_path / "labels.txt").write_text(labels)
        files = (str(tmp_path / "model.onnx"), str(tmp_path / "labels.txt"))
        result = CliRunner().invoke(ai_provider_commands.program, ["add", "MegaDetector", *files, *arguments])
        if result.exception is not None:
            assert isinstance(result.exception, CannotStart), result.exception
            return str(result.exception)
        return result.stdout

    return add


def rows(database_owner):
    connection = database_owner
    return connection.execute("SELECT name, version, engine, licence, categories FROM ai_providers").fetchall()


def test_a_detector_is_added_with_its_labels(add, database_owner):
    assert add("animal\nperson\nvehicle\n", "--version", "5a", "--licence", "MIT").startswith(
        "Added MegaDetector 5a with 3 labels."
    )
    [(name, version, engine, licence, categories)] = rows(database_owner)
    assert (name, version, engine, licence) == ("MegaDetector", "5a", "ONNX", "MIT")
    [mapping] = categories["attributeMappings"]
    assert {each["aiLabel"]: each["value"] for each in mapping["labels"]} == {
        "animal": "animal",
        "person": "human",
        "vehicle": "vehicle",
    }


@pytest.mark.parametrize(
    ("labels", "arguments", "reason"),
    [
        ("", (), "The file of labels must have one label a line, each once."),
        ("animal\nanimal\n", (), "The file of labels must have one label a line, each once."),
        ("animal\n", ("--type", "pose"), "--type must be detection or classification."),
        ("Vulpes nemo\n", ("--type", "classification"), "labels: No species is called Vulpes nemo."),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_added(labels, arguments, reason, add, database_owner):
    assert add(labels, *arguments).startswith(reason)
    assert rows(database_owner) == []
