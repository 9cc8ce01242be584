"""文書 (documents): the reference pages under `docs/generated`, read from the code so that they cannot disagree with it."""
