"""Which message types the JSON codec supports, and what descriptors hide."""

from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

MAX_DEPTH: Final = 32
"""Deepest nesting of objects and arrays that any message type may have."""

TIMESTAMP: Final = "google.protobuf.Timestamp"
INT64: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)
"""Field types whose values JSON carries as decimal strings."""


def check_supported(descriptor: Descriptor, outer: tuple[str, ...] = ()) -> None:
    """Refuses recursive types, other well-known types, and types nested too deeply.

    Raises:
        TypeError: the type is not supported; the text says why.
    """
    name = descriptor.full_name
    if name in outer:
        raise TypeError(f"{name} is recursive; its JSON form is not supported")
    if name.startswith("google.protobuf.") and name != TIMESTAMP:
        raise TypeError(f"the JSON form of {name} is not supported")
    # An array is a level of its own, so a message may cost two.
    if 2 * len(outer) >= MAX_DEPTH:
        raise TypeError(f"{outer[0]} is nested too deeply")
    for field in descriptor.fields:
        if field.message_type is not None and name != TIMESTAMP:
            check_supported(field.message_type, (*outer, name))


def is_synthetic(field: FieldDescriptor) -> bool:
    """Whether the field is `optional`: descriptors show that as a oneof of its own."""
    oneof = field.containing_oneof
    return oneof is not None and len(oneof.fields) == 1 and oneof.name == f"_{field.name}"


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map."""
    message = field.message_type
    return message is not None and message.GetOptions().map_entry
