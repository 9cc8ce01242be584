"""移行の各段 (versions): one module per change of the control tables, in order."""
