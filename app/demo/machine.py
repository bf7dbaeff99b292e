"""The path of a table: from a file with a known truth to a machine that is judged on rows that it never saw."""

import asyncio
from random import Random
from typing import Any

from app.demo.client import WORK, Client, console

ROWS = 600
SEED = 7
# The table is drawn so: nobody can foretell the noise, so no machine errs less than this.
NOISE = 2.0
BUDGET_S = 10
LOOK_S = 0.3
LOOKS_MAX = 400
ROOFS = {"tiles": 3.0, "tin": 0.0, "thatch": -3.0}


def table() -> bytes:
    """Houses: how warm they are inside follows from sun, roof and walls, with some noise. The date says nothing."""
    random = Random(SEED)  # noqa: S311 (a demo, and the same each time)
    lines = ["sun hours,roof,wall cm,surveyed,warmth"]
    for _ in range(ROWS):
        sun, roof, wall = random.uniform(0, 12), random.choice(list(ROOFS)), random.choice([10, 20, 30, 40])
        warmth = 10 + 1.5 * sun + ROOFS[roof] + 0.2 * wall + random.gauss(0, NOISE)
        day = f"2026-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
        lines.append(f"{sun:.2f},{roof},{wall},{day},{warmth:.2f}")
    return ("\n".join(lines) + "\n").encode()


async def walk(client: Client) -> None:
    """From a table to a machine: upload, reading, correction, training, figures, and a graph."""
    console.print("[bold]1[/] Signing in as the demo's mapper …")
    await client.sign_in("mapper")
    reading, columns = await read(client)
    console.print(f"[bold]2[/] A table of {ROWS} houses was read:")
    for each in columns["columns"]:
        console.print(f"  {each['name']}: {each['datatype']}, {each['role']}. {each['reason']}")
    machine, counts = await make(client, reading)
    console.print(
        f"[bold]3[/] A machine with {counts['learningLineCount']} lines to learn from, and "
        f"{counts['evaluationLineCount']} set apart to evaluate on"
    )
    console.print(f"[bold]4[/] Training for {BUDGET_S} s, live:")
    started = await client.ask("trainMachine", {"machineId": machine, "budgetS": BUDGET_S, "seed": SEED}, "Work { id }")
    work = await client.watch(WORK, started["id"], "status failure")
    if work["status"] != "FINISHED":
        raise SystemExit(f"The training ended: {work['failure'] or work['status']}")
    await _judge(client, machine)
    await _draw(client, machine)


async def read(client: Client) -> tuple[str, dict[str, Any]]:
    """Uploads the table and has it read; the id of the reading, and what was read."""
    content = table()
    link = await client.ask(
        "requestTableUpload", {"fileName": "houses.csv", "bytes": len(content)}, "UploadLink { url upload mediaType }"
    )
    await client.put(link["url"], content, link["mediaType"])
    reading = await client.ask("readTable", {"upload": link["upload"]}, "TableReading { id }")
    fields = "status failure columns { name datatype role reason }"
    return str(reading["id"]), await settled(client, "tableReading", reading["id"], fields, {"SUBMITTED", "RUNNING"})


async def make(client: Client, reading: str) -> tuple[str, dict[str, Any]]:
    """Makes a machine of a table that was read; its id, and how many lines it has."""
    arguments = {"table": reading, "name": "Warm houses", "columns": [{"name": "warmth", "role": "OUTPUT"}]}
    made = await client.ask("createMachine", arguments, "Machine { id }")
    fields = "status failure learningLineCount evaluationLineCount"
    return str(made["id"]), await settled(client, "machine", made["id"], fields, {"LOADING"})


async def settled(client: Client, kind: str, id: str, fields: str, passing: set[str]) -> dict[str, Any]:
    """A row once it is ready; its failure ends the demo."""
    for _ in range(LOOKS_MAX):
        row = (await client.read(f"query ($id: ID!) {{ {kind}(id: $id) {{ {fields} }} }}", id=id))[kind]
        if row["status"] == "FAILED":
            raise SystemExit(str(row["failure"]))
        if row["status"] not in passing:
            return dict(row)
        await asyncio.sleep(LOOK_S)
    raise SystemExit("The worker took too long. Is it running?")


async def _judge(client: Client, machine: str) -> None:
    document = """query ($id: ID!) { machine(id: $id) {
        leaderboard { name score weight } metrics { rmse } importance { input share } suggestions { message }
    } }"""
    answer = (await client.read(document, id=machine))["machine"]
    console.print("[bold]5[/] On houses that it never saw:")
    for each in sorted(answer["leaderboard"], key=lambda line: line["score"]):
        console.print(f"  {each['name']}: RMSE {each['score']:.2f}, {each['weight']:.0%} of the answers")
    [metrics] = answer["metrics"]
    console.print(f"  together: RMSE [bold]{metrics['rmse']:.2f}[/], where the noise alone is {NOISE:.2f}")
    shares = sorted(answer["importance"], key=lambda each: -each["share"])
    looked_at = ", ".join(f"{each['input']} ({each['share']:.0%})" for each in shares)
    console.print(f"  It looks at {looked_at}.")
    for each in answer["suggestions"]:
        console.print(f"  {each['message']}")


async def _draw(client: Client, machine: str) -> None:
    """What its lines say themselves: the line through sun and warmth, whose slope the table was drawn with."""
    arguments = {
        "machineId": machine,
        "graphType": "LINEAR_REGRESSION",
        "x": "sun hours",
        "y": "warmth",
        "color": "roof",
    }
    graph = await client.ask("createGraph", arguments, "Graph { title figure image }")
    lines = [trace["name"] for trace in graph["figure"]["data"] if trace.get("name", "").startswith("Slope")]
    console.print(f"[bold]6[/] {graph['title']}, by roof; 1.5 is the truth:")
    for line in lines:
        console.print(f"  {line}")
    console.print(f"  As a picture: {graph['image']}")
