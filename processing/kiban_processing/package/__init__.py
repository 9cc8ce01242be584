"""提供物 (package): the released tables, their dictionary and the statement become one signed bag, sealed to its recipient."""

from kiban_processing.package.assembly import build
from kiban_processing.package.bag import verify
from kiban_processing.package.envelope import seal, unseal

__all__ = ["build", "seal", "unseal", "verify"]
