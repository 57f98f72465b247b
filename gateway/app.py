"""The application that the HTTP server runs: one coroutine per request."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from flightmesh.clock import Clock
from flightmesh.errors import Overloaded
from flightmesh.runtime.logs import fields
from gateway.config import GatewayConfig
from gateway.dispatch import Operation
from gateway.http_types import Exchange, RequestHeaders, Scope
from gateway.metrics import RequestMetrics
from gateway.problems import PROBLEM_PAGES, Problem, RefusedRequest, problem_of
from gateway.request_limits import RequestLimits
from gateway.router import Found, MethodNotAllowed, Router
from gateway.transcoding import Headers

_log = logging.getLogger(__name__)

REQUEST_ID_HEADER: Final = "X-Request-Id"
"""Header with the id of a request: the caller's, or one made here; every answer carries it."""

_REQUEST_ID_KEY: Final = REQUEST_ID_HEADER.lower()
_REQUEST_ID: Final = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
_SERVER: Final = ("server", "flightmesh")
_NO_SNIFFING: Final = ("x-content-type-options", "nosniff")
_JSON: Final = ("content-type", "application/json")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Content:
    """What a page or service address answers."""

    status: int
    headers: Headers
    body: bytes


Page = Callable[[], Content]


@final
class GatewayApp:
    """Answers requests: operations by the router, pages by their exact path.

    Args:
        router: the operations.
        pages: path → what makes its content; GET and HEAD only. The one at PROBLEM_PAGES also
            answers all paths below it.
        config: limits.
        clock: for durations.
        metrics: where requests are counted.
        next_request_id: makes the id of a request that brings none.
        connection_errors: what the server raises when a caller is gone; passed on.
    """

    def __init__(
        self,
        router: Router[Operation],
        pages: Mapping[str, Page],
        *,
        config: GatewayConfig,
        clock: Clock,
        metrics: RequestMetrics,
        next_request_id: Callable[[], str],
        connection_errors: tuple[type[Exception], ...] = (),
    ) -> None:
        self._router = router
        self._pages = pages
        self._limits = RequestLimits(config)
        self._max_under_way = config.max_concurrent_requests
        self._clock = clock
        self._metrics = metrics
        self._next_request_id = next_request_id
        self._connection_errors = connection_errors

    async def __call__(self, scope: Scope, exchange: Exchange) -> None:
        """Answers one request. Raises only the connection errors."""
        begun = self._clock.monotonic_s()
        request_id = self._request_id(scope.headers)
        name = "none"
        try:
            self._limits.check_host(scope.headers)
            self._limits.check_target(scope)
            page = self._page(scope.path)
            if page is not None:
                name = "page"
                content = _page_content(scope, page)
            else:
                operation, texts = self._find(scope)
                name = operation.binding.operation
                content = await self._ask(operation, texts, scope, exchange)
        except self._connection_errors:
            raise
        except RefusedRequest as refused:
            content = _problem_content(refused.problem, scope)
        except Exception as error:
            # The outermost frame of a request: whatever went wrong is answered here.
            content = _failure(error, scope, request_id)
        headers = [*content.headers, (_REQUEST_ID_KEY, request_id), _NO_SNIFFING, _SERVER]
        if scope.method == "HEAD":
            headers.append(("content-length", str(len(content.body))))
            exchange.response_empty(content.status, headers)
        else:
            exchange.response_bytes(content.status, headers, content.body)
        self._metrics.observe(name, content.status, self._clock.monotonic_s() - begun)

    def _request_id(self, headers: RequestHeaders) -> str:
        given = headers.get(_REQUEST_ID_KEY)
        if given is not None and _REQUEST_ID.fullmatch(given):
            return str(given)
        return self._next_request_id()

    def _page(self, path: str) -> Page | None:
        page = self._pages.get(path)
        if page is None and path.startswith(PROBLEM_PAGES):
            page = self._pages.get(PROBLEM_PAGES)
        return page

    def _find(self, scope: Scope) -> tuple[Operation, Sequence[str]]:
        method = scope.method
        found = self._router.find("GET" if method == "HEAD" else method, scope.path)
        if type(found) is Found:
            return found.target, found.texts
        if type(found) is MethodNotAllowed:
            raise RefusedRequest(_not_allowed(method, found.allowed))
        raise RefusedRequest(Problem(404, "ROUTE_NOT_FOUND", f"there is no {scope.path[:200]}"))

    async def _ask(
        self, operation: Operation, texts: Sequence[str], scope: Scope, exchange: Exchange
    ) -> Content:
        headers = scope.headers
        metrics = self._metrics
        if metrics.under_way >= self._max_under_way:
            metrics.refused += 1
            raise Overloaded("too many requests are under way")
        metrics.under_way += 1
        try:
            if scope.method not in _SAFE_METHODS:
                self._limits.check_origin(headers)
            body = b""
            if operation.reader.body is not None:
                body = await self._limits.read_body(headers, exchange)
            timeout_s = self._limits.timeout_s(headers)
            tree = operation.reader.read(texts, scope.query_string, headers.get, body)
            answer, reply_headers = await operation.ask(tree, timeout_s)
        finally:
            metrics.under_way -= 1
        return Content(200, [_JSON, *reply_headers], answer)


def _page_content(scope: Scope, page: Page) -> Content:
    if scope.method not in ("GET", "HEAD"):
        raise RefusedRequest(_not_allowed(scope.method, ("GET",)))
    return page()


def _not_allowed(method: str, allowed: Sequence[str]) -> Problem:
    methods = list(allowed)
    if "GET" in methods:
        methods.insert(methods.index("GET") + 1, "HEAD")
    text = ", ".join(methods)
    detail = f"{method[:20]} is not possible here; possible: {text}"
    return Problem(405, "METHOD_NOT_ALLOWED", detail, headers=[("allow", text)])


def _problem_content(problem: Problem, scope: Scope) -> Content:
    return Content(problem.status, problem.all_headers(), problem.body(scope.path))


def _failure(error: Exception, scope: Scope, request_id: str) -> Content:
    problem = problem_of(error, conditional=scope.headers.get("if-match") is not None)
    if problem.status == 500:
        named = fields(request_id=request_id)
        _log.error("request failed: %s %s", scope.method, scope.path, exc_info=error, extra=named)
    return _problem_content(problem, scope)
