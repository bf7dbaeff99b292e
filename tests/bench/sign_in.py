"""Measures whether the time of a refused sign-in tells who has an account: `python -m tests.bench.sign_in`.

Known and unknown addresses take turns, so that whatever else the machine does meets both alike.
"""

import asyncio
import random
import time
from statistics import quantiles
from typing import Annotated

import httpx
import psycopg
import typer
from rich.console import Console
from scipy.stats import mannwhitneyu
from sqlalchemy import make_url

from app.security import credentials
from tests.bench.world import World, world

KNOWN, UNKNOWN = "known@example.org", "unknown@example.org"
GUESS = """mutation ($email: String!) {
    signIn(input: {email: $email, password: "wrong horse battery"}) { ... on Problem { code } }
}"""

program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


@program.command()
def main(tries: Annotated[int, typer.Option(help="Guesses for each address.", min=10, max=10_000)] = 200) -> None:
    """Measure refused sign-ins of somebody who has an account and somebody who has none."""
    with world() as made:
        _register(made)
        took = _guess(made, tries)
    for name, seconds in took.items():
        low, middle, high = quantiles(seconds)
        console.print(f"{name:22} median {middle * 1e3:7.2f} ms, quartiles {low * 1e3:.2f} to {high * 1e3:.2f}")
    test = mannwhitneyu(took[KNOWN], took[UNKNOWN])
    console.print(
        f"known is slower in {test.statistic / tries**2:.1%} of all pairs (even: 50 %), p = {test.pvalue:.2f}"
    )


def _register(world: World) -> None:
    url = make_url(world.database_url)
    password_hash = asyncio.run(credentials.hash_password("correct horse battery"))
    with psycopg.connect(host=url.query["host"], port=url.query["port"], dbname=url.database, user=url.username) as to:
        to.execute("UPDATE users SET email = %s, password_hash = %s WHERE id = 1", [KNOWN, password_hash])


def _guess(world: World, tries: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    turns = [random.sample([KNOWN, UNKNOWN], 2) for _ in range(tries + 5)]
    with httpx.Client(base_url=f"http://127.0.0.1:{world.port}", trust_env=False, timeout=30) as client:
        for email in (email for turn in turns for email in turn):
            begun = time.perf_counter()
            answer = client.post("/graphql", json={"query": GUESS, "variables": {"email": email}})
            took[email].append(time.perf_counter() - begun)
            assert answer.json()["data"] == {"signIn": {"code": "INVALID_INPUT"}}, answer.text
    return {email: seconds[5:] for email, seconds in took.items()}


if __name__ == "__main__":
    program()
