"""Domain values to and from stored and public protobuf messages."""
