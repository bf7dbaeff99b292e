"""Pictures that posts show."""

from app.gateways import storage

FOLDER = "pictures"


async def remove_picture(number: int) -> None:
    """Deletes the files of a picture."""
    await storage.delete(f"{FOLDER}/{number}")
