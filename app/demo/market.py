"""The market, as a seller and a buyer would use it: wallets, an offer of lines and of a copy, and what was earned."""

from typing import Any

from app.demo.client import Client, console
from app.demo.machine import make, read, settled

PRICE_USD = "5"
COPY_PRICE_USD = "8"
WALLET_USD = "20"
PURCHASE = "Purchase { id kind state priceUsd copy { id machineName } }"


async def walk(client: Client) -> None:
    """The mapper sells the lines of a machine and copies of it, and the surveyor buys both."""
    console.print("[bold]1[/] Staff top up the surveyor's balance, as after a bank transfer …")
    await _top_up(client)
    await client.sign_in("mapper")
    reading, _ = await read(client)
    machine, _ = await make(client, reading)
    listed = {"machineId": machine, "licence": "CC-BY-4.0", "licenceTerms": "Name who measured."}
    fields = "Listing { id priceUsd sampleRows }"
    lines = await client.ask(
        "listMachine", listed | {"kind": "DATA_SOURCE", "priceUsd": PRICE_USD, "sampleLineCount": 2}, fields
    )
    copies = await client.ask("listMachine", listed | {"kind": "MACHINE_COPY", "priceUsd": COPY_PRICE_USD}, fields)
    console.print("[bold]2[/] The mapper offers the lines of a machine, and copies of it. Everybody sees of its lines:")
    for row in lines["sampleRows"]:
        console.print(f"  {row}")
    await client.sign_in("surveyor")
    bought = [
        await _buy(client, listing["id"], price) for listing, price in ((lines, PRICE_USD), (copies, COPY_PRICE_USD))
    ]
    console.print(f"[bold]3[/] The surveyor buys both; the copy is called {bought[1]['copy']['machineName']!r}")
    await settled(client, "machine", bought[1]["copy"]["id"], "status failure", {"LOADING"})
    me = (await client.read("{ me { userBalance } }"))["me"]
    console.print(f"[bold]4[/] Of {WALLET_USD} US dollars {float(me['userBalance']):.2f} are left")


async def _top_up(client: Client) -> None:
    await client.sign_in("surveyor")
    surveyor_id = (await client.read("{ me { id } }"))["me"]["id"]
    await client.sign_in("moderator")
    arguments = {"userId": surveyor_id, "usd": WALLET_USD, "reason": "A transfer of the demo."}
    await client.ask("topUpBalance", arguments, "Operation { uuid }", needs_key=True)


async def _buy(client: Client, listing_id: str, price: str) -> dict[str, Any]:
    return await client.ask("buyListing", {"id": listing_id, "expectedPriceUsd": price}, PURCHASE, needs_key=True)
