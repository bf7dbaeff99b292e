"""Stand-ins for the world outside that speak its protocols over HTTP: for tests, and for the demo at `/demo`."""

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from app.gateways.fakes import osm, osm_accounts, stripe, tiles
from app.gateways.fakes.broken import breaking
from app.gateways.fakes.wood import stand_in_manager

app = Starlette(
    routes=[
        Route("/tiles/{z:int}/{x:int}/{y:int}.png", tiles.xyz),
        Route("/tms/{z:int}/{x:int}/{y:int}.png", tiles.tms),
        Route("/quadkey/{q}.png", tiles.quadkey),
        Route("/tilejson.json", tiles.tilejson),
        Mount("/ai-manager", stand_in_manager.manager),
        Route("/osm/v1/snapshot/plain/", osm.snapshot, methods=["POST"]),
        Route("/osm/v1/snapshot/", osm.task, methods=["POST"]),
        Route("/osm/v1/tasks/status/{task}/", osm.look),
        Route("/osm/{fate}/v1/snapshot/", osm.task, methods=["POST"]),
        Route("/osm/{fate}/v1/tasks/status/{task}/", osm.look),
        Route("/osm/archives/{task}.zip", osm.download),
        Route("/osm/v1/status/", osm.status),
        Route("/overpass/api/interpreter", osm.interpreter, methods=["POST"]),
        Route("/stripe/v1/checkout/sessions", stripe.open_page, methods=["POST"]),
        Route("/stripe/v1/customers/{customer}/payment_methods", stripe.list_cards),
        Route("/stripe/v1/payment_methods/{card}/detach", stripe.detach_card, methods=["POST"]),
        Route("/stripe/v1/payment_intents", stripe.charge, methods=["POST"]),
        Route("/openstreetmap/oauth2/authorize", osm_accounts.authorize),
        Route("/openstreetmap/oauth2/token", osm_accounts.token, methods=["POST"]),
        Route("/openstreetmap/oauth2/revoke", osm_accounts.revoke, methods=["POST"]),
        Route("/openstreetmap/api/0.6/user/details.json", osm_accounts.details),
        Route("/broken/{mode}/v1/snapshot/plain/", breaking(osm.snapshot, "application/json"), methods=["POST"]),
        Route("/broken/{mode}/api/interpreter", breaking(osm.interpreter, "application/json"), methods=["POST"]),
        Route("/broken/{mode}/{z:int}/{x:int}/{y:int}.png", breaking(tiles.xyz, "image/png")),
    ]
)
