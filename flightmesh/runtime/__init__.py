"""How every process runs: configuration, logging, tasks, start and stop."""
