"""What a training does where its time would not do: what is worth less waits, and what cannot stop is left."""

from threading import Event

from app.learning.tables import judging, training
from tests.learning.test_tables import INPUTS, PRICE, Trained


def test_inputs_are_shuffled_once_where_more_would_take_the_time_to_learn_from_all_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "IMPORTANCE_SHARE", 0)

    trained = Trained(tmp_path / "once", [*INPUTS, PRICE])

    importance = trained.output["importance"]
    assert {each["column"] for each in importance} == {"size", "colour"}
    assert [each["spread"] for each in importance] == [0, 0]
    assert importance[0]["share"] > 0.8


def test_a_network_that_is_compiled_for_too_long_is_left_behind(tmp_path, monkeypatch):
    from app.learning.tables.fitting import NetworkMaker  # noqa: PLC0415 (a second to import)

    over = Event()
    monkeypatch.setattr(training, "NETWORK_S_MIN", 0)
    monkeypatch.setattr(NetworkMaker, "learn", lambda *_: over.wait(60))

    try:
        trained = Trained(tmp_path / "left", [*INPUTS, PRICE], budget_s=3, epochs_max=5, trees_max=5)
        assert not over.is_set()
    finally:
        over.set()

    assert trained.outcome["tookS"] < 60
    assert trained.outcome["stopped"] == "BUDGET"
    assert {each["kind"] for each in trained.output["leaderboard"]} <= {"constant", "linear", "trees"}
