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


class WorkKind(Enum):
    """What work on a machine is for."""

    TRAINING = "TRAINING"
    SOLVING = "SOLVING"


class WorkStatus(Enum):
    """The state of work on a machine. The last three are final."""

    WAITING_FOR_SERVER = "WAITING_FOR_SERVER"
    PROCESSING = "PROCESSING"
    FINISHED = "FINISHED"
    ERROR = "ERROR"
    CANCELLED = "CANCELLED"
