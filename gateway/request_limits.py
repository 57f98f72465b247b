"""What a request is held to before it is read: sizes, encodings, deadline, host, origin."""

import ipaddress
import re
from typing import Final, final

from flightmesh.errors import InvalidInput
from flightmesh.runtime.swept_timeout import SweptTimeout
from gateway.config import GatewayConfig
from gateway.http_types import Exchange, RequestHeaders, Scope
from gateway.problems import Problem, RefusedRequest

TIMEOUT_HEADER: Final = "Request-Timeout"
"""Request header: how many seconds the caller waits for the answer."""

_TIMEOUT_KEY: Final = TIMEOUT_HEADER.lower()
_SWEEP_S: Final = 0.25
_SECONDS: Final = re.compile(r"\d{1,6}(\.\d{1,6})?", re.ASCII)
_JSON_TYPE: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.ASCII | re.I)
# The server decodes a path leniently: a bad escape stays as it is, bytes that are not UTF-8 become
# U+FFFD. No name in a path has any of these characters.
_BAD_PATH: Final = re.compile("[%\ufffd\x00-\x1f\x7f]")
_ANY: Final = "*"


@final
class RequestLimits:
    """Checks requests against the configuration."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._timeouts = SweptTimeout(min(_SWEEP_S, config.body_timeout_s / 4))
        names = config.host_names or (() if _is_loopback(config.host) else (_ANY,))
        self._host_names = frozenset(name.lower() for name in names)
        self._last_host: str | None = None

    def check_target(self, scope: Scope) -> None:
        """Refuses a path or query string that is too long or badly encoded."""
        path = scope.path
        limit = self._config.max_target_bytes
        if len(path) > limit or len(scope.query_string) > limit:
            text = f"path and query string are limited to {limit} bytes each"
            raise RefusedRequest(Problem(414, "TARGET_TOO_LONG", text))
        if _BAD_PATH.search(path):
            raise InvalidInput("the path", "has a malformed percent-encoding or is not UTF-8")

    def check_host(self, headers: RequestHeaders) -> None:
        """Refuses a request to a name that is not ours.

        A page of another site can have its own name point here after it was loaded (DNS
        rebinding). To the browser this is then the page's own server, so it may read and change
        everything. An address in digits cannot be pointed elsewhere.
        """
        host = headers.get("host")
        # No browser leaves it out.
        if host is None or host == self._last_host:
            return
        name = _name_in(host)
        if not self._is_ours(name):
            text = (
                f"{name[:100]!r} is not known as a name of this server; known ones stand in"
                " FLIGHTMESH_HOST_NAMES, or in the gateway's setting host_names"
            )
            raise RefusedRequest(Problem(421, "HOST_NOT_KNOWN", text))
        self._last_host = host

    def _is_ours(self, name: str) -> bool:
        names = self._host_names
        if _ANY in names or name in names or name == "localhost" or name.endswith(".localhost"):
            return True
        return _is_address(name)

    def check_origin(self, headers: RequestHeaders) -> None:
        """Refuses a change that another site's page asked the browser for."""
        # Browsers say so in Sec-Fetch-Site (W3C Fetch Metadata), but only to trustworthy addresses
        # (https, loopback); to others they tell the page's Origin. Other callers send neither.
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is None and origin is not None:
            _, _, page_host = origin.partition("://")
            site = "same-origin" if page_host == headers.get("host") else "cross-site"
        if site in ("cross-site", "same-site"):
            text = "changes are not taken from pages of other sites"
            raise RefusedRequest(Problem(403, "CROSS_SITE", text))

    def timeout_s(self, headers: RequestHeaders) -> float:
        """How long the request may take."""
        text = headers.get(_TIMEOUT_KEY)
        if text is None:
            return self._config.request_timeout_s
        seconds = float(text) if _SECONDS.fullmatch(text) else 0.0
        if not seconds:
            raise InvalidInput(TIMEOUT_HEADER, "must be a number of seconds above 0")
        return min(seconds, self._config.max_request_timeout_s)

    async def read_body(self, headers: RequestHeaders, exchange: Exchange) -> bytes:
        """The request's body, which must be JSON where its type is stated."""
        length = headers.get("content-length")
        if length == "0" or (length is None and headers.get("transfer-encoding") is None):
            return b""
        content_type = headers.get("content-type")
        if content_type is not None and not _JSON_TYPE.fullmatch(content_type):
            text = "the body must be application/json"
            raise RefusedRequest(Problem(415, "UNSUPPORTED_MEDIA_TYPE", text))
        if headers.get("content-encoding", "identity") != "identity":
            text = "the body must not be compressed"
            raise RefusedRequest(Problem(415, "UNSUPPORTED_ENCODING", text))
        if length is not None and int(length) <= self._config.max_body_bytes:
            reading = exchange()
        else:
            reading = self._read_bounded(length, exchange)
        try:
            return await self._timeouts.wait(reading, self._config.body_timeout_s)
        except TimeoutError:
            text = "the body did not arrive in time"
            raise RefusedRequest(Problem(408, "REQUEST_TIMEOUT", text)) from None

    async def _read_bounded(self, length: str | None, exchange: Exchange) -> bytes:
        limit = self._config.max_body_bytes
        pieces = bytearray()
        if length is None:
            async for piece in exchange:
                pieces += piece
                if len(pieces) > limit:
                    break
            else:
                return bytes(pieces)
        text = f"the body is limited to {limit} bytes"
        raise RefusedRequest(Problem(413, "TOO_LARGE", text))


def _name_in(host: str) -> str:
    """The name in a Host header, in lower case, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
