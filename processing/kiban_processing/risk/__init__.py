"""危険の測定 (risk): what an attacker would get out of a table, measured on the table as it stands and changing nothing (Reg 18(v))."""
