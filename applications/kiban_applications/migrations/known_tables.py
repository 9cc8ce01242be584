"""全表の目録 (known tables): importing this module makes every control table known to the metadata."""

from __future__ import annotations

import sqlalchemy as sa

from kiban_operator import database

METADATA: sa.MetaData = database.Base.metadata
