"""Postings per second, beside what pgbench's TPC-B does on the same server: `python -m tests.bench.ledger`.

Both are driven by pgbench with 16 clients, in turns, and every transaction is durable. A posting is what a sale does:
the lock of the payer's wallet, and the statement of `ledger.post` with an operation and three entries. `spread` is
among 1 000 payers and sellers, `hot` is all against one seller, whose wallet is divided as `ledger.wallet` does it.
Statements are prepared, as the driver does it for the API; TPC-B is measured as pgbench has it, and prepared as well.
`--entries`, given once or more, fills a ledger each, to see whether the cost grows: they are measured in turns.
"""

import contextlib
import subprocess
import tempfile
from pathlib import Path
from statistics import quantiles
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from app.operations.processes.servers import PORT, PrivateServers
from app.services.billing.ledger import BUSY_ENTRIES, STRIPES, WALLET_PARTS
from tests.bench.world import filled

CLIENTS, PEOPLE, ENTRIES = 16, 1_000, 20_000
NOTHING = "SELECT 1"
# The platform's accounts come first, then the sellers' and the payers': entries lock accounts in this order.
ACCOUNTS = f"""
INSERT INTO users (username, email_verified, first_name, last_name, is_active, is_staff, is_super_admin,
    notifications_delivery_methods, notifications_declined, newsletter_subscription, account_deletion_requested,
    security_stamp) SELECT 'bench' || number, true, '', '', true, false, false, '{{}}', '{{}}', false, false, 0
    FROM generate_series(1, {2 * PEOPLE}) AS number;
INSERT INTO ledger_accounts (kind, currency, stripe) SELECT 'COMMISSION', 'USD', number
    FROM generate_series(0, {STRIPES - 1}) AS number;
INSERT INTO ledger_accounts (kind, currency, stripe) VALUES ('EXTERNAL', 'USD', 0);
INSERT INTO ledger_accounts (kind, currency, user_id) SELECT 'WALLET', 'USD', id FROM users
    WHERE username LIKE 'bench%' ORDER BY id;
INSERT INTO ledger_accounts (kind, currency, user_id, stripe) SELECT 'WALLET', 'USD', min(id), number FROM users
    CROSS JOIN generate_series(1, {WALLET_PARTS}) AS number WHERE username LIKE 'bench%' GROUP BY number;
WITH made AS (INSERT INTO operations (uuid, kind, cause) VALUES (gen_random_uuid(), 'CREDIT_FROM_USER', 'TOP_UP')
    RETURNING id), wallets AS (SELECT id FROM ledger_accounts WHERE kind = 'WALLET' AND stripe = 0)
INSERT INTO ledger_entries (operation_id, account_id, change)
    SELECT made.id, wallets.id, 1000000 FROM made, wallets
    UNION ALL SELECT made.id, account.id, -1000000 * {2 * PEOPLE} FROM made, ledger_accounts AS account
        WHERE account.kind = 'EXTERNAL';
"""
# Ten million entries by triggers would take an hour: these are what they would have written.
FILL = """
SET session_replication_role = replica;
CREATE TEMPORARY TABLE filled AS SELECT number, side, id AS account_id, user_id,
    1 + (number - 1) / {people} AS turn, CASE side WHEN 0 THEN 0.01 ELSE -0.01 END AS change
    FROM generate_series(1, {operations}) AS number CROSS JOIN (VALUES (0), (1)) AS sides (side)
    JOIN ledger_accounts AS account ON kind = 'WALLET' AND id =
        (SELECT min(id) FROM ledger_accounts WHERE kind = 'WALLET') + side * {people} + (number - 1) % {people};
INSERT INTO operations (id, uuid, kind, cause, xid) OVERRIDING SYSTEM VALUE
    SELECT 1 + number, gen_random_uuid(), 'PAY_A_BILL', 'TOKENS', 0 FROM generate_series(1, {operations}) AS number;
SELECT setval(pg_get_serial_sequence('operations', 'id'), {operations} + 1);
INSERT INTO ledger_entries (operation_id, account_id, change, position, balance, currency, user_id, entry_type)
    SELECT 1 + number, account_id, change, 1 + turn, 1000000 + turn * change, 'USD', user_id,
        CASE side WHEN 0 THEN 'CREDIT' ELSE 'DEBIT' END FROM filled ORDER BY number, account_id;
UPDATE ledger_accounts SET balance = balance + moved.change, entries_count = entries_count + moved.count
    FROM (SELECT account_id, sum(change) AS change, count(*) FROM filled GROUP BY account_id) AS moved
    WHERE id = account_id;
DROP TABLE filled;
SET session_replication_role = origin;
"""
SALE = """
\\set payer random({people} + 1, 2 * {people})
\\set seller random(1, {people})
BEGIN;
SELECT pg_advisory_xact_lock(:payer);
WITH operation AS (INSERT INTO operations (uuid, kind, cause) VALUES (gen_random_uuid(), 'PAY_A_BILL', 'TOKENS')
    RETURNING *), entries AS (INSERT INTO ledger_entries (operation_id, account_id, change)
    SELECT operation.id, leg.account_id, leg.change FROM operation JOIN unnest(
        ARRAY[{platform} + 1 + pg_backend_pid() % {stripes}, {seller}, {first} + :payer],
        ARRAY[0.001, 0.009, -0.01]) AS leg (account_id, change) ON true
    ORDER BY (SELECT entries_count >= {busy} FROM ledger_accounts WHERE id = leg.account_id), leg.account_id)
SELECT * FROM operation;
COMMIT;
"""
program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


