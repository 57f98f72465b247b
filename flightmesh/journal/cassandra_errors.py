"""What a failure of Cassandra or of its driver says about a request (never re-sent by the driver).

For a write the question is whether it may have been applied:

* definitely not: no node took it; the node refused it as malformed or forbidden; the node knew of
  too few live replicas to begin (Paxos v2 asks that before each proposal, and begins a second one
  only if nobody accepted the first);
* everything else is unknown: a time-out on either side, a lost connection, an overloaded or failed
  node, and CAS_WRITE_UNKNOWN, for which the driver has no class of its own.

A read changes nothing, so whatever failed, it may simply be asked again.
"""

from collections.abc import Sequence
from typing import Final

from cassandra import RequestValidationException, Unavailable
from cassandra.cluster import NoHostAvailable
from cassandra.protocol import ErrorMessage, SyntaxException

from flightmesh.errors import OutcomeUnknown, StoreError, StoreUnavailable

CAS_WRITE_UNKNOWN: Final = 0x1700


def read_failed(error: Exception) -> StoreError:
    """The error of a read as callers get it."""
    return StoreUnavailable(describe(error))


def write_failed(error: Exception, attempted: Sequence[object] | None) -> StoreError:
    """The error of a write as callers get it.

    Args:
        error: from the driver.
        attempted: nodes that the request was handed to; None if the driver does not say.
    """
    refused = isinstance(error, Unavailable | RequestValidationException | SyntaxException)
    never_sent = isinstance(error, NoHostAvailable) and attempted is not None and not attempted
    if refused or never_sent:
        return StoreUnavailable(describe(error))
    return OutcomeUnknown(describe(error))


def describe(error: Exception) -> str:
    """One line about an error."""
    if isinstance(error, ErrorMessage) and error.code == CAS_WRITE_UNKNOWN:
        return "Cassandra: the outcome of a conditional write is unknown (CAS_WRITE_UNKNOWN)"
    text = " ".join(str(error).split()) or type(error).__name__
    return f"Cassandra: {text[:300]}"
