"""データ項目の目録 (catalogue): every column the system can hold, declared once; an undeclared column is refused."""
