"""全表の目録 (known tables): importing this module makes every control table known to the metadata."""

from __future__ import annotations

import sqlalchemy as sa

from kiban_applications import conditions, contract_state, destruction, oversight
from kiban_applications.review import store
from kiban_operator import (
    approvals,
    cases,
    database,
    deaths,
    hospitals,
    keys,
    masters,
    notice_register,
    notices,
    optouts,
    people,
    programmes,
    release_state,
    stop_matches,
    stop_papers,
    submissions,
    vault,
)
from kiban_operator.erasure import orders as erasure_orders
from kiban_operator.ledger import book
from kiban_operator.persons import doubts, events, register, samples

# Every module that declares a table; a test finds the one that is missing here.
MODULES = (
    approvals, book, cases, conditions, contract_state, deaths, destruction, doubts, erasure_orders, events, hospitals, keys, masters, notice_register, notices, optouts,
    oversight, people, programmes, register, release_state, samples, stop_matches, stop_papers, store, submissions,
    vault,
)  # fmt: skip
METADATA: sa.MetaData = database.Base.metadata
