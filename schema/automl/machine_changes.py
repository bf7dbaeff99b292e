"""GraphQL mutations of machines and their lines."""

import strawberry

from app.models.kinds.automl import AutomlRateLimit
from app.models.kinds.system import SystemRateLimit
from app.settings import settings
from resolvers.automl import machine_changes as resolve
from schema.automl.machines import FormerMachine, Machine
from schema.fields import mutation
from schema.problems import Conflict, InvalidInput


@strawberry.type
class MachineChangesMutation:
    create_machine: Machine | InvalidInput | Conflict = mutation(
        resolve.create_machine, rate_limit=SystemRateLimit.JOBS
    )
    update_machine: Machine | InvalidInput = mutation(resolve.update_machine)
    correct_columns: Machine | InvalidInput | Conflict = mutation(
        resolve.correct_columns, rate_limit=AutomlRateLimit.LINE_CHANGES
    )
    transfer_machine: Machine | Conflict = mutation(resolve.transfer_machine)
    move_machine: Machine = mutation(resolve.move_machine)
    copy_machine: Machine | InvalidInput | Conflict = mutation(resolve.copy_machine, rate_limit=SystemRateLimit.JOBS)
    delete_machine: FormerMachine | Conflict = mutation(resolve.delete_machine)
    append_lines: Machine | InvalidInput | Conflict = mutation(
        resolve.append_lines,
        rate_limit=AutomlRateLimit.LINE_CHANGES,
        request_bytes_max=settings.rows_request_bytes_max,
    )
    update_lines: Machine | InvalidInput | Conflict = mutation(
        resolve.update_lines,
        rate_limit=AutomlRateLimit.LINE_CHANGES,
        request_bytes_max=settings.rows_request_bytes_max,
    )
    delete_lines: Machine | InvalidInput | Conflict = mutation(
        resolve.delete_lines, rate_limit=AutomlRateLimit.LINE_CHANGES
    )
