"""書出し: `python -m data_examples.linkage_world OUT` writes a test world; the same arguments give the same bytes."""

from __future__ import annotations

import argparse
from pathlib import Path

from data_examples.linkage_world import files
from data_examples.linkage_world.profiles import PROFILES


def main() -> None:
    """Write the world and say what it holds."""
    parser = argparse.ArgumentParser(prog="python -m data_examples.linkage_world", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--registrations", type=int, default=100_000)
    parser.add_argument("--hospitals", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noise", type=float, default=1.0, help="multiplies all error rates")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="default", help="what the world has much of")
    parser.add_argument(
        "--delta", type=float, default=0.0, help="share of the registrations that come in a later batch, in a file of their own"
    )
    chosen = parser.parse_args()
    counts = files.write(
        chosen.out, files.Settings(chosen.registrations, chosen.hospitals, chosen.seed, chosen.noise, chosen.profile, chosen.delta)
    )
    print(", ".join(f"{name} {count:,}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
