"""Examples in docstrings run as tests; those of an extra that is not installed are left out."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("pyspark") else ["kiban_processing/scale/*.py"]
