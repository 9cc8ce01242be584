"""名寄せの設定 (settings): thresholds and training of one linkage run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Training = Literal["auto", "always", "never"]


@dataclass(frozen=True)
class LinkageSettings:
    """Weights are log2 odds, prior included. `link_weight` None: calibrated without truth (see `evidence.calibrate`).

    `train`: "auto" learns parameters from the data only from `train_from_rows` registrations on; with fewer (three hospitals of
    300 patients) estimation is unstable and the built-in parameters serve.
    """

    link_weight: float | None = None
    review_weight: float = 0.0
    train: Training = "auto"
    train_from_rows: int = 50_000
    seed: int = 1


# With so few rows, thinking about a statement takes the engine longer than running it as it stands, and threads wait more than they work.
FEW = 50_000
