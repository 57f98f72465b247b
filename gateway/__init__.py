"""The gateway: REST from the annotations of the protos, and loading of files. No domain logic."""
