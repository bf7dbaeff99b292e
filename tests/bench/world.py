"""What is measured: private servers, a middling installation's rows, and one `fieldgraph serve` before them."""

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from app import security
from app.migrate import upgrade
from app.process import CannotStart
from app.servers import PrivateServers, private_servers

ROWS = Path(__file__).with_name("rows.sql")
SECRET = "known to the benchmark"
READY_S_MAX = 30
# One client asks what a thousand would; a fair share for one must not slow it down. All else is as shipped.
UNBOUNDED = {
    "FIELDGRAPH_VIEWER_COST_PER_MINUTE_MAX": "1000000000",
    "FIELDGRAPH_ADDRESS_COST_PER_MINUTE_MAX": "1000000000",
    "FIELDGRAPH_SOCKETS_PER_ADDRESS_MAX": "100000",
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
    home = Path(tempfile.mkdtemp(prefix="fieldgraph-bench-"))
    home.chmod(0o711)  # for root the servers run as another user, who has to get through
    try:
        with private_servers(home) as servers, socket.create_server(("127.0.0.1", 0)) as probe:
            servers.start()
            upgrade(servers.database_url)
            port = int(probe.getsockname()[1])
            probe.close()
            made = World(home, port, _fill(servers), servers.database_url, servers.redis_url)
            _serve(servers, made)
            yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _fill(servers: PrivateServers) -> str:
    token = security.new_token()
    session = """INSERT INTO sessions (user_id, token_hash, expires_at, last_used_at)
                 VALUES (1, %s, now() + interval '1 day', now())"""
    with servers.connect() as connection:
        connection.execute(ROWS.read_text())
        connection.execute(session, [security.token_hash(token)])
    return token


def _serve(servers: PrivateServers, world: World) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIELDGRAPH_")}
    environment |= UNBOUNDED | {
        "DATABASE_URL": world.database_url,
        "REDIS_URL": world.redis_url,
        "PORT": str(world.port),
        "FIELDGRAPH_HOME": str(world.home),
        "FIELDGRAPH_SECRET": SECRET,
    }
    said = world.home / "api.log"
    with said.open("wb") as log:
        command = (sys.executable, "-P", "-m", "app.cli", "serve")
        process = servers.children.start(command, environment=environment, output=log)
    deadline = time.monotonic() + READY_S_MAX
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{world.port}/readyz", trust_env=False).is_success:
                return
        time.sleep(0.05)
    raise CannotStart(f"The API did not become ready:\n{said.read_text()[-2_000:]}")
