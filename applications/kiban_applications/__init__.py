"""利用 (applications): people outside the operator, and every door: command line, web, demonstration."""
