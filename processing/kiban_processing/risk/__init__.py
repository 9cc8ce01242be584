"""リスク測定 (risk): how far an attacker gets with finished data, measured; what is too far is judged in `standards`."""
