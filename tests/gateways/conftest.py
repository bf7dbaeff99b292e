"""The fakes behind a real socket, and settings small enough to see every limit reached."""

import pytest

from app.gateways.fakes import app
from app.settings import settings
from tests.servers import serving


@pytest.fixture(scope="session")
def fakes():
    with serving(app) as server:
        yield server


@pytest.fixture(autouse=True)
def small_world(monkeypatch, tmp_path, fakes):
    """The fakes are the only private host allowed, nothing pauses long, and files go to a folder of their own."""
    fakes.asked.clear()
    for name, value in {
        "outside_hosts_allowed": [fakes.host],
        "outside_retry_s": 0.01,
        "job_progress_s": 0.05,
        "osm_features_url": f"{fakes.url}/osm/v1",
        "home": tmp_path,
    }.items():
        monkeypatch.setattr(settings, name, value)
