"""What heaps up is told in figures, and a database that does not answer costs the others nothing."""

import math
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from app.errors import Busy
from app.web.routes import gauges
from app.web.routes.gauges import Gauges
from tests import factories


def value(gauge):
    return gauge.collect()[0].samples[0].value


async def test_it_tells_how_long_jobs_wait_and_what_is_to_be_removed(database):
    await factories.job(database, available_at=datetime.now(UTC) - timedelta(seconds=90))
    async with database.writing() as session:
        old = "SELECT 't', '{}', now() - interval '30 days' FROM generate_series(1, 6)"
        await session.execute(text(f"INSERT INTO events (topic, payload, created_at) {old}"))
    await Gauges(database).refresh()
    assert 90 <= value(gauges.oldest_job) < 150
    assert value(gauges.rows_to_prune.labels("events")) == 5
    assert (value(gauges.event_lag), value(gauges.unknown_jobs)) == (0, 0)


async def test_without_a_database_the_figures_are_no_numbers(database, monkeypatch):
    def away():
        raise Busy

    monkeypatch.setattr(database, "reading", away)
    await Gauges(database).refresh()
    assert math.isnan(value(gauges.oldest_job))
    assert math.isnan(value(gauges.rows_to_prune.labels("events")))
