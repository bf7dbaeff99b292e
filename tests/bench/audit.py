"""What the audit's chain costs: entries per second of several writers at once, with it and without."""

import sys
import tempfile
import threading
import time
from pathlib import Path

from app.operations.database.migrate import upgrade
from app.operations.processes.servers import PrivateServers, private_servers

WRITERS = 8
RUN_S = 4.0
ENTRY = "INSERT INTO audit_entries (action, details) VALUES ('measured', '{}')"


def rate(servers: PrivateServers) -> float:
    """Entries per second of all writers together."""
    counts, ends = [0] * WRITERS, time.monotonic() + RUN_S

    def write(number: int) -> None:
        with servers.connect() as connection:
            while time.monotonic() < ends:
                connection.execute(ENTRY)
                counts[number] += 1

    threads = [threading.Thread(target=write, args=[number]) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / RUN_S


def main() -> None:
    """Measure both, twice."""
    home = Path(tempfile.mkdtemp(prefix="fieldgraph-bench-"))
    home.chmod(0o711)
    with private_servers(home) as servers:
        servers.start(redis=False)
        upgrade(servers.database_url)
        for state in ("DISABLE", "ENABLE") * 2:
            with servers.connect() as connection:
                connection.execute(f"ALTER TABLE audit_entries {state} TRIGGER audit_entries_chain")
            sys.stdout.write(f"{WRITERS} writers, chain {state.lower()}d: {rate(servers):.0f} entries/s\n")


if __name__ == "__main__":
    main()
