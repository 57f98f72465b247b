"""The mesh of separate processes on one machine: `make cluster`, `flightmesh cluster`.

The launcher starts etcd, NATS and Cassandra and every process of the mesh, waits until all serve,
stays in the foreground, and stops what it started. It never starts anything again by itself, and
never sends a signal to a process that it (or, of its folder, an earlier launcher) has not started.

`config` and `service_settings` what can be chosen; `folder` the data directory with its lock;
`ports` who listens where; `layout` the processes of the mesh and their files; `servers` the
servers; `member` one process; `supervisor` all of them; `registrations` the servers' entries in the
registry; `state` cluster.json; `control` what other shells ask the launcher; `run` and `commands`
what people call.

For tests and benchmarks: `driver` a cluster in the hands of a program; `network_cut` a shard node
that can be cut off, by means of `forwarder`.
"""
