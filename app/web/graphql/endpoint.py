"""The view as a whole: hand it what it cannot know, mount its routes, tell it when to end."""

import strawberry
from starlette.routing import BaseRoute, Route, WebSocketRoute

from app.web.graphql.connection_slots import Places
from app.web.graphql.documents.cache import Limits
from app.web.graphql.documents.persisted import Persisted
from app.web.graphql.execution import GraphQLEngine
from app.web.graphql.http.lookups import Lookups
from app.web.graphql.http.view import Endpoint
from app.web.graphql.operations.budget import Budget
from app.web.graphql.operations.operation import MakeContext, MakeContextNow, Plans, SharedContext
from app.web.graphql.websockets.socket import Sockets

PATH = "/graphql"


class GraphQL:
    """GraphQL over HTTP and WebSocket at one path."""

    def __init__(
        self,
        *,
        schema: strawberry.Schema,
        context: MakeContext,
        context_now: MakeContextNow | None = None,
        context_shared: SharedContext | None = None,
        limits: Limits,
        budget: Budget | None = None,
        plans: Plans | None = None,
        persisted: Persisted | None = None,
    ) -> None:
        engine = GraphQLEngine(
            schema,
            context=context,
            context_now=context_now,
            context_shared=context_shared,
            limits=limits,
            budget=budget,
            plans=plans,
            persisted=persisted,
        )
        places = Places()
        self._endpoint = Endpoint(engine, places)
        self.post = self._endpoint.post
        self.hurry = Lookups(engine).hurry
        self.ask_anew = engine.tokens.ask_anew
        self._sockets = Sockets(engine, places)
        # Routes, not a Mount: that would answer POST /graphql with a redirect.
        self.routes: list[BaseRoute] = [Route(PATH, self._endpoint), WebSocketRoute(PATH, self._sockets)]

    async def end(self) -> None:
        """End every subscription, cleanly and so that clients come again; requests under way are left to finish."""
        self._endpoint.end()
        await self._sockets.end()
