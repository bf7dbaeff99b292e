"""Choices of machines, their lines and the work on them."""

from enum import Enum


class MachineStatus(Enum):
    """Whether a machine has its lines.

    LOADING: Its lines are being loaded.
    READY: It has its lines.
    FAILED: Its lines could not be loaded.
    """

    LOADING = "LOADING"
    READY = "READY"
    FAILED = "FAILED"


class MachineSplit(Enum):
    """How lines are divided into those to learn from and those to evaluate on.

    RANDOM: At random.
    TIME: By time: the latest lines evaluate.
    GROUP: By group: lines of a group stay together.
    MARKED: As the lines are marked.
    """

    RANDOM = "RANDOM"
    TIME = "TIME"
    GROUP = "GROUP"
    MARKED = "MARKED"


class LinePurpose(Enum):
    """What a line is for.

    LEARNING: The machine learns from it.
    EVALUATION: The machine is evaluated on it.
    SOLVING: It has no answer yet.
    """

    LEARNING = "LEARNING"
    EVALUATION = "EVALUATION"
    SOLVING = "SOLVING"


class MachineStage(Enum):
    """A stage of learning, in their order. Redoing one redoes all after it.

    MDC: Columns and their datatypes.
    ICI: Importance of the input columns.
    FE: Feature engineering.
    ENC_DEC: Encoders and decoders of the columns.
    NN_CONFIG: Configuration of the neural network.
    MODEL: The model itself.
    """

    MDC = "MDC"
    ICI = "ICI"
    FE = "FE"
    ENC_DEC = "ENC_DEC"
    NN_CONFIG = "NN_CONFIG"
    MODEL = "MODEL"


class NNLoss(Enum):
    """What the network minimizes.

    MSE: Mean squared error.
    MAE: Mean absolute error.
    BINARY_CROSSENTROPY: Binary cross-entropy.
    """

    MSE = "MSE"
    MAE = "MAE"
    BINARY_CROSSENTROPY = "BINARY_CROSSENTROPY"


class NNOptimizer(Enum):
    """How the network's weights are changed.

    ADAM: Adam.
    SGD: Stochastic gradient descent.
    RMSPROP: RMSProp.
    ADADELTA: Adadelta.
    """

    ADAM = "ADAM"
    SGD = "SGD"
    RMSPROP = "RMSPROP"
    ADADELTA = "ADADELTA"


class TargetMetric(Enum):
    """The figure that a training makes as good as it can.

    LOG_LOSS: Logarithmic loss; lower is better.
    AUC: Area under the ROC curve; higher is better.
    ACCURACY: Share of right answers; higher is better.
    F1: Harmonic mean of precision and recall; higher is better.
    RMSE: Root of the mean squared error; lower is better.
    MAE: Mean absolute error; lower is better.
    R2: Coefficient of determination; higher is better.
    """

    LOG_LOSS = "LOG_LOSS"
    AUC = "AUC"
    ACCURACY = "ACCURACY"
    F1 = "F1"
    RMSE = "RMSE"
    MAE = "MAE"
    R2 = "R2"

    @property
    def is_of_classes(self) -> bool:
        """Whether it judges classes, and not numbers."""
        return self.value in {"LOG_LOSS", "AUC", "ACCURACY", "F1"}


class WorkKind(Enum):
    """What work on a machine is for.

    TRAINING: Learning from the lines.
    SOLVING: Answering lines.
    EVALUATION: Comparing answers with known values.
    """

    TRAINING = "TRAINING"
    SOLVING = "SOLVING"
    EVALUATION = "EVALUATION"


class WorkStatus(Enum):
    """The state of work on a machine. The last three are final.

    WAITING_FOR_SERVER: It waits for a worker.
    PROCESSING: A worker is at work.
    FINISHED: It succeeded.
    ERROR: It failed; the error says why.
    CANCELLED: It was cancelled.
    """

    WAITING_FOR_SERVER = "WAITING_FOR_SERVER"
    PROCESSING = "PROCESSING"
    FINISHED = "FINISHED"
    ERROR = "ERROR"
    CANCELLED = "CANCELLED"


class GraphType(Enum):
    """What a graph draws. The types are numbered from 1 in this order, as the former platform numbered them.

    SCATTERPLOT: Points of two columns.
    TIMESERIES: A column over time.
    HEXBIN: The density of two columns, in hexagons.
    STACKED_HISTOGRAM: A histogram, stacked by class.
    BIVARIATE: The joint distribution of two columns.
    CONTINUOUS_SCATTERPLOT: Points of two columns, coloured by a third.
    LINEAR_REGRESSION: Points of two columns with fitted lines.
    GROUPED_BOXPLOTS: Box plots by two groups.
    GROUPED_VIOLINPLOTS: Violin plots by two groups.
    THREE_WAY_ANOVA: Means by three factors.
    LARGE_DISTRIBUTIONS: Letter-value plots, for many values.
    HORIZONTAL_BOXPLOT: Horizontal box plots with the points.
    HORIZONTAL_BARS: Horizontal bars.
    """

    SCATTERPLOT = "SCATTERPLOT"
    TIMESERIES = "TIMESERIES"
    HEXBIN = "HEXBIN"
    STACKED_HISTOGRAM = "STACKED_HISTOGRAM"
    BIVARIATE = "BIVARIATE"
    CONTINUOUS_SCATTERPLOT = "CONTINUOUS_SCATTERPLOT"
    LINEAR_REGRESSION = "LINEAR_REGRESSION"
    GROUPED_BOXPLOTS = "GROUPED_BOXPLOTS"
    GROUPED_VIOLINPLOTS = "GROUPED_VIOLINPLOTS"
    THREE_WAY_ANOVA = "THREE_WAY_ANOVA"
    LARGE_DISTRIBUTIONS = "LARGE_DISTRIBUTIONS"
    HORIZONTAL_BOXPLOT = "HORIZONTAL_BOXPLOT"
    HORIZONTAL_BARS = "HORIZONTAL_BARS"

    @property
    def number(self) -> int:
        """Its number, 1 to 13."""
        return list(GraphType).index(self) + 1

    @property
    def title(self) -> str:
        """What it is called."""
        return TITLES[self]


TITLES = {
    GraphType.SCATTERPLOT: "Scatterplot with multiple semantics",
    GraphType.TIMESERIES: "Timeseries plot with error bands",
    GraphType.HEXBIN: "Hexbin plot with marginal distributions",
    GraphType.STACKED_HISTOGRAM: "Stacked histogram on a log scale",
    GraphType.BIVARIATE: "Bivariate plot with multiple elements",
    GraphType.CONTINUOUS_SCATTERPLOT: "Scatterplot with continuous hues and sizes",
    GraphType.LINEAR_REGRESSION: "Linear regression with marginal distributions",
    GraphType.GROUPED_BOXPLOTS: "Grouped boxplots",
    GraphType.GROUPED_VIOLINPLOTS: "Grouped violinplots with split violins",
    GraphType.THREE_WAY_ANOVA: "Plotting a three-way ANOVA",
    GraphType.LARGE_DISTRIBUTIONS: "Plotting large distributions",
    GraphType.HORIZONTAL_BOXPLOT: "Horizontal boxplot with observations",
    GraphType.HORIZONTAL_BARS: "Horizontal bar plots",
}
