"""A contract with a consultant, as both parties would make it: from a request to the payment out of escrow."""

from typing import Any

from app.demo.client import Client, console

PRICE_USD = "120"
STATE = "ConsultingRequest { id state escrowUsd releasedUsd commissionUsd }"


async def walk(client: Client) -> None:
    """The mapper asks, the surveyor proposes and works, and the price goes through escrow."""
    console.print("[bold]1[/] Staff top up the mapper's balance, as after a bank transfer …")
    await _top_up(client)
    asked = {
        "category": "DATA_ENGINEERING",
        "description": "Compare our roofs with the land register, and list what differs.",
        "budgetEstimation": PRICE_USD,
    }
    request = await client.ask("requestConsulting", asked, "ConsultingRequest { id }")
    console.print("[bold]2[/] The mapper asks for help. The surveyor proposes a price and a number of days …")
    proposal = await _propose(client, request["id"])
    await client.sign_in("mapper")
    contract = await client.ask("acceptConsultingProposal", {"id": proposal["id"]}, STATE, needs_key=True)
    console.print(f"[bold]3[/] Accepted: {_dollars(contract['escrowUsd'])} are in escrow")
    await client.sign_in("surveyor")
    done = {"id": request["id"], "note": "Three roofs differ. The list is in the messages."}
    await client.ask("submitConsultingWork", done, "ConsultingRequest { id }")
    await client.sign_in("mapper")
    paid = await client.ask("approveConsultingWork", {"id": request["id"]}, STATE, needs_key=True)
    console.print(
        f"[bold]4[/] {paid['state']}: {_dollars(paid['releasedUsd'])} were paid, of which the platform keeps "
        f"{_dollars(paid['commissionUsd'])}"
    )


async def _top_up(client: Client) -> None:
    await client.sign_in("mapper")
    mapper_id = (await client.read("{ me { id } }"))["me"]["id"]
    await client.sign_in("moderator")
    arguments = {"userId": mapper_id, "usd": PRICE_USD, "reason": "A transfer of the demo."}
    await client.ask("topUpBalance", arguments, "Operation { uuid }", needs_key=True)
    await client.sign_in("mapper")


async def _propose(client: Client, request_id: str) -> dict[str, Any]:
    await client.sign_in("surveyor")
    offer = {"amountUsd": PRICE_USD, "delayDays": 10, "message": "I pass there every week."}
    return await client.ask("proposeConsulting", offer | {"requestId": request_id}, "ConsultingProposal { id }")


def _dollars(amount: str) -> str:
    return f"{float(amount):.2f} USD"
