"""Page tokens: the place after which the next page begins, as opaque text. Pure."""

import base64
import binascii

import msgspec

from flightmesh.errors import InvalidInput

_MAX_LENGTH = 2_000


def write_token(*place: int | str) -> str:
    """The token of a place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read_token(token: str, *shape: type[int] | type[str]) -> tuple[int | str, ...] | None:
    """The place that a token stands for; None for the empty token, which is the beginning.

    Args:
        token: as the caller sent it.
        shape: type of each part of a place.

    Raises:
        InvalidInput: it is no token of this shape.
    """
    if not token:
        return None
    try:
        if len(token) > _MAX_LENGTH:
            raise ValueError
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        place: list[int | str] = msgspec.json.decode(raw, type=list[int | str])
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise InvalidInput("page_token", "is no page token of this listing") from error
    if tuple(type(part) for part in place) != shape:
        raise InvalidInput("page_token", "is no page token of this listing")
    return tuple(place)
