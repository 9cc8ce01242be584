"""事業者 (operator): the duties of the accredited operator, from notices and intake to release, erasure and the ledger."""
