"""The gateway's own addresses: pages for people, health, metrics, the OpenAPI document.

Pages load nothing from elsewhere and run no inline script; the content security policy says so.
"""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Final

import orjson

from flightmesh.runtime.metrics_server import METRICS_TYPE
from gateway.app import Content, Page
from gateway.problems import PROBLEM_PAGES
from gateway.transcoding import Headers

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SECURITY: Final[Headers] = [
    ("content-security-policy", _POLICY),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
]
_FRESH: Final = ("cache-control", "no-cache")
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
}
_FILES: Final = {
    "/": "index.html",
    "/docs": "docs.html",
    PROBLEM_PAGES: "problem.html",
    "/assets/index.js": "index.js",
    "/assets/docs.js": "docs.js",
    "/assets/style.css": "style.css",
}
_TEXT: Final = ("content-type", "text/plain; charset=utf-8")


def all_pages(
    document: Mapping[str, Any], metrics: Callable[[], bytes], is_ready: Callable[[], bool]
) -> dict[str, Page]:
    """Path → page. Files are read once, here.

    Args:
        document: the OpenAPI document.
        metrics: what /metrics tells, in the Prometheus text format.
        is_ready: whether requests should be sent here, for /readyz.
    """
    pages = {path: _constant(_file_content(name)) for path, name in _FILES.items()}
    described = orjson.dumps(document)
    pages["/openapi.json"] = _constant(
        Content(
            200,
            [("content-type", "application/vnd.oai.openapi+json;version=3.1"), _FRESH],
            described,
        )
    )
    pages["/healthz"] = _constant(Content(200, [_TEXT, _FRESH], b"ok\n"))
    pages["/readyz"] = lambda: _readiness(is_ready())
    pages["/metrics"] = lambda: Content(200, [("content-type", METRICS_TYPE), _FRESH], metrics())
    return pages


def _constant(content: Content) -> Page:
    return lambda: content


def _file_content(name: str) -> Content:
    body = files("gateway").joinpath("pages", name).read_bytes()
    content_type = _TYPES[name.rpartition(".")[2]]
    return Content(200, [("content-type", content_type), _FRESH, *_SECURITY], body)


def _readiness(ready: bool) -> Content:
    if ready:
        return Content(200, [_TEXT, _FRESH], b"ready\n")
    return Content(503, [_TEXT, _FRESH, ("retry-after", "1")], b"not ready\n")
