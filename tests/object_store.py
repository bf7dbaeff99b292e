"""An object store that speaks S3's protocol, as far as files need it, in memory."""

import re
from collections.abc import MutableMapping
from email.utils import formatdate
from hashlib import md5
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

BUCKET = "files"
KEY = re.compile(r"<Key>([^<]*)</Key>")


class ObjectStore:
    """An ASGI application; `kept` is what it holds."""

    def __init__(self) -> None:
        self.kept: MutableMapping[str, bytes] = {}

    async def __call__(self, scope, receive, send) -> None:
        request = Request(scope, receive)
        key = request.url.path.removeprefix(f"/{BUCKET}").removeprefix("/")
        answer = await self._answer(request, key)
        await answer(scope, receive, send)

    async def _answer(self, request: Request, key: str) -> Response:
        if request.method == "PUT":
            self.kept[key] = await request.body()
            return Response(headers=_facts(self.kept[key]))
        if request.method == "POST":
            gone = KEY.findall((await request.body()).decode())
            for each in gone:
                self.kept.pop(each, None)
            told = "".join(f"<Deleted><Key>{each}</Key></Deleted>" for each in gone)
            return Response(f"<DeleteResult>{told}</DeleteResult>", media_type="application/xml")
        if not key:
            return Response(self._listed(request.query_params.get("prefix", "")), media_type="application/xml")
        if key not in self.kept:
            return Response(status_code=404)
        return Response(self.kept[key], headers=_facts(self.kept[key]))

    def _listed(self, prefix: str) -> str:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>x</ETag></Contents>"
            for key, content in sorted(self.kept.items())
            if key.startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"


def _facts(content: bytes) -> dict[str, str]:
    return {"ETag": f'"{md5(content).hexdigest()}"', "Last-Modified": formatdate(1_700_000_000, usegmt=True)}


def environment(host: str) -> dict[str, str]:
    """By which variables such a store is found."""
    return {
        "AWS_ENDPOINT_URL": f"http://{host}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "here",
    }
