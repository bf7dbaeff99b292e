"""LightGBM with its defaults behind a plain Starlette: `python -m tests.bench.automl.lightgbm_server PORT`."""

import sys
from typing import Any

import lightgbm
import numpy as np
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.bench.automl import table


def learned() -> Any:
    """The same rows, its defaults."""
    numbers, codes, kinds = table.drawn()
    known = lightgbm.Dataset(np.hstack([numbers, codes]), kinds, categorical_feature=list(range(12, 19)))
    return lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, known)


def build() -> Starlette:
    """It answers when it has learned."""
    model = learned()

    async def solve(request: Request) -> Response:
        rows = orjson.loads(await request.body())
        values = [
            [row[name] if at < table.NUMBERS else int(row[name][1:]) for at, name in enumerate(table.NAMES)]
            for row in rows
        ]
        odds = model.predict(np.array(values), num_threads=1)
        answers = [
            {"outputs": {table.OUTPUT: "yes" if each > 0.5 else "no"}, "probabilities": {"no": 1 - each, "yes": each}}
            for each in odds.tolist()
        ]
        return Response(orjson.dumps(answers), media_type="application/json")

    async def ready(_request: Request) -> Response:
        return Response(b"ok")

    return Starlette(routes=[Route("/solve", solve, methods=["POST"]), Route("/readyz", ready)])


if __name__ == "__main__":
    uvicorn.run(build(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
