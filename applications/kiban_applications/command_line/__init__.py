"""コマンド行 (command line): `kiban …`, everything an operator does, scriptable; Japanese or English; documented exit codes."""
