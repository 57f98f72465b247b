"""Rules of docs/protocol.md, each switched off by a patch: the simulation must find what follows.

A mutant replaces a part of the product for the runs of one process. It is no switch in the product:
what keeps a rule cannot be turned off there. `make sim-mutants` prints how many seeds each needs.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.simulation.mutants import entries, ownership, reading, recovery, scopes

MUTANTS: dict[str, Callable[[], Iterator[Any]]] = {
    "1 a claim is taken whoever holds it": ownership.no_claim,
    "3 the sealer does not create what is absent": ownership.sealer_does_not_create,
    "5 no seal before reassign": ownership.no_seal_before_reassign,
    "5 no claim and no seal": ownership.no_claim_and_no_seal,
    "6 release without the gathering entry": ownership.release_without_gathering,
    "7 the memory of a released shard is kept": ownership.memory_kept,
    "8 questions are not repeated": ownership.questions_not_repeated,
    "10 a lost lease is the end": ownership.registration_not_renewed,
    "10 an idle session does not notice its seal": ownership.seal_not_noticed,
    "11 a watermark counts for all shards": recovery.watermark_per_ledger,
    "12 the zombie's watermark believed": recovery.zombie_watermark_believed,
    "13 a watermark without a yes for the index": recovery.watermark_before_index,
    "14 the index is read before the watermarks": recovery.index_before_watermarks,
    "14 what no index has yet is taken for unheard of": recovery.tails_unheard_of,
    "14 what is committed later is taken for unheard of": recovery.later_ones_unheard_of,
    "15 only the newest ledger's tail is read": recovery.only_newest_tail,
    "16 the index's head is not used": recovery.head_not_used,
    "17 request after one of unknown outcome": entries.request_after_unknown,
    "17 an entry grows between its tries": entries.entry_content_changes,
    "17 acknowledge before commit": entries.acknowledge_before_commit,
    "18 a repeat is answered before its first try is in": entries.repeat_answered_at_once,
    "18 fenced means failed": entries.fenced_means_failed,
    "18 ids not recovered": entries.ids_not_recovered,
    "19 refusals unrecorded": entries.refusals_unrecorded,
    "20 forgotten ids are accepted": entries.too_old_accepted,
    "21 the next segment before the marker": reading.open_before_marker,
    "22 published before the commit": reading.published_before_commit,
    "23 a reader in silence does not ask": reading.reader_does_not_ask,
    "24 oldest-ledger-first reading": reading.oldest_ledger_first,
    "24 the position counts what is held back": reading.position_counts_held,
    "D5 a deleted schedule is created again at once": scopes.created_again_at_once,
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Switches a rule off meanwhile."""
    with ExitStack() as stack:
        for each in MUTANTS[name]():
            stack.enter_context(each)
        yield
