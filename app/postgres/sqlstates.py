"""Which errors of PostgreSQL may heal by themselves.

Asked by SQLSTATE: the classes that drivers put errors into are too coarse. A session time-out, for example, is no
`OperationalError`, and a statement that is too complex is one.
"""

import psycopg

# Connection lost, transaction rolled back, no resources, operator intervention, system error, configuration file.
_CLASSES = {"08", "40", "53", "57", "58", "F0"}
# A read-only standby, the session's time-outs, an object in use, a lock that did not come, a snapshot that is too old.
_STATES = {"25006", "25P03", "25P04", "55006", "55P03", "72000"}
# By these PostgreSQL says that the connection ends; whether it had committed before, it does not say.
_ENDINGS = ("08", "57P")


def ends_connection(error: psycopg.Error) -> bool:
    """Whether the connection has ended with it."""
    return error.sqlstate is None or error.sqlstate.startswith(_ENDINGS)


def is_transient(error: psycopg.Error) -> bool:
    """Whether the database may do later what it did not do now."""
    state = error.sqlstate
    if state is None:  # the connection broke before the server could say anything
        return isinstance(error, psycopg.OperationalError)
    return state[:2] in _CLASSES or state in _STATES
