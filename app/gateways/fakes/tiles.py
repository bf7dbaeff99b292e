"""A tile server that photographs the demo village."""

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.gateways.fakes import village
from app.geometry.tiles import Tile

ZOOM_MAX = 22
# More at once would not paint faster, only slow down whatever else the process serves.
PAINTERS = CapacityLimiter(2)


async def xyz(request: Request) -> Response:
    """A tile counted from the north."""
    z, x, y = (request.path_params[name] for name in ("z", "x", "y"))
    return await _picture(z, x, y)


async def tms(request: Request) -> Response:
    """A tile counted from the south."""
    z, x, y = (request.path_params[name] for name in ("z", "x", "y"))
    return await _picture(z, x, 2 ** min(z, ZOOM_MAX) - 1 - y)


async def quadkey(request: Request) -> Response:
    """A tile named by its quadrants."""
    key = request.path_params["q"]
    if not 0 < len(key) <= ZOOM_MAX or set(key) - set("0123"):
        raise HTTPException(404)
    x, y = (int("".join(str(int(digit) >> bit & 1) for digit in key), 2) for bit in (0, 1))
    return await _picture(len(key), x, y)


async def tilejson(request: Request) -> Response:
    """Where the tiles are, for clients that ask first."""
    west, south, east, north = village.BOUNDS
    base = str(request.url.replace(query="")).removesuffix("/tilejson.json")
    return JSONResponse(
        {
            "tilejson": "3.0.0",
            "name": "Demo village",
            "tiles": [f"{base}/tiles/{{z}}/{{x}}/{{y}}.png"],
            "minzoom": 12,
            "maxzoom": ZOOM_MAX,
            "bounds": [west, south, east, north],
        }
    )


async def _picture(z: int, x: int, y: int) -> Response:
    if z > ZOOM_MAX or not (0 <= x < 2**z and 0 <= y < 2**z):
        raise HTTPException(404)
    content = await to_thread.run_sync(village.tile_png, Tile(z, x, y), limiter=PAINTERS)
    return Response(content, media_type="image/png", headers={"Cache-Control": "public, max-age=86400"})
