"""コードマスター (code masters): official code tables the operator brings or a package holds: layouts, strict reading, versions, use."""
