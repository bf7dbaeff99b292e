"""What is measured: private servers, a middling installation's rows, and one `fieldgraph serve` before them."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.operations.database.migrate import upgrade
from app.operations.processes.process import CannotStart
from app.operations.processes.servers import PrivateServers, private_servers
from app.security import credentials

ROWS = Path(__file__).with_name("rows.sql")
SECRET = "known to the benchmark, and as long as it must be"
# On a busy machine the API takes a while to be read.
READY_S_MAX = 120
# One client asks what a thousand would; a fair share for one must not slow it down. All else is as in production.
UNBOUNDED = {
    "FIELDGRAPH_PRODUCTION": "1",
    "FIELDGRAPH_VIEWER_COST_PER_MINUTE_MAX": "1000000000",
    "FIELDGRAPH_ADDRESS_COST_PER_MINUTE_MAX": "1000000000",
    "FIELDGRAPH_SOCKETS_PER_ADDRESS_MAX": "100000",
    "FIELDGRAPH_CONNECTIONS_PER_ADDRESS_MAX": "100000",
    "FIELDGRAPH_REQUESTS_PER_ADDRESS_AT_ONCE_MAX": "100000",
    "FIELDGRAPH_SIGN_INS_PER_MINUTE_MAX": "1000000000",
    "FIELDGRAPH_POSTS_PER_MINUTE_MAX": "1000000000",
    "FIELDGRAPH_SEARCHES_PER_MINUTE_MAX": "1000000000",
}


@dataclass(frozen=True)
class World:
    """Where things are, and the token of somebody who may ask."""

    home: Path
    port: int
    token: str
    database_url: str
    redis_url: str


@contextmanager
def world() -> Iterator[World]:
    """Everything, running until the block ends."""
    with filled(ROWS) as servers:
        made = World(servers.home, free_port(), sign_in(servers), servers.database_url, servers.redis_url)
        serve(servers, made)
        yield made


@contextmanager
def filled(rows: Path) -> Iterator[PrivateServers]:
    """The servers with the rows a script makes, running until the block ends."""
    home = Path(tempfile.mkdtemp(prefix="fieldgraph-bench-"))
    home.chmod(0o711)  # for root the servers run as another user, who has to get through
    try:
        with private_servers(home) as servers:
            servers.start()
            upgrade(servers.database_url)
            with servers.connect() as connection:
                connection.execute(rows.read_text())
            yield servers
    finally:
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    """A port nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def sign_in(servers: PrivateServers, user_id: int = 1) -> str:
    """The token of a new session of a person."""
    token = credentials.new_token()
    session = """INSERT INTO sessions (user_id, token_hash, expires_at, last_used_at, client, address)
                 VALUES (%s, %s, now() + interval '1 day', now(), '', '')"""
    with servers.connect() as connection:
        connection.execute(session, [user_id, credentials.token_hash(token)])
    return token


def serve(
    servers: PrivateServers,
    world: World,
    *,
    behind: Sequence[str] = (),
    production: bool = False,
    python: str = sys.executable,
    variables: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """The API, ready; `behind` is a command that starts it, such as one that pins it to a core.

    The Python of another checkout starts that one's API.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIELDGRAPH_")}
    environment |= UNBOUNDED | {
        "DATABASE_URL": world.database_url,
        "REDIS_URL": world.redis_url,
        "PORT": str(world.port),
        "FIELDGRAPH_HOME": str(world.home),
        "FIELDGRAPH_SECRET": SECRET,
        "FIELDGRAPH_PRODUCTION": str(production),
    }
    environment |= variables or {}
    command = (*behind, python, "-P", "-m", "app.cli", "serve", *arguments)
    return start(servers, "api", command, environment, f"http://127.0.0.1:{world.port}/readyz")


def start(
    servers: PrivateServers, name: str, command: Sequence[str | Path], environment: Mapping[str, str], ready: str
) -> subprocess.Popen[bytes]:
    """A server that ends with the private ones, once an address of it answers well."""
    said = servers.home / f"{name}.log"
    with said.open("wb") as log:
        process = servers.children.start(command, environment=environment, output=log)
    deadline = time.monotonic() + READY_S_MAX
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(ready, trust_env=False).is_success:
                return process
        time.sleep(0.05)
    raise CannotStart(f"{name} did not become ready:\n{said.read_text()[-2_000:]}")
