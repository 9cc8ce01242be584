"""名寄せモデル (parameters): what a run judges pairs by, as one value that can be stored, read, compared and named by its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kiban_processing.language import Text
from kiban_processing.linkage import comparisons, keys
from kiban_processing.linkage.comparisons import Rates
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

UNUSABLE_MODEL = Ground(
    "linkage-model-unusable",
    Family.INPUT,
    ACT_18,
    Text("名寄せモデル「{file}」を使えません（{rule}）。", "The linkage model “{file}” cannot be used ({rule})."),
    Text(
        "同じ版の `kiban link` が書いた model.json を指定するか、指定せずに学習し直してください。",
        "Name a model.json written by this version of `kiban link`, or leave it out to learn anew.",
    ),
)


@dataclass(frozen=True)
class Model:
    """Everything the weight of a pair depends on but the pair itself and the frozen counts.

    `rates`: comparison → level → shares. `persons`, `households`: expected pairs of one person and of one household for one pair of
    strangers. `namesakes`: odds that two registrations of equal name and birth date are two persons, by how common the name is
    (`namesakes.CLASSES`). `link_weight`, `review_weight`: log2 odds. `learnt`: "built-in" or "learnt", and from how many registrations.
    """

    rates: Mapping[str, Mapping[str, Rates]]
    persons: float
    households: float
    namesakes: tuple[float, ...]
    link_weight: float
    review_weight: float
    learnt: str = "built-in"
    registrations: int = 0
    version: str = comparisons.VERSION
    keys: str = keys.VERSION

    def as_json(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "keys": self.keys,
            "learnt": self.learnt,
            "registrations": self.registrations,
            "persons": self.persons,
            "households": self.households,
            "namesakes": list(self.namesakes),
            "link_weight": self.link_weight,
            "review_weight": self.review_weight,
            "rates": {
                field: {level: [rates.person, rates.household, rates.stranger] for level, rates in levels.items()}
                for field, levels in self.rates.items()
            },
            "digest": self.digest(),
        }

    def digest(self) -> str:
        """Identifies levels, conditions, blocks, normalisation and parameters: runs with equal digests judge alike."""
        content = {
            "versions": [self.version, self.keys],
            "blocks": comparisons.BLOCKS,
            "conditions": [[each.field, [[level.name, level.condition] for level in each.levels]] for each in comparisons.COMPARISONS],
            "numbers": [self.persons, self.households, *self.namesakes, self.link_weight, self.review_weight],
            "rates": [
                [field, level, rates.person, rates.household, rates.stranger]
                for field, levels in sorted(self.rates.items())
                for level, rates in sorted(levels.items())
            ],
        }
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def with_rates(self, field: str, level: str, rates: Rates) -> Model:
        """The same model with other rates of one level."""
        return replace(self, rates={**self.rates, field: {**self.rates[field], level: rates}})


def read(text: str, file: str) -> Model:
    """The model in the JSON text that `Model.as_json` makes.

    Refuses: linkage-model-unusable (not JSON, another version of comparisons or normalisation, altered since it was written).
    """
    try:
        content = json.loads(text)
        model = Model(
            rates={
                field: {level: Rates(*map(float, each)) for level, each in levels.items()} for field, levels in content["rates"].items()
            },
            persons=float(content["persons"]),
            households=float(content["households"]),
            namesakes=tuple(map(float, content["namesakes"])),
            link_weight=float(content["link_weight"]),
            review_weight=float(content["review_weight"]),
            learnt=str(content["learnt"]),
            registrations=int(content["registrations"]),
            version=str(content["version"]),
            keys=str(content["keys"]),
        )
        digest = str(content["digest"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UNUSABLE_MODEL.refuse(file=file, rule="json") from None
    if (model.version, model.keys) != (comparisons.VERSION, keys.VERSION):
        raise UNUSABLE_MODEL.refuse(file=file, rule=f"version {model.version}/{model.keys} ≠ {comparisons.VERSION}/{keys.VERSION}")
    if {field: set(levels) for field, levels in model.rates.items()} != {
        each.field: {level.name for level in each.levels if level.rates} for each in comparisons.COMPARISONS
    }:
        raise UNUSABLE_MODEL.refuse(file=file, rule="levels")
    if model.digest() != digest:
        raise UNUSABLE_MODEL.refuse(file=file, rule="digest")
    return model
