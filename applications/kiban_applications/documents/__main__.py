"""文書の生成 (writing): `python -m kiban_applications.documents` writes the pages; `--check` writes nothing and names the stale ones.

`--examples` runs the console blocks of the hand-written pages and writes down what they print now.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from kiban_applications.documents import examples, pages, survey


def main(arguments: Sequence[str]) -> int:
    """0 when every page is in step (or was written), 1 when `--check` found a stale one."""
    parser = argparse.ArgumentParser(prog="python -m kiban_applications.documents", description="Write docs/generated from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the files that are stale")
    parser.add_argument("--root", type=Path, default=survey.ROOT, help="the checkout (default: the one this code lies in)")
    parser.add_argument(
        "--examples", action="store_true", help="run the console blocks of the hand-written pages and write their output anew"
    )
    options = parser.parse_args(arguments)
    if options.check:
        stale = pages.stale(options.root)
        for path in stale:
            print(f"stale: {path.relative_to(options.root)} (run `make docs`)", file=sys.stderr)
        return 1 if stale else 0
    if options.examples:
        examples.rewrite(options.root)
    pages.write(options.root)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
