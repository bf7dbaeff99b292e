"""The chain of what the audit says: each link holds the hash of its entry and of the link before it.

A trigger adds the link at the end of the transaction that makes the entry (`audit.add_link`), so a change, a removal,
an insertion or another order breaks the chain. Whoever may write everything in the database could make all of it anew;
so the last link that was seen is noted outside, in the home, and has to be there the next time.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from app.security import private_files

NOTE = "audit.json"
_CONTENT = """sha256(convert_to(jsonb_build_array(entry.id, (extract(epoch FROM entry.created_at) * 1000000)::bigint,
entry.action, entry.actor_id, entry.user_id, entry.subject_type, entry.subject_key, entry.details)::text, 'UTF8'))"""
_BROKEN = f"""
SELECT position FROM (
    SELECT link.*, lag(link.position, 1, 0::bigint) OVER place AS place_before,
        lag(link.hash, 1, ''::bytea) OVER place AS before, {_CONTENT} AS content
    FROM audit.links AS link LEFT JOIN public.audit_entries AS entry ON entry.id = link.entry_id
    WINDOW place AS (ORDER BY link.position)
) AS link
WHERE content IS NULL OR position <> place_before + 1 OR hash <> sha256(before || int8send(position) || content)
ORDER BY position LIMIT 1
"""  # noqa: S608 -- of our own words
_UNCHAINED = """
SELECT min(id) FROM public.audit_entries AS entry
WHERE NOT EXISTS (SELECT FROM audit.links AS link WHERE link.entry_id = entry.id)
"""
_LAST = "SELECT position, encode(hash, 'hex') FROM audit.links ORDER BY position DESC LIMIT 1"
_HEAD = "SELECT position, encode(hash, 'hex') FROM audit.head"
_AT = "SELECT encode(hash, 'hex') FROM audit.links WHERE position = %s"


@dataclass(frozen=True)
class Head:
    """The last link of a chain."""

    position: int = 0
    hash: str = ""


class Broken(Exception):
    """Where the chain does not hold."""


def verify(connection: psycopg.Connection, home: Path) -> Head:
    """Looks through all of it as of one moment, and notes how far it goes; Broken if it does not hold."""
    connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    if broken := connection.execute(_BROKEN).fetchone():
        raise Broken(f"link {broken[0]} does not follow from its entry and the links before it")
    unchained = connection.execute(_UNCHAINED).fetchone()
    if unchained and unchained[0] is not None:
        raise Broken(f"entry {unchained[0]} is in no link")
    last = Head(*(connection.execute(_LAST).fetchone() or ()))
    if last != Head(*(connection.execute(_HEAD).fetchone() or ())):
        raise Broken(f"the last links are gone: link {last.position} is not the head")
    seen = _noted(home)
    there = connection.execute(_AT, [seen.position]).fetchone() if seen.position else (seen.hash,)
    if there != (seen.hash,):
        raise Broken(f"link {seen.position} is not what it was when it was looked at last")
    if home.is_dir():
        private_files.write(home / NOTE, json.dumps(asdict(last)))
    return last


def forget(home: Path) -> None:
    """What was noted is of another database: it was replaced by a backup."""
    (home / NOTE).unlink(missing_ok=True)


def _noted(home: Path) -> Head:
    try:
        return Head(**json.loads((home / NOTE).read_text()))
    except FileNotFoundError:
        return Head()
