"""The real servers behind the ports: Cassandra, etcd and NATS, installed and started on loopback.

`install` brings pinned versions into a cache folder; `cassandra`, `etcd` and `nats` write a
configuration into a directory of the caller's and start the server; `process` is what a started
server is. Everything here blocks: call it from a thread where an event loop runs.

    python -m launcher.servers install [--into FOLDER] [cassandra etcd nats-server ghz]
"""
