"""Settings can be turned, each by itself and all at once, and nothing else contradicts them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from graphql import FloatValueNode, GraphQLArgument, GraphQLInputField, IntValueNode, build_schema
from pydantic import BaseModel, ValidationError

from app.limits import automl, consulting, mapping, social, texts, wildlife
from app.refused_settings import explained
from app.settings import ORDERED, Settings
from app.settings.variables import unknown, variables
from schema import schema
from tests.turned_settings import all_turned, bounds, numbers, turned

ROOT = Path(__file__).parent.parent
# Numbers that no setting and no column decides, as the descriptions have them.
FIXED = re.compile(
    r"RFC \d+|ECMA-\d+|EPSG:\d+|WGS ?84|https?://\S+|\[[^\]]*\]|`[^`]*`|\b4\d\d\d\b|\b0 to 1\b|\b[0-9]+-hour|GeoJSON"
)
NUMBER = re.compile(r"\d[\d .]*")


def read(variable, settings):
    """The value that a variable has set."""
    name, _, part = variable.removeprefix("FIELDGRAPH_").lower().partition("__")
    found = getattr(settings, name)
    return getattr(found, part) if part else found


def printed(**environment):
    """The schema that a process with these settings publishes."""
    told = subprocess.run(
        [sys.executable, "-m", "app.cli", "schema"],
        env=os.environ | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-2_000:]
    return build_schema(told.stdout)


@pytest.fixture(scope="module")
def published():
    return {
        None: build_schema(schema.as_str()),
        True: printed(**all_turned(up=True)),
        False: printed(**all_turned(up=False)),
    }


def described(published):
    """Every description, by where it stands."""
    for kind in published.type_map.values():
        if kind.name.startswith("__"):
            continue
        yield kind.name, kind
        for name, field in getattr(kind, "fields", {}).items():
            yield f"{kind.name}.{name}", field
            for argument, given in getattr(field, "args", {}).items():
                yield f"{kind.name}.{name}({argument})", given


class Given(Settings):
    """Settings that read no environment."""

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, **_):
        del settings_cls
        return (init_settings,)


def given(variable, value):
    """The settings with one variable set."""
    name, _, part = variable.removeprefix("FIELDGRAPH_").lower().partition("__")
    if part:
        return Given(**{name: Settings.model_fields[name].default.model_dump() | {part: value}})
    told = {variable if variable == "PORT" else name: value}
    for low, high in ORDERED:
        # Whoever turns a setting past another has to turn that, too.
        low_value, high_value = (told.get(each, Settings.model_fields[each].default) for each in (low, high))
        if name in {low, high} and low_value > high_value:
            told |= {low: value, high: value}
    return Given(**told)


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_each_setting_can_be_turned_by_itself(up):
    steps = {variable: turned(field, default, up=up) for variable, field, default in numbers()}
    steps = {variable: value for variable, value in steps.items() if value is not None}
    assert {variable: read(variable, given(variable, value)) for variable, value in steps.items()} == steps
    assert len(steps) > 250


def test_all_can_be_turned_by_the_environment(monkeypatch):
    told = all_turned(up=True)
    for variable, value in told.items():
        monkeypatch.setenv(variable, value)
    settings = Settings()
    assert {variable: float(read(variable, settings)) for variable in told} == {
        variable: float(value) for variable, value in told.items()
    }


@pytest.mark.parametrize("beyond", ["low", "high", "nan", "many"])
def test_each_setting_refuses_what_is_beyond_its_bounds(beyond, monkeypatch):
    ranged = [(variable, field) for variable, field, default in numbers() if not isinstance(default, bool)]
    for variable, field in ranged:
        low, high = bounds(field)
        value = {"low": low - 1, "high": high + max(1, high // 10)}.get(beyond, beyond)
        monkeypatch.setenv(variable, str(value))
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert {sentence.partition(": ")[0] for sentence in explained(refused.value)} == {
        variable for variable, _ in ranged
    }


@pytest.mark.parametrize(("low", "high"), ORDERED)
def test_settings_that_contradict_one_another_are_refused_in_a_sentence(low, high):
    field = Settings.model_fields[low]
    above = field.default + (1 if field.annotation is int else 0.1)
    with pytest.raises(ValidationError) as refused:
        Given(**{low: above, high: field.default})
    [sentence] = explained(refused.value)
    assert sentence == f"FIELDGRAPH_{low.upper()} may be {field.default:g} at most, or raise FIELDGRAPH_{high.upper()}."


def test_a_lower_bound_may_not_pass_the_upper_one():
    with pytest.raises(ValidationError, match="FIELDGRAPH_TRAINING_ZOOM_MIN may be 21 at most"):
        Given(training_zoom_min=22)


def test_descriptions_follow_the_settings(published):
    """A number in a description that stays when every setting is turned is one that a constant or a standard fixes."""
    constants = {
        value
        for module in (texts, automl, consulting, mapping, social, wildlife)
        for value in vars(module).values()
        if isinstance(value, int)
    }
    stays = {}
    here, there = dict(described(published[None])), dict(described(published[True]))
    for place, shown in here.items():
        before, after = shown.description or "", there[place].description or ""
        if before == after:
            left = {int(re.sub(r"\D", "", found)) for found in NUMBER.findall(FIXED.sub("", before))}
            stays |= {place: left - constants - {0, 1}} if left - constants - {0, 1} else {}
    assert {place: found for place, found in stays.items() if place not in UNTURNED} == {}
    assert set(stays) >= UNTURNED


# Facts of formats and of the code: sizes of pictures and chips, widths of numbers, quarters of a whole, hours, degrees.
UNTURNED = {
    "Activity.hours",
    "Activity.meanHour",
    "ActivityChart.local",
    "ActivityChart.solar",
    "AvatarSize",
    "BaseModelOffer.chipsMax",
    "BigInt",
    "CamtrapDpOptionsInput.coordinateDecimals",
    "Classification.informativeness",
    "ClockTime",
    "ColumnProfile",
    "ColumnProfile.quantile03",
    "ColumnProfile.quantile07",
    "ColumnProfile.quantile08",
    "Deployment.cameraHeading",
    "Deployment.cameraTilt",
    "Deployment.deploymentId",
    "DeploymentDetails.cameraHeading",
    "DeploymentDetails.cameraTilt",
    "Effort.days",
    "EncDecConfiguration.sha256",
    "Graph.hue",
    "Int",
    "Machine.mdcColumnsValuesQuantile03",
    "Machine.mdcColumnsValuesQuantile07",
    "Machine.mdcColumnsValuesQuantile08",
    "MediaFileInput.sha256",
    "MediaSize",
    "Model.thumbnail",
    "NNModel.sha256",
    "PictureSize",
    "Resource.cameraTime",
    "Resource.sha256",
    "Statement.file(format)",
    "StatementFormat",
    "StationEffort.days",
    "String",
    "ThresholdFigures",
    "ThresholdFigures.f1",
    "Training.chipsLength",
    "UserStatistics.profileCompletionPercentage",
    "UpdateGraphInput.hue",
    "WildlifeStatistics.cameraHealth(silentDays)",
    "WildlifeStatistics.detectionHistory(occasionDays)",
}


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_what_a_description_names_is_no_placeholder(published, up):
    left = {
        place for place, shown in described(published[up]) if re.search(r"\{[a-z]+\.\w+\}", shown.description or "")
    }
    assert left == set()


@pytest.mark.parametrize("up", [None, True, False], ids=["defaults", "up", "down"])
def test_defaults_are_within_what_the_descriptions_allow(published, up):
    assert outside(published[up]) == {}


def test_defaults_stay_within_much_tighter_settings():
    tight = {
        "FIELDGRAPH_PAGE_SIZE": "3", "FIELDGRAPH_PAGE_SIZE_MAX": "4", "FIELDGRAPH_LABELS_PAGE_SIZE_MAX": "4",
        "FIELDGRAPH_HASHTAGS_POPULAR_MAX": "2", "FIELDGRAPH_FRIEND_SUGGESTIONS_MAX": "2",
        "FIELDGRAPH_TEAM_INVITATION_DAYS_MAX": "2", "FIELDGRAPH_API_KEY_DAYS_MAX": "5",
        "FIELDGRAPH_FEEDBACK_TRAINING_EPOCHS_MAX": "3", "FIELDGRAPH_FEEDBACK_TRAINING_BATCH_MAX": "2",
        "FIELDGRAPH_TRAINING_ZOOM_MIN": "20", "FIELDGRAPH_TRAINING_ZOOM_MAX": "20",
        "FIELDGRAPH_RAMP__EPOCHS_MAX": "4", "FIELDGRAPH_YOLO_V8_V1__BATCH_MAX": "2",
    }  # fmt: skip
    found = printed(**tight)
    assert outside(found) == {}
    fields = {name: found.type_map[name].fields for name in ("CreateApiKeyInput", "StartTrainingInput")}
    assert default_of(fields["CreateApiKeyInput"]["expiresInDays"]) == 5
    assert default_of(fields["StartTrainingInput"]["epochs"]) == 4
    assert default_of(fields["StartTrainingInput"]["batchSize"]) == 2


def default_of(given):
    """The number that an input has if nothing is given; nothing for any other."""
    declared = given.default if isinstance(given, GraphQLArgument | GraphQLInputField) else None
    literal = getattr(declared, "literal", None)
    return float(literal.value) if isinstance(literal, IntValueNode | FloatValueNode) else None


def outside(published):
    """Inputs whose default their own description excludes."""
    found = {}
    for place, given in described(published):
        if (default := default_of(given)) is None:
            continue
        text = re.sub(r"(?<=\d) (?=\d)", "", given.description or "")
        if named := re.search(r"(?:(\d+) to|at most) (\d+)", text):
            low, high = int(named[1] or 0), int(named[2])
            if not low <= default <= high:
                found[place] = (default, text)
    return found


def test_every_setting_has_a_meaning_and_every_number_bounds():
    listed = variables()
    assert len({each.name for each in listed}) == len(listed)
    assert [each.name for each in listed if not each.meaning.endswith(".") or len(each.meaning) < 10] == []
    ranged = {variable for variable, _, default in numbers() if not isinstance(default, bool)}
    assert {each.name for each in listed if each.bounds} == ranged
    fields = Settings.model_fields.values()
    parts = sum(len(type(field.default).model_fields) - 1 for field in fields if isinstance(field.default, BaseModel))
    assert len(listed) == len(Settings.model_fields) + parts


def test_no_text_that_a_column_holds_is_too_long_for_a_request():
    lengths = {value for module in (texts, mapping, social) for name, value in vars(module).items() if "LENGTH" in name}
    assert max(lengths - {social.EVIDENCE_LENGTH_MAX}) <= bounds(Settings.model_fields["text_length_max"])[0]


def test_a_variable_that_sets_nothing_is_found_with_what_may_be_meant():
    assert unknown({
        "FIELDGRAPH_PAGE_SIZ": "9",
        "FIELDGRAPH_PORT": "80",
        "FIELDGRAPH_RAMP__EPOCHS": "9",
        "FIELDGRAPH_POST_LENGTH_MAX": "800",
        "FIELDGRAPH_PAGE_SIZE": "9",
        "fieldgraph_nodes_max": "9",
        "FIELDGRAPH_RAMP__BATCH_MAX": "4",
        "FIELDGRAPH_HOME": "/",
        "PORT": "80",
        "PATH": "/bin",
    }) == {
        "FIELDGRAPH_PAGE_SIZ": "FIELDGRAPH_PAGE_SIZE",
        "FIELDGRAPH_PORT": "PORT",
        "FIELDGRAPH_POST_LENGTH_MAX": None,
        "FIELDGRAPH_RAMP__EPOCHS": None,
    }  # fmt: skip
