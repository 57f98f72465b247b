"""The gateway: REST for the mesh's gRPC services.

Purpose: every route, parameter, header, schema and page of the REST API comes from the services'
descriptors and their `google.api.http` annotations; nothing here knows a schedule from a leg. A
request becomes the annotated method's request message, goes to the mesh through `backend.Backend`
(which coalesces concurrent requests), and the answer goes back as protobuf JSON.

Invariants:
- No route is written by hand; two bindings that could match one request stop the start.
- Every refusal is an RFC 9457 problem that names its reason.
- A request is bounded before it costs anything: path, headers, body, nesting, number under way.
- Queries' replies are bytes from the read node, passed on unread.

It must not decide anything of the domain, keep state between requests, or open a socket on import.
"""
