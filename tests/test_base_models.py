"""A base model is offered where its engine and what that needs are installed; else it says what is missing."""

import sys

import pytest

from app import base_models
from app.base_models import OFFERS, BaseModelOffer
from app.learning import engine


def test_ramp_is_always_there():
    assert OFFERS["RAMP"].reason is None


@pytest.mark.parametrize("name", ["YOLO_V8_V1", "YOLO_V8_V2"])
def test_one_whose_libraries_are_missing_says_which_extra_brings_them(monkeypatch, name):
    monkeypatch.setattr(base_models, "find_spec", lambda _: None)
    assert OFFERS[name].reason == f"{name} needs torch and ultralytics, which the extra `yolo` installs."


def test_one_without_an_engine_says_so():
    assert BaseModelOffer("SAM", "", "MIT").reason == "No engine for SAM is installed here."


def test_an_engine_whose_library_is_missing_fails_in_words(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "app.learning.yolo", raising=False)
    with pytest.raises(engine.Failure, match="torch"):
        engine.load("YOLO_V8_V1")


@pytest.mark.parametrize("name", ["YOLO_V8_V1", "YOLO_V8_V2"])
def test_asking_loads_no_engine(name):
    assert OFFERS[name].limits.epochs_max == 200
    assert "ultralytics" not in sys.modules
