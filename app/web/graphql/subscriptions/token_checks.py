"""Asks again and again whether the tokens of open connections still hold, and at once when one was revoked.

Each token is asked for once, whoever brought it.
"""

import asyncio
from collections.abc import Callable, Hashable
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from app.errors import Unauthenticated
from app.settings import settings
from app.web.graphql.operations.operation import Caller, Context, MakeContext

# An end that has come is noticed within this.
TICK_S_MAX = 1.0

log = structlog.get_logger(__name__)


class Watch:
    """One connection's wish to know when its token ends."""

    __slots__ = ("_tokens", "caller", "ended", "token")

    def __init__(self, tokens: "Tokens", token: str, caller: Caller, ended: Callable[[], object]) -> None:
        self._tokens = tokens
        self.token = token
        self.caller = caller
        self.ended = ended

    def cancel(self) -> None:
        """Do not tell; a second time does nothing."""
        self._tokens.drop(self)


class _Held:
    """A token that is being watched."""

    __slots__ = ("authorisation", "due", "ends_at", "viewer_id", "watches")

    def __init__(self, due: float, context: Context) -> None:
        self.due = due
        self.viewer_id = context.viewer_id
        self.authorisation: Hashable = context.authorisation
        self.ends_at = context.expires_at
        self.watches: dict[Watch, None] = {}


class Tokens:
    """All tokens that are watched, and the one task that goes round."""

    def __init__(self, context: MakeContext) -> None:
        self._context = context
        self._held: dict[str, _Held] = {}
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    def watch(self, token: str, caller: Caller, context: Context, ended: Callable[[], object]) -> Watch:
        """Call `ended` when the token no longer holds, or no longer gives the same rights."""
        if token not in self._held:
            # Soon for the first time: it may have been revoked between the look-up and now.
            self._held[token] = _Held(asyncio.get_running_loop().time(), context)
        watch = Watch(self, token, caller, ended)
        self._held[token].watches[watch] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._go_round())
        return watch

    def ask_anew(self, user_id: int) -> None:
        """Ask at once what this account's tokens are worth; any thread may say so."""
        if self._task and not self._task.done():
            self._task.get_loop().call_soon_threadsafe(self._hurry, user_id)

    def _hurry(self, user_id: int) -> None:
        for held in self._held.values():
            if held.viewer_id == user_id:
                held.due = 0
        self._woken.set()

    def drop(self, watch: Watch) -> None:
        """Forget this watch, and with its last watch the token."""
        held = self._held.get(watch.token)
        if held:
            held.watches.pop(watch, None)
            if not held.watches:
                del self._held[watch.token]

    async def _go_round(self) -> None:
        while self._held:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(TICK_S_MAX, settings.socket_token_check_s))
            self._woken.clear()
            now = datetime.now(UTC)
            try:
                for token in [token for token, held in self._held.items() if held.ends_at and held.ends_at <= now]:
                    self._end(token)
                await self._check_all()
            except Exception:
                # One token's failure must not leave all others unwatched.
                log.exception("token checks failed")

    async def _check_all(self) -> None:
        """Ask for those whose turn it is, one by one; what takes too long goes on in the next round."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for token, held in list(self._held.items()):
            if held.due <= begun and held.watches:
                await self._check(token, held)
                if loop.time() - begun > TICK_S_MAX:
                    return

    async def _check(self, token: str, held: _Held) -> None:
        caller = next(iter(held.watches)).caller
        held.due = asyncio.get_running_loop().time() + settings.socket_token_check_s
        try:
            context = await self._context(token, caller)
        except Unauthenticated:
            self._end(token)
        except Exception as error:  # noqa: BLE001 - while the database is away, nobody is thrown out
            log.warning("token check failed", reason=type(error).__name__, request_id=caller.request_id)
        else:
            held.ends_at = context.expires_at
            if context.authorisation != held.authorisation:
                # What it has begun was begun with other rights.
                self._end(token)

    def _end(self, token: str) -> None:
        held = self._held.pop(token, None)
        for watch in held.watches if held else ():
            watch.ended()
