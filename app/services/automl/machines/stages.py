"""Which stages of learning the next training of a machine does again: one, and with it all after it."""

from app.models.automl.machines import Machine
from app.tabular.choices import MachineStage


def redo_from(machine: Machine, first: MachineStage) -> None:
    """Marks a stage and all after it."""
    stages = list(MachineStage)
    for stage in stages[stages.index(first) :]:
        _mark(machine, stage, is_again=True)


def begin_all(machine: Machine) -> None:
    """Marks none: a training does all of them, and what changes meanwhile marks anew."""
    for stage in MachineStage:
        _mark(machine, stage, is_again=False)


def _mark(machine: Machine, stage: MachineStage, *, is_again: bool) -> None:
    setattr(machine, f"machine_is_re_run_{stage.value.lower()}", is_again)
