"""Reg 52: the copy of the document is kept three years from its delivery."""

from __future__ import annotations

from datetime import date

import pytest

from kiban_operator import acknowledgements


@pytest.mark.parametrize(("delivered", "until"), [(date(2026, 11, 21), date(2029, 11, 21)), (date(2024, 2, 29), date(2027, 3, 1))])
def test_the_copy_is_kept_three_years(delivered: date, until: date) -> None:
    assert acknowledgements.keep_until(delivered) == until
