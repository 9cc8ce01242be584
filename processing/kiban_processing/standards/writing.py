"""書き方 (writing): one form for all writings of a name, number or address, so that none of them hides it from the comparison (Reg 18(i)).

The gate's own, on purpose apart from the normalisation that linkage uses: a fault of one must not blind the other.
"""

from __future__ import annotations

_HALF = "ｱｲｳｴｵｧｨｩｪｫｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄｯﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖｬｭｮﾗﾘﾙﾚﾛﾜｦﾝｰ"
_FULL = "アイウエオァィゥェォカキクケコサシスセソタチツテトッナニヌネノハヒフヘホマミムメモヤユヨャュョラリルレロワヲンー"
_MARKS = (
    ("カキクケコサシスセソタチツテトハヒフヘホウワヰヱヲヽ", "ガギグゲゴザジズゼゾダヂヅデドバビブベボヴヷヸヹヺヾ", "ﾞ"),
    ("ハヒフヘホ", "パピプペポ", "ﾟ"),
)
_HIRAGANA = "".join(chr(code) for code in range(0x3041, 0x3097))
_KATAKANA = "".join(chr(code + 0x60) for code in range(0x3041, 0x3097))
_WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F))
_NARROW = "".join(chr(code) for code in range(0x21, 0x7F)).replace("'", "''")
_SPACE = "[\\s\u3000\u00a0\\-‐‑–—−・･]"


# What makes the slow way necessary: wide Latin, half-width kana, hiragana, marks on their own. Most values of a register have none of them.
_UNUSUAL = "[！-～｡-ﾟぁ-ゖ゛゜\u3099\u309a]"


def normal(expression: str) -> str:
    """SQL: a text without spaces and hyphens, in capitals, narrow Latin and full katakana, so that no writing of a name hides it."""
    text = f"CAST({expression} AS VARCHAR)"
    plain = f"translate(translate(upper(translate({text}, '{_WIDE}', '{_NARROW}')), '{_HIRAGANA}', '{_KATAKANA}'), '{_HALF}', '{_FULL}')"
    voiced = f"translate({plain}, '\u3099\u309a゛゜', 'ﾞﾟﾞﾟ')"
    for letters, marked, mark in _MARKS:
        for one, other in zip(letters, marked, strict=True):
            voiced = f"replace({voiced}, '{one}{mark}', '{other}')"
    folded = f"CASE WHEN regexp_matches({text}, '{_UNUSUAL}') THEN {voiced} ELSE upper({text}) END"
    return f"regexp_replace({folded}, '{_SPACE}', '', 'g')"
