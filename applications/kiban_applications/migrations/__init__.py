"""移行 (migrations): the one place that knows all tables of the control data, and brings a database to today's shape."""
