"""The workers that are alive, with what they can do."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, literal_column
from sqlalchemy.dialects.postgresql import insert

from app.database import WriteSession
from app.models.automl.works import Server
from app.settings import settings


@dataclass(frozen=True)
class Abilities:
    """What a worker may use."""

    cores: int
    memory_bytes: int
    gpu_bytes: tuple[int, ...]


def is_alive() -> ColumnElement[bool]:
    """Whether a worker gave a sign of life lately."""
    silence: ColumnElement[timedelta] = literal_column(f"interval '{settings.server_silence_s_max:f} s'")
    return Server.heartbeat_at > func.now() - silence


async def beat(session: WriteSession, name: str, abilities: Abilities) -> None:
    """Writes the row of a worker, and deletes those of workers that are gone."""
    now = {
        "heartbeat_at": func.now(),
        "server_info_ready": True,
        "cores": abilities.cores,
        "memory_bytes": abilities.memory_bytes,
        "server_gpu_ram": list(abilities.gpu_bytes),
    }
    added = insert(Server).values(server_name=name, **now)
    await session.execute(added.on_conflict_do_update(index_elements=["server_name"], set_=now))
    await session.execute(delete(Server).where(~is_alive()))
