"""Where the read node meets protobuf: stored entries in, requests in, replies out."""
