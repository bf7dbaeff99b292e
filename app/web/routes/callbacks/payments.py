"""Where the payment provider tells of payments."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError
from app.gateways import card_payments
from app.services.billing.top_ups import card_top_ups
from app.settings import settings
from app.web.request_body import Early, small_body
from app.web.routes.problem_responses import refusal

SIGNATURE_LENGTH_MAX = 2_000
EVENT_BYTES_MAX = 256 * 1024


def routes(database: Database) -> list[Route]:
    """The address for Stripe's signed events. What cannot be done now is answered so that Stripe sends it again."""

    async def receive(request: Request) -> Response:
        try:
            card_payments.require_set_up()
            signature = request.headers.get("stripe-signature", "")[:SIGNATURE_LENGTH_MAX]
            body = await small_body(request, EVENT_BYTES_MAX, s_max=settings.upload_s_max, refusal="An event is small.")
            event = card_payments.read_event(body, signature)
            if event is None:
                return Early.of(Response("This is not signed by the payment provider.", status_code=400))
            async with database.writing() as session:
                await card_top_ups.apply_event(session, event)
        except DomainError as error:
            return Early.of(refusal(error))
        except (TimeoutError, ClientDisconnect):
            return Early.of(Response(status_code=408))
        return Response(status_code=204)

    return [Route("/payments/stripe", receive, methods=["POST"])]
