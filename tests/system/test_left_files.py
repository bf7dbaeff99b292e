"""Files that no row names: what a worker stored that died before its commit is deleted after a while."""

import pytest

from app.gateways import storage
from app.models.wildlife.exchange import ExchangeStatus, WildlifeExport, WildlifeExportFormat
from app.models.wildlife.providers import AIProviderType, LocalAIProvider, LocalEngine
from app.services.system.files import left_files
from app.settings import settings
from jobs import housekeeping, system  # noqa: F401 -- registers its tasks
from tests import factories
from tests.automl import learned
from tests.wildlife.classifying import season


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A storage of the test's own: what other tests have left there would be deleted, and counted."""
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
async def named(database, owner):
    """A file in each folder that a row names."""
    key = f"machines/{(await learned.machine(database, owner.id)).id}/1.safetensors"
    training = await factories.training(
        database, await factories.model(database, await factories.dataset(database, owner.id))
    )
    of_training, of_prediction = f"trainings/{training.id}/1/a", "predictions/1/1-1/b"
    for each in (of_training, of_prediction):
        await factories.artifact(database, training_id=training.id, storage_key=each, name=each.replace("/", "-"))
    at = await season(database, owner.id, media=1)
    export = WildlifeExport(
        user_id=owner.id,
        classification_project_id=at.project.id,
        format=WildlifeExportFormat.COCO,
        status=ExchangeStatus.FINISHED,
        storage_key="wildlife-exports/1.json",
    )
    await factories.add(database, export)
    provider = LocalAIProvider(
        name="a",
        provider_type=AIProviderType.CLASSIFICATION,
        engine=LocalEngine.ONNX,
        weights_key="classifiers/1/a",
    )
    await factories.add(database, provider)
    keys = [key, of_training, of_prediction, "wildlife-exports/1.json", "classifiers/1/a"]
    for each in keys[1:]:
        await storage.put(each, b"kept")
    return keys


async def test_each_folder_keeps_what_a_row_names_and_nothing_else(database, named, monkeypatch):
    assert {key.partition("/")[0] for key in named} == set(left_files.NAMES)
    left = [f"{folder}/9/left-behind" for folder in left_files.NAMES]
    for key in left:
        await storage.put(key, b"left")
    prune = housekeeping.TASKS["files left behind"]
    # A row may be about to name what is new.
    assert await prune(database) == 0
    monkeypatch.setattr(settings, "uploads_kept_hours", 0)
    assert await prune(database) == len(left)
    assert [await storage.exists(key) for key in left] == [False] * len(left)
    assert [await storage.exists(key) for key in named] == [True] * len(named)
    assert await prune(database) == 0
