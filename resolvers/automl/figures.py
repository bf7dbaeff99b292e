"""How good versions of machines are: figures as they are stored, shown as fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, case, null, select

from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.models.automl.works import Work
from app.models.base import BigInt
from app.policies import AnyViewer
from app.policies.automl.machines import sees_inside
from app.services.automl.trainings import METRIC_OF
from app.tabular.choices import MachineSplit, MachineStage, MachineStatus, TargetMetric
from resolvers.context import Info
from resolvers.enums import show_enum

show_enum(TargetMetric)
BASELINES = frozenset({"constant", "linear"})
# More classes make a matrix that nobody reads.
CONFUSION_CLASSES_MAX = 50

Stored = Mapping[str, Any]


@dataclass(frozen=True)
class StageState:
    """Whether a stage of learning was done, and whether the next training does it again."""

    stage: MachineStage
    is_ready: bool
    is_re_run: bool


@dataclass(frozen=True)
class LeaderboardEntry:
    """One way to learn that was tried, and how it did on lines that it never saw."""

    output: str
    name: str
    kind: str
    metric: TargetMetric
    score: float | None
    fold_scores: list[float | None]
    weight: float
    is_used: bool
    is_baseline: bool
    fit_s: float
    predict_s: float
    size_bytes: BigInt


@dataclass(frozen=True)
class CalibrationBin:
    """Answers that were about as sure, and how often they were right."""

    from_: float
    to: float
    line_count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class CurvePoint:
    """A point of the ROC curve and of the curve of precision over recall."""

    threshold: float
    true_positive_rate: float
    false_positive_rate: float
    precision: float


@dataclass(frozen=True)
class OutputMetrics:
    """How good the answers for one output are, in its own units, on lines that were never learned from."""

    output: str
    target_metric: TargetMetric | None
    split: MachineSplit | None
    split_column: str | None
    learning_line_count: int | None
    evaluation_line_count: int
    log_loss: float | None
    uncalibrated_log_loss: float | None
    auc: float | None
    accuracy: float | None
    f1: float | None
    classes: list[str]
    confusion_matrix: list[list[int]]
    calibration_error: float | None
    calibration: list[CalibrationBin]
    curve: list[CurvePoint]
    rmse: float | None
    mae: float | None
    r2: float | None
    coverage: float | None
    temperature: float | None
    threshold: float | None
    margin: float | None
    is_refitted: bool | None
    unknown_label_count: int


@dataclass(frozen=True)
class InputImportance:
    """What the answers for an output owe to an input."""

    output: str
    input: str
    share: float
    loss_increase: float | None
    spread: float | None
    extremes_share: float | None


@dataclass(frozen=True)
class SplitSuggestion:
    """A split that may be more honest than one at random, with the figures of both."""

    split: MachineSplit
    column: str
    metric: TargetMetric
    random_score: float
    score: float
    is_loud: bool
    message: str


def figures_of_current(viewer: AnyViewer) -> ColumnElement[Any]:
    """The figures of the version of a machine that answers now, for those who see its lines."""
    current = select(NNModel.figures).where(NNModel.id == Machine.training_nn_model_id).scalar_subquery()
    return case((sees_inside(viewer), current), else_=null())


def _outputs(figures: Stored | None) -> list[Stored]:
    return list((figures or {}).get("outputs", []))


def leaderboard_of(figures: Stored | None) -> list[LeaderboardEntry]:
    """All candidates of all outputs."""
    return [
        LeaderboardEntry(
            output=each["name"],
            name=line["name"],
            kind=line["kind"],
            metric=METRIC_OF[line["metric"]],
            score=line["score"],
            fold_scores=line["foldScores"],
            weight=line["weight"],
            is_used=line["weight"] > 0,
            is_baseline=line["kind"] in BASELINES,
            fit_s=line["fitS"],
            predict_s=line["predictS"],
            size_bytes=BigInt(line["bytes"]),
        )
        for each in _outputs(figures)
        for line in each["leaderboard"]
    ]


def metrics_of(figures: Stored | None) -> list[OutputMetrics]:
    """The figures of each output."""
    return [_metrics(each) for each in _outputs(figures)]


def _metrics(output: Stored) -> OutputMetrics:
    figures, split = output["figures"], output.get("split") or {}
    classes, metric = figures.get("classes", []), output.get("metric")
    calibration = figures.get("calibration") or {"expectedError": None, "bins": []}
    plain = ("auc", "accuracy", "f1", "rmse", "mae", "r2", "coverage")
    return OutputMetrics(
        output=output["name"],
        target_metric=None if metric is None else METRIC_OF[metric],
        split=MachineSplit(split["by"]) if split else None,
        split_column=split.get("column"),
        learning_line_count=split.get("learningRows"),
        evaluation_line_count=figures["rows"],
        log_loss=figures.get("logLoss"),
        uncalibrated_log_loss=figures.get("uncalibratedLogLoss"),
        classes=classes,
        confusion_matrix=figures["confusion"] if 0 < len(classes) <= CONFUSION_CLASSES_MAX else [],
        calibration_error=calibration["expectedError"],
        calibration=[
            CalibrationBin(each["from"], each["to"], each["rows"], each["confidence"], each["accuracy"])
            for each in calibration["bins"]
        ],
        curve=_curve(figures.get("curves")),
        temperature=output.get("temperature") if classes else None,
        threshold=output.get("threshold"),
        margin=output.get("margin"),
        is_refitted=output.get("isRefitted"),
        unknown_label_count=output.get("unknownLabels", 0),
        **{name: figures.get(name) for name in plain},
    )


def _curve(curves: Stored | None) -> list[CurvePoint]:
    if curves is None:
        return []
    names = ("threshold", "truePositiveRate", "falsePositiveRate", "precision")
    return [CurvePoint(*point) for point in zip(*(curves[name] for name in names), strict=True)]


def importance_of(figures: Stored | None) -> list[InputImportance]:
    """What each input does for each output."""
    return [
        InputImportance(
            each["name"], one["name"], one["share"], one["lossIncrease"], one["spread"], one["extremesShare"]
        )
        for each in _outputs(figures)
        for one in each["importance"]
    ]


def suggestions_of(figures: Stored | None) -> list[SplitSuggestion]:
    """Splits that may be more honest."""
    return [
        SplitSuggestion(
            MachineSplit(each["by"]),
            each["name"],
            METRIC_OF[each["metric"]],
            each["randomScore"],
            each["score"],
            each["isLoud"],
            each["message"],
        )
        for each in (figures or {}).get("suggestions", [])
    ]


def leaderboard(root: strawberry.Parent[NNModel]) -> list[LeaderboardEntry]:
    """Every candidate that was tried, the plain ones, too, with the part it has in the answers."""
    return leaderboard_of(root.figures)


def metrics(root: strawberry.Parent[NNModel]) -> list[OutputMetrics]:
    """How good it is on lines that it never saw, for each output."""
    return metrics_of(root.figures)


def importance(root: strawberry.Parent[NNModel]) -> list[InputImportance]:
    """What the answers for each output owe to each input: how much worse they are if its values are shuffled."""
    return importance_of(root.figures)


def suggestions(root: strawberry.Parent[NNModel]) -> list[SplitSuggestion]:
    """Splits that may be more honest than one at random, the one that differs most first."""
    return suggestions_of(root.figures)


def work_metrics(root: strawberry.Parent[Work]) -> list[OutputMetrics]:
    """What an evaluation found, for each output; empty for other work."""
    return metrics_of(root.figures)


async def machine_leaderboard(root: strawberry.Parent[Machine], info: Info) -> list[LeaderboardEntry]:
    """Every candidate that was tried for the version that answers now. Empty for those who do not see the lines."""
    return leaderboard_of(await info.context.load.prefetched(root, figures_of_current))


async def machine_metrics(root: strawberry.Parent[Machine], info: Info) -> list[OutputMetrics]:
    """How good the version that answers now is. Empty for those who do not see the lines."""
    return metrics_of(await info.context.load.prefetched(root, figures_of_current))


async def machine_importance(root: strawberry.Parent[Machine], info: Info) -> list[InputImportance]:
    """What the answers owe to each input. Empty for those who do not see the lines."""
    return importance_of(await info.context.load.prefetched(root, figures_of_current))


async def machine_suggestions(root: strawberry.Parent[Machine], info: Info) -> list[SplitSuggestion]:
    """Splits that may be more honest than the one used. Empty for those who do not see the lines."""
    return suggestions_of(await info.context.load.prefetched(root, figures_of_current))


def stages(root: strawberry.Parent[Machine]) -> list[StageState]:
    """The stages of learning in their order: profile, importance, features, encoders, network and model."""
    has_model = root.training_nn_model_id is not None
    ready = {
        MachineStage.MDC: root.status is MachineStatus.READY,
        MachineStage.ICI: root.fe_columns_inputs_importance_evaluation is not None,
        MachineStage.FE: root.fe_columns_fet is not None,
        MachineStage.ENC_DEC: root.enc_dec_configuration_id is not None,
        MachineStage.NN_CONFIG: has_model,
        MachineStage.MODEL: has_model,
    }
    return [
        StageState(stage, is_ready, getattr(root, f"machine_is_re_run_{stage.value.lower()}"))
        for stage, is_ready in ready.items()
    ]


def is_ready_to_solve(root: strawberry.Parent[Machine]) -> bool:
    """Whether it has a model with its encoders, and so can answer."""
    return root.training_nn_model_id is not None and root.enc_dec_configuration_id is not None
