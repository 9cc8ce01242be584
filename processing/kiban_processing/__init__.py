"""加工 (processing): rows in, rows out; no web, no database server, no clock, no randomness, no environment."""
