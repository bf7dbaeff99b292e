"""What is known of a replica: how far it has come, and whether that is far enough for whoever asks.

Positions are places in the primary's log (WAL), in bytes. Whoever has written reads at the replica once that has
replayed the position after their commit; until then, at the primary. Positions are shared by Redis, and kept no longer
than a replica may lag: one that has fallen further behind is not read at all.
"""

import asyncio
import math
from collections import deque
from time import monotonic

import psycopg
import structlog
from prometheus_client import Counter
from redis.exceptions import RedisError

from app import redis_client
from app.errors import DomainError
from app.lru import LRU
from app.postgres.connection import POSITION, UNKNOWN_POSITION
from app.postgres.reader import Reader
from app.settings import settings
from app.supervision import Background

LOOK_S = 0.1
ANSWER_S_MAX = 1.0
# After Redis has failed, so long nobody asks it: they read at the primary.
REDIS_PAUSE_S = 1.0
MOMENTS_MAX = 1_000
WRITERS_MAX = 10_000
# Of two changes of one person, the later one counts, whichever tells Redis first.
KEEP_LATER = """
local known = redis.call('GET', KEYS[1])
if not known or tonumber(known) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
"""
_SYSTEM = "(SELECT system_identifier FROM pg_control_system())"
_PRIMARY = f"SELECT {_SYSTEM}, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), {POSITION}".encode()
_REPLICA = f"""
SELECT {_SYSTEM}, pg_is_in_recovery(), pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint
""".encode()

queries = Counter(
    "fieldgraph_query_reads_total", "Queries by the server that they read at, and why.", ["server", "why"]
)
_AT_REPLICA = queries.labels("replica", "up to date")
_AFTER_CHANGE = queries.labels("primary", "after a change")
_IN_TROUBLE = queries.labels("primary", "replica in trouble")
FAILED = queries.labels("primary", "replica failed")

log = structlog.get_logger(__name__)


class Replica:
    """The standing of one replica, as one process sees it. Until it has been looked at twice, it is not read."""

    def __init__(self, primary_url: str, url: str, redis_url: str) -> None:
        self._primary, self._there = (
            Reader(each, connections=1, statement_s_max=ANSWER_S_MAX, wait_s=ANSWER_S_MAX)
            for each in (primary_url, url)
        )
        self._redis = redis_client.client(redis_url)
        self._redis_away_until = -math.inf
        self._writers: LRU[int, tuple[int, float]] = LRU(WRITERS_MAX)
        """Who wrote by this process: up to where, and until when that matters."""
        self._history: tuple[object, ...] = ()
        self._moments: deque[tuple[float, int]] = deque()
        """When the primary was where, as far as the replica has not replayed it."""
        self._replayed = -1
        self._has_all_until = -math.inf
        self._trouble: str | None = "it was not looked at yet"
        self.background = Background("replica", self._follow)

    @property
    def lag_s(self) -> float:
        """The age of what it shows, at most; infinite before it is known."""
        return monotonic() - self._has_all_until

    @property
    def trouble(self) -> str | None:
        """Why it is not read, if it is not."""
        if self._trouble is None and self.lag_s > settings.reader_lag_s_max:
            return f"it lags {self.lag_s:.1f} s"
        return self._trouble

    def serves_strangers(self) -> bool:
        """Whether those may read there who cannot have written."""
        serves = self.trouble is None
        (_AT_REPLICA if serves else _IN_TROUBLE).inc()
        return serves

    async def serves(self, user_id: int) -> bool:
        """Whether a person finds there what they have written, by whichever process."""
        if self.trouble is not None:
            _IN_TROUBLE.inc()
            return False
        serves = await self._position_of(user_id) <= self._replayed and self.trouble is None
        (_AT_REPLICA if serves else _AFTER_CHANGE).inc()
        return serves

    async def remember(self, user_id: int, position: int) -> None:
        """Let every process know that a person has written up to a position; to be called before they are answered.

        If Redis does not take it, this waits until no process reads the replica without that change.
        """
        kept_s = settings.reader_lag_s_max + 2 * LOOK_S + ANSWER_S_MAX
        self._writers.put(user_id, (max(position, self._position_here(user_id)), monotonic() + kept_s))
        try:
            await self._redis.eval(KEEP_LATER, 1, _key(user_id), str(position), str(round(1_000 * kept_s)))
        except (RedisError, OSError) as error:
            log.warning("position not shared", reason=str(error) or type(error).__name__)
            self._redis_away_until = monotonic() + REDIS_PAUSE_S
            await self._wait_for(position, kept_s)

    def doubt(self, reason: str) -> None:
        """Have it read by nobody until it has been looked at twice again."""
        if self._trouble is None:
            log.warning("replica not read", reason=reason)
        self._trouble, self._history, self._replayed, self._has_all_until = reason, (), -1, -math.inf
        self._moments.clear()

    async def close(self) -> None:
        """Look at it no more."""
        await self.background.stop()
        await asyncio.gather(self._primary.close(), self._there.close(), self._redis.aclose())

    def _position_here(self, user_id: int) -> int:
        position, until = self._writers.get(user_id) or (-1, math.inf)
        if until > monotonic():
            return position
        self._writers.drop(user_id)
        return -1

    async def _position_of(self, user_id: int) -> int:
        position = self._position_here(user_id)
        if position > self._replayed:
            return position
        if monotonic() < self._redis_away_until:
            return UNKNOWN_POSITION
        try:
            return max(position, int(await self._redis.get(_key(user_id)) or -1))
        except (RedisError, OSError) as error:
            log.warning("positions unknown", reason=str(error) or type(error).__name__)
            self._redis_away_until = monotonic() + REDIS_PAUSE_S
            return UNKNOWN_POSITION

    async def _wait_for(self, position: int, s_max: float) -> None:
        deadline = monotonic() + s_max
        while self._replayed < position:
            if monotonic() > deadline:
                return
            await asyncio.sleep(LOOK_S)

    async def _follow(self, task: Background) -> None:
        while True:
            try:
                async with asyncio.timeout(ANSWER_S_MAX):
                    await self._look()
            except TimeoutError:
                self.doubt("it was silent")
            except (DomainError, psycopg.Error, OSError) as error:
                self.doubt(str(error).strip().partition("\n")[0] or type(error).__name__)
            task.well()
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        """Asks the primary where it is, and then the replica how far it has come."""
        asked_at = monotonic()
        [(system, timeline, written)] = await self._primary.rows(_PRIMARY, [])
        [(system_there, is_standby, replayed)] = await self._there.rows(_REPLICA, [])
        if system != system_there:
            self.doubt("it is not a copy of this database")
        elif not is_standby:
            self.doubt("it is no standby: it takes changes itself")
        elif self._replayed > written:
            self.doubt("it is ahead of the primary: they have parted")
        elif self._history != (system, timeline):  # another primary, perhaps: what is known is of the last one
            self.doubt("it has only just been found")
            self._history, self._replayed = (system, timeline), replayed
        else:
            self._take(asked_at, written, replayed)

    def _take(self, asked_at: float, written: int, replayed: int) -> None:
        if len(self._moments) < MOMENTS_MAX:
            self._moments.append((asked_at, written))
        while self._moments and self._moments[0][1] <= replayed:
            self._has_all_until, _ = self._moments.popleft()
        self._replayed = replayed
        if self._trouble is not None and self.lag_s <= settings.reader_lag_s_max:
            self._trouble = None
            log.info("replica read", lag_s=round(self.lag_s, 1))


def _key(user_id: int) -> str:
    return f"fieldgraph:written:{user_id}"
