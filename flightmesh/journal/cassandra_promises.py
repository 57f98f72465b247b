"""What a node of Cassandra must be set to before the ledger store trusts it."""

import logging
import re
from collections.abc import Mapping
from typing import Final

from cassandra.cluster import Cluster, Session

from flightmesh.errors import ConfigurationError, StoreUnavailable
from flightmesh.journal.cassandra_errors import describe

_log = logging.getLogger(__name__)

_ALLOWED: Final = {"commitlog_sync": ("batch", "group"), "paxos_variant": ("v2",)}
_BATCH_LIMIT: Final = "batch_size_fail_threshold"
# Four times what a batch of the index may have; Cassandra's default is 50 KiB.
_LEAST_BATCH: Final = "1MiB"
_SIZE: Final = re.compile(r"(\d+)(B|KiB|MiB|GiB)")
_UNITS: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_QUERY: Final = (
    "SELECT name, value FROM system_views.settings"
    " WHERE name IN ('commitlog_sync', 'paxos_variant', 'batch_size_fail_threshold')"
)


def check_promises(cluster: Cluster, session: Session, profile: str) -> None:
    """Refuses servers that acknowledge before they sync, run the older Paxos, or fail our batches.

    Every node is asked that can be reached now. Blocks.

    Args:
        cluster: knows the nodes.
        session: asks them.
        profile: execution profile to ask with.

    Raises:
        ConfigurationError: names the node and the setting.
        StoreUnavailable: no node tells its settings.
    """
    unheard: Exception | None = None
    heard = 0
    for host in cluster.metadata.all_hosts():
        try:
            found = dict(session.execute(_QUERY, execution_profile=profile, host=host))
        except Exception as error:  # a node that is down serves nobody; the others decide
            _log.warning("settings of %s cannot be checked: %s", host.endpoint, describe(error))
            unheard = error
            continue
        heard += 1
        if wrong := broken_promises(found):
            raise ConfigurationError(f"Cassandra at {host.endpoint}: {'; '.join(wrong)}")
    if not heard:
        raise StoreUnavailable("Cassandra: no node tells its settings") from unheard


def broken_promises(settings: Mapping[str, str | None]) -> list[str]:
    """What is wrong with a node's settings, in words.

    Args:
        settings: as `system_views.settings` tells them, by name.
    """
    wrong = [
        f"{name} is {settings.get(name)}, but the ledger store needs {' or '.join(allowed)}"
        for name, allowed in _ALLOWED.items()
        if str(settings.get(name)).lower() not in allowed
    ]
    limit = settings.get(_BATCH_LIMIT)
    if _bytes(limit) < _bytes(_LEAST_BATCH):
        wrong.append(f"{_BATCH_LIMIT} is {limit}, but the ledger store needs {_LEAST_BATCH}")
    return wrong


def _bytes(text: str | None) -> int:
    """A size as Cassandra writes it; 0 if it is none."""
    size = _SIZE.fullmatch(text or "")
    return int(size[1]) * _UNITS[size[2]] if size else 0
