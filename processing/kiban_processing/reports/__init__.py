"""報告書 (reports): for the operator all figures, for the user what the data are good for; pages that print and need no script."""