class Rate(NamedTuple):
    """What pgbench counted."""

    per_s: float
    p99_ms: float


@program.command()
def main(
    seconds: Annotated[int, typer.Option(help="How long each is measured in a round.", min=1, max=600)] = 4,
    rounds: Annotated[int, typer.Option(help="How often each is measured.", min=1, max=100)] = 3,
    entries: Annotated[
        list[int] | None,
        typer.Option(help=f"Entries there are before, {ENTRIES} by default; may be given again.", min=0),
    ] = None,
) -> None:
    """Measure postings beside TPC-B."""
    with contextlib.ExitStack() as stack:
        ledgers = [_ledger(stack, size) for size in entries or [ENTRIES]]
        for _ in range(rounds):
            for ledger in ledgers:
                ledger.measure(seconds)
    for ledger in ledgers:
        ledger.show()


class Ledger:
    """A server with a ledger of some size, and how long transactions took there."""

    def __init__(self, servers: PrivateServers, folder: Path, entries: int) -> None:
        self._servers = servers
        self._folder = folder
        self._entries = entries
        _fill(servers, entries)
        self._runs = _runs(servers, folder)
        self._took: dict[str, list[float]] = {name: [] for name in self._runs}
        self._seconds = 0
        _pgbench(servers, folder, "--initialize", "--quiet", f"--scale={CLIENTS}")

    def measure(self, seconds: int) -> None:
        """Has each run go on for so long."""
        for name, options in self._runs.items():
            self._took[name] += _took(self._servers, self._folder, seconds, *options)
        self._seconds += seconds

    def show(self) -> None:
        """Prints what was measured."""
        rates = {name: Rate(len(each) / self._seconds, quantiles(each, n=100)[98]) for name, each in self._took.items()}
        console.print(f"{self._entries:,} entries")
        for name, rate in rates.items():
            share = rate.per_s / rates["TPC-B"].per_s
            console.print(f"{name:<15}{rate.per_s:9,.0f} per s   p99 {rate.p99_ms:7.1f} ms   {share:5.2f} of TPC-B")
        console.print(f"hot is {rates['hot'].per_s / rates['spread'].per_s:.2f} of spread")


def _ledger(stack: contextlib.ExitStack, entries: int) -> Ledger:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    rows = folder / "nothing.sql"
    rows.write_text(NOTHING)
    return Ledger(stack.enter_context(filled(rows)), folder, entries)


def _fill(servers: PrivateServers, entries: int) -> None:
    with servers.connect() as connection:
        connection.execute(ACCOUNTS)
        if entries:
            connection.execute(FILL.format(operations=entries // 2, people=PEOPLE))
        connection.execute("VACUUM ANALYZE ledger_accounts, operations, ledger_entries")


def _runs(servers: PrivateServers, folder: Path) -> dict[str, list[str]]:
    """The options of pgbench by what it measures."""
    with servers.connect() as connection:
        [first, platform] = connection.execute(
            "SELECT min(id) FILTER (WHERE kind = 'WALLET') - 1, min(id) FILTER (WHERE kind = 'COMMISSION') - 1 "
            "FROM ledger_accounts"
        ).fetchone() or (0, 0)
    runs = {"TPC-B": [], "TPC-B prepared": ["--protocol=prepared"]}
    parts = first + 2 * PEOPLE
    sellers = {"spread": f"{first} + :seller", "hot": f"{parts} + 1 + pg_backend_pid() % {WALLET_PARTS}"}
    for name, seller in sellers.items():
        script = folder / f"{name}.sql"
        places = {"first": first, "platform": platform, "stripes": STRIPES, "busy": BUSY_ENTRIES}
        script.write_text(SALE.format(people=PEOPLE, seller=seller, **places))
        runs[name] = ["--protocol=prepared", "--file", str(script)]
    return runs


def _took(servers: PrivateServers, folder: Path, seconds: int, *options: str) -> list[float]:
    """The milliseconds of each transaction."""
    for old in folder.glob("log.*"):
        old.unlink()
    how = [f"--client={CLIENTS}", "--jobs=2", f"--time={seconds}", "--no-vacuum", "--log", "--log-prefix=log"]
    _pgbench(servers, folder, *how, *options)
    # The third column of the log is the time of a transaction in microseconds.
    return [int(line.split()[2]) / 1_000 for file in folder.glob("log.*") for line in file.read_text().splitlines()]


def _pgbench(servers: PrivateServers, folder: Path, *options: str) -> None:
    where = ["--host", str(servers.sockets), "--port", str(PORT), "--username", "fieldgraph", "fieldgraph"]
    done = subprocess.run(
        ["pgbench", *options, *where],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        console.print(done.stderr)
        raise typer.Exit(1)


if __name__ == "__main__":
    program()
