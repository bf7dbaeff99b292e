"""The place and the time of a camera, as both walks through camera traps begin."""

from app.demo.client import Client
from app.gateways.fakes.wood import season


async def place(client: Client, research: str, camera: season.Camera, *, location: str, deployment: str) -> str:
    """A location and a deployment of the drawn season, under these codes; the id of the deployment."""
    there = {
        "researchProjectId": research,
        "locationId": location,
        "name": camera.name,
        "point": {"type": "Point", "coordinates": [camera.longitude, camera.latitude]},
        "timezone": season.ZONE,
        "ignoreDst": True,
    }
    made = await client.ask("createLocation", there, "Location { id }")
    when = {"startsAt": season.START.isoformat(), "endsAt": season.END.isoformat()}
    stay = {"locationId": made["id"], "deploymentCode": deployment, **when}
    return str((await client.ask("createDeployment", stay, "Deployment { id }"))["id"])
