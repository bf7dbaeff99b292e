"""The plans PostgreSQL runs for a request, as its own auto_explain logs them: prepared statements have theirs, too."""

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.operations.processes.servers import NAME, PrivateServers

SEEN_S = 0.3
LOGGED = re.compile(r"plan:\n((?:\t.*\n)+)")
# Where a node reads, most precise first.
PLACES = ("Index Name", "Relation Name", "Function Name")


def prepare(servers: PrivateServers) -> None:
    """Lets connections made from now on say their plans when they are asked to."""
    with servers.connect() as connection:
        connection.execute(f"ALTER DATABASE {NAME} SET session_preload_libraries = 'auto_explain'")
        connection.execute("LOAD 'auto_explain'")
        connection.execute("ALTER SYSTEM SET auto_explain.log_format = 'json'")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def noted(servers: PrivateServers) -> Iterator[list[tuple[str, str]]]:
    """All statements that run within the block, and their plans."""
    log = servers.home / "postgres.log"
    plans: list[tuple[str, str]] = []
    _say(servers, "0")
    before = log.stat().st_size
    yield plans
    _say(servers, "-1")
    plans.extend(_shapes(log, before))


def _say(servers: PrivateServers, duration_min: str) -> None:
    with servers.connect() as connection:
        connection.execute("LOAD 'auto_explain'")
        connection.execute(f"ALTER SYSTEM SET auto_explain.log_min_duration = {duration_min}")
        connection.execute("SELECT pg_reload_conf()")
    time.sleep(SEEN_S)


def usual(ran: list[tuple[str, str]], times: int) -> list[str]:
    """The plans of one request, when so many ran; what ran less often is not theirs: servers look after themselves."""
    often = Counter(statement for statement, _ in ran)
    shapes: dict[str, Counter[str]] = defaultdict(Counter)
    for statement, shape in ran:
        shapes[statement][shape] += 1
    return sorted(shapes[each].most_common(1)[0][0] for each in often for _ in range(often[each] // times))


def _shapes(log: Path, begin: int) -> Iterator[tuple[str, str]]:
    with log.open("rb") as file:
        file.seek(begin)
        text = file.read().decode(errors="replace")
    for logged in LOGGED.findall(text):
        said = json.loads(logged)
        if "pg_reload_conf" not in said["Query Text"]:
            yield said["Query Text"], _shape(said["Plan"])


def _shape(node: dict[str, Any]) -> str:
    """A plan as its nodes alone: `Limit(Index Scan Backward pk_datasets)`."""
    words = [node["Node Type"]]
    if node.get("Scan Direction") == "Backward":
        words.append("Backward")
    words.extend([node[place] for place in PLACES if place in node][:1])
    below = ", ".join(_shape(child) for child in node.get("Plans", ()))
    return " ".join(words) + (f"({below})" if below else "")
