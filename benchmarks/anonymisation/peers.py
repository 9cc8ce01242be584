"""Measure the other tools of this environment beside ours on one table in one run: anjana's search, sdcMicro's suppression where R has it.

usage: peers.py FOLDER [--k K] [--suppression SHARE] [--json FILE]

FOLDER holds adult.csv with its hierarchies. Five quasi-identifiers, because the other tools do not end in reasonable time with nine. The
loss of every tool's result is computed by the same function from classes formed by our own code; CPU seconds are those of the tool's own
call, reading left out. sdcMicro suppresses cells and treats a suppressed cell as matching everything: its classes are not comparable and
only its time is given.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from encoded_tables import distinct, read

from kiban_processing import anjana_method
from kiban_processing.recoding import lattice, local, losses
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.tuples import Tuples

FIVE = ("age", "sex", "race", "marital-status", "education")
# From the table of peers measured on such a machine: loss of ARX's global and local recoding, k = 5, at most 5 % suppressed.
ARX_GLOBAL, ARX_LOCAL = 0.0802, 0.0491

_SDC = """
suppressMessages(library(sdcMicro))
d <- read.csv("{table}", sep=";", check.names=FALSE, stringsAsFactors=TRUE)
names(d) <- make.names(names(d))
s <- createSdcObj(d, keyVars=c({names}))
t <- proc.time(); s <- kAnon(s, k={k}); cat(sum((proc.time() - t)[1:2]))
"""


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a call, and the CPU seconds of its second run (libraries are loaded, loops are ready)."""
    call()
    before = time.process_time()
    return call(), time.process_time() - before


def sdcmicro(folder: Path, k: int) -> float | None:
    """CPU seconds of sdcMicro's kAnon, None where R or the package is missing."""
    if shutil.which("Rscript") is None:
        return None
    names = ", ".join(f'"{name.replace("-", ".")}"' for name in FIVE)  # a hyphen in a name makes kAnon fail
    script = _SDC.format(table=folder / "adult.csv", names=names, k=k)
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 and done.stdout else None


def five(folder: Path) -> Tuples:
    """The distinct tuples of the five quasi-identifiers."""
    tuples, quasi = read(folder, "adult")
    at = [quasi.index(name) for name in FIVE]

    columns = [tuples.leaves[place].repeat(tuples.persons) for place in at]
    return distinct(tuple(tuples.hierarchies[place] for place in at), columns)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--k", type=int, default=5)
    arguments.add_argument("--suppression", type=float, default=0.05)
    arguments.add_argument("--json", type=Path)
    asked = arguments.parse_args()
    tuples = five(asked.folder)
    demand, allowed = Demand(asked.k), int(asked.suppression * tuples.total)
    node, seconds = timed(lambda: anjana_method.choose(tuples, asked.k, allowed))
    rows: list[dict[str, Any]] = []
    if node is not None:
        classes = lattice.classify(tuples, node, demand)
        lost = losses.of_node(tuples, node, classes.kept, tuples.total)[0]
        rows.append({"tool": "anjana", "cpu": seconds, "loss": lost, "suppressed": classes.suppressed, "node": list(node)})
    for name, call in (
        ("kiban global", lambda: lattice.search(tuples, demand, allowed)),
        ("kiban local", lambda: local.recode(tuples, demand, 0)),
    ):
        found, seconds = timed(call)
        node_of = list(found.node) if found.node else None
        rows.append({"tool": name, "cpu": seconds, "loss": found.loss_geometric, "suppressed": found.suppressed, "node": node_of})
    rows.append({"tool": "sdcMicro kAnon", "cpu": sdcmicro(asked.folder, asked.k), "loss": None, "suppressed": None, "node": None})
    print(f"{'tool':16} {'CPU s':>8} {'loss':>8} {'suppressed':>10}  node")
    for row in rows:
        cpu = "absent" if row["cpu"] is None else f"{row['cpu']:.3f}"
        loss = "" if row["loss"] is None else f"{row['loss']:.4f}"
        print(f"{row['tool']:16} {cpu:>8} {loss:>8} {row['suppressed'] if row['suppressed'] is not None else '':>10}  {row['node'] or ''}")
    print(f"ARX 3.9.2, tabulated: global {ARX_GLOBAL}, local {ARX_LOCAL}")
    if asked.json:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        asked.json.write_text(json.dumps({"rows": rows, "peak_memory_bytes": peak}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
