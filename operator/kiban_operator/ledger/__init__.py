"""帳簿 (ledger): append-only statutory records that a stranger can verify offline (Act Art. 14, Reg 12)."""
