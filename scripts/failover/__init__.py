"""Parts of bench_failover.py."""
