"""組 (tuples): the distinct combinations of quasi-identifiers and sensitive values with their numbers of persons; all a search ever sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding.demands import Model

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sensitive:
    """A sensitive attribute. `codes`: value number per tuple, in the order of `values`; `models`: what is asked of every class.

    `values`: the value of each number, missing as None; empty where only the numbers matter. `hierarchy`: for the hierarchical ground
    distance of t-closeness, over the same values.
    """

    name: str
    codes: Integers
    models: tuple[Model, ...] = ()
    values: tuple[str | None, ...] = ()
    hierarchy: Hierarchy | None = None


@dataclass(frozen=True)
class Tuples:
    """Distinct tuples: `leaves[attribute][tuple]`, the number of persons of each, and their sensitive values.

    `population[tuple]`: persons of the population table who have these quasi-identifiers, where the plan brings one (k-map, delta-presence);
    tuples of the population that nobody of the cohort has are there with `persons` 0 and belong to the same classes.
    """

    hierarchies: tuple[Hierarchy, ...]
    leaves: tuple[Integers, ...]
    persons: Integers
    sensitive: tuple[Sensitive, ...] = ()
    population: Integers | None = None

    def __len__(self) -> int:
        return len(self.persons)

    @property
    def total(self) -> int:
        """Persons."""
        return int(self.persons.sum())

    def of(self, chosen: Integers) -> Tuples:
        """Some of the tuples, in the order chosen."""
        return Tuples(
            self.hierarchies,
            tuple(leaves[chosen] for leaves in self.leaves),
            self.persons[chosen],
            tuple(replace(one, codes=one.codes[chosen]) for one in self.sensitive),
            None if self.population is None else self.population[chosen],
        )
