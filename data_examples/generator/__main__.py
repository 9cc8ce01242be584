"""書出し: `python -m generator` in `data_examples` writes the example data again; the same seed gives the same bytes."""

from __future__ import annotations

import argparse
from pathlib import Path

from generator import story


def main() -> None:
    """Write all files below the folder, and say how many bytes."""
    parser = argparse.ArgumentParser(prog="python -m generator", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1], help="folder to write to (default: data_examples)")
    parser.add_argument("--seed", type=int, default=story.SEED)
    chosen = parser.parse_args()
    made = story.tell(chosen.seed)
    for name, content in made.items():
        path = chosen.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"{len(made)} files, {sum(map(len, made.values())):,} bytes, seed {chosen.seed}")


if __name__ == "__main__":
    main()
