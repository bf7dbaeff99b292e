"""GraphQL types for how good machines are."""

import strawberry

from app.models.base import BigInt
from app.tabular.choices import MachineSplit, MachineStage, TargetMetric
from resolvers.automl import figures as resolve
from resolvers.enums import show_enum
from schema.row import shows

show_enum(MachineSplit)
show_enum(MachineStage)


@shows(resolve.StageState)
class StageState:
    stage: MachineStage = strawberry.field(description="The stage.")
    is_ready: bool = strawberry.field(description="Whether it was done.")
    is_re_run: bool = strawberry.field(description="Whether the next training does it again.")


@shows(resolve.LeaderboardEntry)
class LeaderboardEntry:
    output: str = strawberry.field(description="The output.")
    name: str = strawberry.field(description="The name of the candidate.")
    kind: str = strawberry.field(description="What it is: `constant`, `linear`, `trees`, `forest` or `network`.")
    metric: TargetMetric = strawberry.field(description="The figure that the score is.")
    score: float | None = strawberry.field(description="The score on lines that were never learned from.")
    fold_scores: list[float | None] = strawberry.field(
        description="The score on each part of the learning lines that was held back in turn."
    )
    weight: float = strawberry.field(description="Its part in the answers, 0 to 1.")
    is_used: bool = strawberry.field(description="Whether it has any part in the answers.")
    is_baseline: bool = strawberry.field(description="Whether it is there to compare with: constant or linear.")
    fit_s: float = strawberry.field(description="How many seconds learning took.")
    predict_s: float = strawberry.field(description="How many seconds answering the lines to evaluate on took.")
    size_bytes: BigInt = strawberry.field(description="The size of its numbers in bytes.")


@shows(resolve.CalibrationBin)
class CalibrationBin:
    from_: float = strawberry.field(name="from", description="The least probability of an answer in it.")
    to: float = strawberry.field(description="The greatest probability of an answer in it.")
    line_count: int = strawberry.field(description="The number of lines.")
    confidence: float = strawberry.field(description="The mean probability of the answers.")
    accuracy: float = strawberry.field(description="The share of right answers.")


@shows(resolve.CurvePoint)
class CurvePoint:
    threshold: float = strawberry.field(description="The probability from which on the second class is the answer.")
    true_positive_rate: float = strawberry.field(description="The recall: the share of positive lines found.")
    false_positive_rate: float = strawberry.field(description="The share of negative lines taken for positive ones.")
    precision: float = strawberry.field(description="The share of positive lines among those taken for positive.")


@shows(resolve.OutputMetrics)
class OutputMetrics:
    output: str = strawberry.field(description="The output.")
    target_metric: TargetMetric | None = strawberry.field(description="The figure that was made as good as possible.")
    split: MachineSplit | None = strawberry.field(description="How lines to evaluate on were set apart.")
    split_column: str | None = strawberry.field(description="The column that they were set apart by.")
    learning_line_count: int | None = strawberry.field(description="The number of lines that were learned from.")
    evaluation_line_count: int = strawberry.field(description="The number of lines that judge.")
    log_loss: float | None = strawberry.field(description="The logarithmic loss of the probabilities.")
    uncalibrated_log_loss: float | None = strawberry.field(description="The same before they were calibrated.")
    auc: float | None = strawberry.field(description="The area under the ROC curve; of more classes, the mean.")
    accuracy: float | None = strawberry.field(description="The share of right answers.")
    f1: float | None = strawberry.field(description="The F1 score of the second class; of more classes, the mean.")
    classes: list[str] = strawberry.field(description="The classes, in the order of the matrix.")
    confusion_matrix: list[list[int]] = strawberry.field(
        description="How often each class (row) was taken for each class (column); empty with more than 50 classes."
    )
    calibration_error: float | None = strawberry.field(description="The expected calibration error.")
    calibration: list[CalibrationBin] = strawberry.field(description="How often answers were right, by probability.")
    curve: list[CurvePoint] = strawberry.field(description="The ROC and precision-recall curves; only of two classes.")
    rmse: float | None = strawberry.field(description="The root mean squared error, in the units of the output.")
    mae: float | None = strawberry.field(description="The mean absolute error, in the units of the output.")
    r2: float | None = strawberry.field(description="The coefficient of determination.")
    coverage: float | None = strawberry.field(
        description="The share of true values within the intervals, of which nine of ten should be."
    )
    temperature: float | None = strawberry.field(description="What calibrates the probabilities; 1 changes nothing.")
    threshold: float | None = strawberry.field(
        description="The probability from which on the second of two classes is the answer; null is 0.5."
    )
    margin: float | None = strawberry.field(
        description="Half the length of the intervals that hold nine of ten true values."
    )
    is_refitted: bool | None = strawberry.field(
        description="Whether what answers learned once more, from all lines; the figures are from before that."
    )
    unknown_label_count: int = strawberry.field(description="Lines left out because the machine never saw their label.")


@shows(resolve.InputImportance)
class InputImportance:
    output: str = strawberry.field(description="The output.")
    input: str = strawberry.field(description="The input.")
    share: float = strawberry.field(description="Its share of the importance of all inputs, 0 to 1.")
    loss_increase: float | None = strawberry.field(description="How much the loss grows if its values are shuffled.")
    spread: float | None = strawberry.field(description="The standard deviation of that over five shuffles.")
    extremes_share: float | None = strawberry.field(
        description="The share by another measure: all lines get its smallest, then its largest value."
    )


@shows(resolve.SplitSuggestion)
class SplitSuggestion:
    split: MachineSplit = strawberry.field(description="How to set lines apart.")
    column: str = strawberry.field(description="The column to set them apart by.")
    metric: TargetMetric = strawberry.field(description="The figure of both scores.")
    random_score: float = strawberry.field(description="The score of small trees on lines set apart at random.")
    score: float = strawberry.field(description="The score of small trees on lines set apart this way.")
    is_loud: bool = strawberry.field(description="Whether both differ so much that figures at random mislead.")
    message: str = strawberry.field(description="What that means.")
