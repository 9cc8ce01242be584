"""提供の可否の判定 (transfer guard): nothing is received, linked or released unless every clause of the law holds today; unknown is no.

`judge` is the meaning for one registration; `relation` the same over many in the engine; `watch` asks it of what is stored.
Source: Act 52, 53, 56, 57; Reg 48; Basic Policy.
"""

from kiban_operator.guard.facts import register_digest, standing_of
from kiban_operator.guard.judgement import judge
from kiban_operator.guard.standing import NoticeGiven, ProgrammeDates, Ruling, Standing
from kiban_operator.guard.watch import Finding, standing_query

__all__ = [
    "Finding",
    "NoticeGiven",
    "ProgrammeDates",
    "Ruling",
    "Standing",
    "judge",
    "register_digest",
    "standing_of",
    "standing_query",
]
