"""Whose fault a failure is, and so whether a job is tried again."""

from enum import Enum

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import DomainError, OutcomeUnknown, RateLimited, TimedOut, Unavailable
from app.gateways.outside import Outage
from app.postgres.sqlstates import is_transient


class Fault(Enum):
    """Who is at fault; the first of several decides."""

    INPUT = "INPUT"  # what was asked for cannot be done, now or later
    UNKNOWN = "UNKNOWN"  # another service, or nobody knows: a few attempts are worth it
    MACHINE = "MACHINE"  # the database, the files or the memory here: the work itself was not tried


def fault_of(error: BaseException) -> Fault:  # noqa: PLR0911 -- one for each kind of error
    """Who is at fault for an error."""
    match error:
        case BaseExceptionGroup(exceptions=several):
            faults = {fault_of(each) for each in several}
            return next(fault for fault in Fault if fault in faults)
        case Outage(heals=heals):
            return Fault.UNKNOWN if heals else Fault.INPUT
        case TimedOut() | RateLimited() | psycopg.errors.QueryCanceled():
            return Fault.UNKNOWN
        case Unavailable() | OutcomeUnknown() | PoolTimeout() | MemoryError():
            return Fault.MACHINE
        case DomainError():
            return Fault.INPUT
        case DBAPIError(orig=psycopg.Error() as cause):
            return fault_of(cause)
        case psycopg.Error():
            return Fault.MACHINE if is_transient(error) else Fault.UNKNOWN
        case OSError(errno=int()):  # libraries derive errors about bad input from OSError, too, but without a number
            return Fault.MACHINE
        case _:
            return Fault.UNKNOWN
