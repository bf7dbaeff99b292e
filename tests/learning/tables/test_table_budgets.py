"""What a training does where its time would not do: what is worth less waits, and what cannot stop is left."""

from threading import Event

import pytest

from app.learning.engine import Cancelled
from app.learning.tables import judging, training
from app.learning.tables.candidates.boosting import TreeMaker
from tests.learning.tables.trained import INPUTS, PRICE, Trained


def test_inputs_are_shuffled_once_where_more_would_take_the_time_to_learn_from_all_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "IMPORTANCE_SHARE", 0)

    trained = Trained(tmp_path / "once", [*INPUTS, PRICE])

    importance = trained.output["importance"]
    assert {each["column"] for each in importance} == {"size", "colour"}
    assert [each["spread"] for each in importance] == [0, 0]
    assert importance[0]["share"] > 0.8


def test_of_a_wide_table_fewer_rows_are_shuffled(tmp_path, monkeypatch):
    asked, rows = [], judging._rows
    monkeypatch.setattr(judging, "IMPORTANCE_ANSWERS_MAX", 50)
    monkeypatch.setattr(judging, "IMPORTANCE_ROWS_MIN", 20)
    monkeypatch.setattr(judging, "_rows", lambda encoders, matrix: asked.append(len(matrix)) or rows(encoders, matrix))

    trained = Trained(tmp_path / "wide", [*INPUTS, PRICE])

    assert set(asked) == {25}
    assert trained.output["importance"][0]["share"] > 0.8


def test_a_network_that_is_compiled_for_too_long_is_left_behind(tmp_path, monkeypatch):
    from app.learning.tables.candidates.fitting import NetworkMaker  # noqa: PLC0415 (a second to import)

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


@pytest.mark.parametrize(("epochs_max", "trees_s", "networks"), [(5, [191, 382], ["network-1"]), (0, [425, 850], [])])
def test_trees_leave_networks_more_than_half_of_the_time(tmp_path, monkeypatch, epochs_max, trees_s, networks):
    from app.learning.tables.candidates.fitting import NetworkMaker  # noqa: PLC0415 (a second to import)

    given, asked = [], []
    monkeypatch.setattr(TreeMaker, "learn", lambda maker, ground, clock, say: given.append(clock.left_s()))
    monkeypatch.setattr(NetworkMaker, "learn", lambda maker, *_: asked.append(maker.name))

    Trained(tmp_path / "shared", [*INPUTS, PRICE], level=3, budget_s=1000, epochs_max=epochs_max)

    # Here no trees take any of their time, so the last may take all of it.
    assert given == pytest.approx(trees_s, rel=0.1)
    assert asked == networks


def test_who_cancels_keeps_the_best_so_far(tmp_path, monkeypatch):
    begun, learn = Event(), TreeMaker.learn
    monkeypatch.setattr(TreeMaker, "learn", lambda *given: begun.set() or learn(*given))

    trained = Trained(tmp_path / "cancelled", [*INPUTS, PRICE], level=3, cancelled=begun.is_set)

    assert "linear" in {line["name"] for line in trained.output["leaderboard"]}
    assert trained.outcome["stopped"] == "CANCELLED"
    assert not trained.output["isRefitted"]
    assert trained.output["figures"]["rmse"] > 0


def test_who_cancels_before_anything_is_learned_keeps_nothing(tmp_path):
    with pytest.raises(Cancelled):
        Trained(tmp_path / "never", [*INPUTS, PRICE], cancelled=lambda: True)

    assert not (tmp_path / "never" / "machine.safetensors").exists()
