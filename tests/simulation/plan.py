"""What goes wrong in a run, and when: drawn from the seed before the run begins.

Each fault has a number of its own and chances of its own, so that a run can leave some out and the
others stay as they are: that is how a failing run is made smaller.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

BOOT_S = 2.0
FAULTS_S = 20.0
ENDS_S = BOOT_S + FAULTS_S + 1.0  # some commands come after the last fault
COORDINATORS = ("coord-1", "coord-2")
SHARD_NODES = ("shard-1", "shard-2", "shard-3")
LATE_NODE = "shard-4"
READ_NODE = "read-1"
GATEWAY = "gateway-1"
CLIENTS = ("client-1", "client-2", "client-3", "client-4")

# Kind → how often, and how long it lasts (seconds, from and to; 0 for what happens at once).
KINDS: dict[str, tuple[int, float, float]] = {
    "crash a shard node": (10, 0.1, 6.0),
    "crash the leader": (4, 0.1, 5.0),
    "crash a coordinator": (2, 0.1, 5.0),
    "crash the read node": (2, 0.1, 4.0),
    "pause a shard node": (9, 0.5, 9.0),
    "pause a coordinator": (4, 1.0, 12.0),
    "pause the read node": (1, 0.5, 5.0),
    "crash the gateway": (3, 0.1, 4.0),
    "pause the gateway": (2, 0.5, 5.0),
    "crash at a step": (9, 0.1, 4.0),
    "pause at a step": (8, 2.0, 8.0),
    "pause an owner and crash its heirs": (6, 2.5, 7.0),
    "move a shard to and fro": (5, 0.0, 0.0),
    "crash in birth": (3, 0.1, 3.0),
    "slow a shard node": (4, 1.0, 6.0),
    "cut off a process": (6, 0.5, 6.0),
    "cut off one way": (5, 0.5, 6.0),
    "cut off from the store": (4, 0.3, 4.0),
    "cut off from the registry": (3, 0.5, 9.0),
    "bad network": (8, 1.0, 6.0),
    "bad store": (10, 1.0, 6.0),
    "bad journal": (8, 1.0, 6.0),
    "hand over while appends are slow": (6, 1.5, 5.0),
    "bad claims": (6, 1.0, 6.0),
    "bad index": (5, 1.0, 6.0),
    "registry down": (3, 0.5, 6.0),
    "bad registry": (4, 1.0, 8.0),
    "wipe the registry": (3, 0.0, 0.0),
    "restore the registry": (5, 0.0, 0.0),
    "lose leases": (4, 0.0, 0.0),
    "bad bus": (4, 2.0, 10.0),
    "wipe the bus": (3, 0.0, 0.0),
    "drain and restart a node": (5, 0.5, 3.0),
    "stop and restart the leader": (3, 0.5, 3.0),
    "drain a node by its operator": (2, 0.0, 0.0),
    "move a shard": (10, 0.0, 0.0),
    "a node joins": (4, 0.0, 0.0),
    "break snapshots": (3, 0.0, 0.0),
    "a clock jumps": (3, 0.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault of a plan.

    Attributes:
        number: its place in the plan.
        kind: see KINDS.
        at_s: virtual time of its beginning.
        lasts_s: how long it lasts.
        dice: numbers from 0 to 1 for its details.
    """

    number: int
    kind: str
    at_s: float
    lasts_s: float
    dice: tuple[float, ...]

    def pick(self, die: int, choices: Any) -> Any:
        """One of the choices, by the die of that number."""
        return choices[int(self.dice[die] * len(choices))]

    def __str__(self) -> str:
        lasting = f" for {self.lasts_s:.2f} s" if self.lasts_s else ""
        return f"#{self.number} at {self.at_s:.2f} s: {self.kind}{lasting}"


def draw(seed: int) -> tuple[PlannedFault, ...]:
    """The faults of a seed, in the order of time."""
    random = Random(f"{seed}/plan")
    count = random.randint(6, 14)
    kinds = random.choices(list(KINDS), [weight for weight, _, _ in KINDS.values()], k=count)
    drawn = []
    for kind in kinds:
        _, shortest_s, longest_s = KINDS[kind]
        at_s = BOOT_S + random.random() * FAULTS_S * 0.85
        lasts_s = random.uniform(shortest_s, longest_s)
        dice = tuple(random.random() for _ in range(8))
        lasts_s = min(lasts_s, BOOT_S + FAULTS_S - at_s) if lasts_s else 0.0
        drawn.append((at_s, kind, lasts_s, dice))
    drawn.sort()
    return tuple(
        PlannedFault(number, kind, at_s, lasts_s, dice)
        for number, (at_s, kind, lasts_s, dice) in enumerate(drawn)
    )
