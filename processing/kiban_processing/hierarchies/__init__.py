"""一般化階層 (hierarchies): from a value to ever wider values, each with a version; for quasi-identifiers and for codes."""
