"""Choices of machines, their lines and the work on them."""

from enum import Enum


class MachineStatus(Enum):
    """Whether a machine has its lines."""

    LOADING = "LOADING"
    READY = "READY"
    FAILED = "FAILED"


class MachineSplit(Enum):
    """How lines are divided into those to learn from and those to evaluate on."""

    RANDOM = "RANDOM"
    TIME = "TIME"
    GROUP = "GROUP"
    MARKED = "MARKED"


class LinePurpose(Enum):
    """What a line is for."""

    LEARNING = "LEARNING"
    EVALUATION = "EVALUATION"
    SOLVING = "SOLVING"


class MachineStage(Enum):
    """A stage of learning, in their order. Redoing one redoes all after it."""

    MDC = "MDC"
    ICI = "ICI"
    FE = "FE"
    ENC_DEC = "ENC_DEC"
    NN_CONFIG = "NN_CONFIG"
    MODEL = "MODEL"


class NNLoss(Enum):
    """What the network minimizes."""

    MSE = "MSE"
    MAE = "MAE"
    BINARY_CROSSENTROPY = "BINARY_CROSSENTROPY"


class NNOptimizer(Enum):
    """How the network's weights are changed."""

    ADAM = "ADAM"
    SGD = "SGD"
    RMSPROP = "RMSPROP"
    ADADELTA = "ADADELTA"


class TargetMetric(Enum):
    """The figure that a training makes as good as it can."""

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
    """What work on a machine is for."""

    TRAINING = "TRAINING"
    SOLVING = "SOLVING"
    EVALUATION = "EVALUATION"


class WorkStatus(Enum):
    """The state of work on a machine. The last three are final."""

    WAITING_FOR_SERVER = "WAITING_FOR_SERVER"
    PROCESSING = "PROCESSING"
    FINISHED = "FINISHED"
    ERROR = "ERROR"
    CANCELLED = "CANCELLED"
