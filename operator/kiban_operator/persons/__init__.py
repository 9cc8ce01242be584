"""本人の名寄せ台帳 (persons): who is whom across hospitals, how it came to be so, and what two people have settled about it.

`linking` runs a linkage; `register` holds who is whom now and was at any run; `events` merges and splits with their cause; `doubts` the
queue of what only people may decide, `settlement` how they decide it; `side_by_side` what they look at; `samples` draws links for review.
"""

from kiban_operator.persons.linking import LinkageOutcome, link
from kiban_operator.persons.register import Registration, lay_out

__all__ = ["LinkageOutcome", "Registration", "lay_out", "link"]
