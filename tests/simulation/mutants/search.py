"""Looks for a seed that shows that a rule is off."""

import re
from typing import Final

from tests.simulation.mutants.catalogue import mutated
from tests.simulation.run import run_seed

# What a patch raises that no longer fits the code it replaces: it shows nothing of its rule.
_BROKEN: Final = re.compile(r"\b(AttributeError|NameError|TypeError)\b")


def seeds_needed(name: str, most: int) -> tuple[int, str]:
    """How many seeds, from 0 on, until a violation, and which; 0 if none of them shows one.

    Raises:
        AssertionError: the mutant's patch does not fit the product any more.
    """
    with mutated(name):
        for seed in range(most):
            for violation in run_seed(seed).violations:
                if _BROKEN.search(violation):
                    raise AssertionError(f"{name}: the patch does not fit: {violation}")
                return seed + 1, violation
    return 0, ""
