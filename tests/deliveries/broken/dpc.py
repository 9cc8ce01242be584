"""Broken DPC files of every kind that occurred to us: name → content and what must come of it."""

from data_examples import dpc_world

from kiban_processing.deliveries.dpc import layouts
from tests.deliveries.broken.expected import Broken

WORLD = dpc_world.World(seed=4, stays=3)
ACTS = dpc_world.act_and_detail(WORLD, each=2)
VISITS = dpc_world.act_and_detail(WORLD, outpatient=True, each=2)
FORM = dpc_world.form_one(WORLD)
NURSING = dpc_world.nursing(WORLD)
GROUPS = dpc_world.daily_groups(WORLD)
ROWS, VISIT_ROWS, FORM_ROWS, NURSING_ROWS, GROUP_ROWS = len(ACTS), len(VISITS), len(FORM), len(NURSING), len(GROUPS)
NOT_FORMAT, COUNT, REPEATED, UNDECODABLE, OUTSIDE = "not-of-format", "column-count", "repeated-record", "undecodable", "outside-layout"
DRUG = next(number for number, row in enumerate(ACTS, 1) if row[6] != "000" and row[8][0] == "6")
ACT = next(number for number, row in enumerate(ACTS, 1) if row[6] != "000" and row[8][0] == "1")
DEVICE_OR_ACT = next(number for number, row in enumerate(ACTS, 1) if row[6] == "001")
FF1, H, D, EFG = (WORLD.name(kind) for kind in ("FF1", "H", "D", "EFg"))


def file(rows: list[list[str]], columns: tuple[str, ...] = layouts.EFN_COLUMNS) -> bytes:
    return dpc_world.written(rows, columns)


def changed(rows: list[list[str]], number: int, place: int, text: str) -> list[list[str]]:
    """The rows with another text in a cell of one row."""
    made = [[*row, *[""] * (place + 1 - len(row))] for row in rows]
    made[number - 1][place] = text
    return made


def of(number: int, place: int, text: str) -> bytes:
    return file(changed(ACTS, number, place, text))


def form(number: int, place: int, text: str) -> bytes:
    return dpc_world.written(changed(FORM, number, place, text))


def raw(number: int, line: bytes) -> bytes:
    """The file with other bytes for one row."""
    lines = file(ACTS).split(b"\r\n")
    lines[number] = line
    return b"\r\n".join(lines)


SOUND = file(ACTS)
FIRST = SOUND.split(b"\r\n")[1]
CODE = {row[5]: number for number, row in reversed(list(enumerate(FORM, 1)))}

FILES: dict[str, Broken] = {
    # whole files
    "empty": Broken(b"", "not-dpc"),
    "line ends alone": Broken(b"\r\n\r\n", "not-dpc"),
    "a header alone": Broken(file([]), sent=0, accepted=0),
    "UTF-16": Broken(SOUND.decode("cp932").encode("utf-16"), "encoding-utf16"),
    "UTF-16 without a mark": Broken(SOUND.decode("cp932").encode("utf-16-le"), "nul-bytes"),
    "ISO-2022-JP": Broken(SOUND.decode("cp932").replace("－", "の").encode("iso2022_jp"), "encoding-iso2022jp"),
    "a NUL in a row": Broken(raw(2, FIRST.replace(b"641300", b"641\x0000")), "nul-bytes"),
    "a giant row": Broken(raw(2, FIRST + b"9" * 1_100_000), "line-too-long"),
    "a giant cell of text": Broken(of(2, 10, "あ" * 600_000), "line-too-long"),
    "line ends lost": Broken(SOUND.replace(b"\r\n", b"") * 600, "line-too-long"),
    "another file's name and content": Broken(b"hello\n", remarks=("file-passed-over",), sent=0, accepted=0, name="readme.txt"),
    "an office file": Broken(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "nul-bytes"),
    "commas for tabs": Broken(SOUND.replace(b"\t", b","), rules=tuple((number, COUNT) for number in range(1, ROWS + 1)), sent=ROWS, accepted=0),
    "spaces for tabs": Broken(SOUND.replace(b"\t", b" "), rules=tuple((number, COUNT) for number in range(1, ROWS + 1)), sent=ROWS, accepted=0),
    "FF1 under the name of EFn": Broken(dpc_world.written(FORM), rules=tuple((number, COUNT) for number in range(1, FORM_ROWS + 1)), sent=FORM_ROWS, accepted=0),
    "EFn under the name of FF1": Broken(SOUND, rules=tuple((number, COUNT) for number in range(1, ROWS + 1)), sent=ROWS, accepted=0, name=FF1),
    "EFn under the name of H": Broken(
        dpc_world.written(ACTS), rules=tuple((number, COUNT if row[29] else NOT_FORMAT) for number, row in enumerate(ACTS, 1)), sent=ROWS, accepted=0, name=H,
    ),
    "a name with an impossible month": Broken(SOUND, sent=ROWS, accepted=ROWS, name="EFn_139999999_2413.txt"),
    "a name without a month": Broken(SOUND, sent=ROWS, accepted=ROWS, name="data.txt"),
    "FF1 without a month in name or rows": Broken(
        dpc_world.written([[dpc_world.FACILITY, "0000000001", "20240701", "0", "0", "ADL0010", "20140401", "0", "", "0", *[""] * 7]]),
        "dpc-period-unknown", name="form.txt",
    ),
    # rows
    "a row cut off": Broken(raw(3, SOUND.split(b"\r\n")[3][:40]), rules=((3, COUNT),), sent=ROWS, accepted=ROWS - 1),
    "the last row cut off": Broken(SOUND[:-60], rules=((ROWS, COUNT),), sent=ROWS, accepted=ROWS - 1),
    "a cell too many": Broken(raw(3, SOUND.split(b"\r\n")[3] + b"\t\tx"), rules=((3, COUNT),), sent=ROWS, accepted=ROWS - 1),
    "empty cells too many": Broken(raw(3, SOUND.split(b"\r\n")[3] + b"\t\t\t"), sent=ROWS, accepted=ROWS),
    "a tab in a name of an item": Broken(of(3, 10, "生理\t食塩液"), row_rules=("required-missing",), sent=ROWS, accepted=ROWS - 1),
    "a row of tabs": Broken(raw(3, b"\t" * 30), rules=((3, NOT_FORMAT),), sent=ROWS, accepted=ROWS - 1),
    "a row of words": Broken(raw(3, "合計".encode("cp932")), rules=((3, COUNT),), sent=ROWS, accepted=ROWS - 1),
    "a line broken in two": Broken(
        raw(3, SOUND.split(b"\r\n")[3].replace(b"641300", b"64\r\n1300")), rules=((3, COUNT), (4, NOT_FORMAT)), sent=ROWS + 1, accepted=ROWS - 1,
    ),
    "blank lines": Broken(SOUND.replace(b"\r\n", b"\r\n\r\n"), sent=ROWS, accepted=ROWS),
    "mixed line ends": Broken(SOUND.replace(b"\r\n", b"\n", 3).replace(b"\r\n", b"\r", 2), sent=ROWS, accepted=ROWS),
    "no line end at the end": Broken(SOUND[:-2], sent=ROWS, accepted=ROWS),
    "a closing mark": Broken(SOUND + b"\x1a", sent=ROWS, accepted=ROWS),
    "a mark in the middle": Broken(SOUND + b"\x1a" + SOUND.split(b"\r\n", 1)[0] + b"\r\n", sent=ROWS, accepted=ROWS),
    "a header in the middle": Broken(SOUND + SOUND.split(b"\r\n", 1)[0] + b"\r\n", sent=ROWS, accepted=ROWS),
    "a header of other names": Broken(
        b"hospital\tid" + b"\t" * 29 + b"\r\n" + SOUND.split(b"\r\n", 1)[1], rules=((1, NOT_FORMAT),), sent=ROWS + 1, accepted=ROWS,
    ),
    # who
    "a facility of eight digits": Broken(of(3, 0, "13999999"), rules=((3, NOT_FORMAT),), sent=ROWS, accepted=ROWS - 1),
    "a facility of words": Broken(of(3, 0, "架空病院"), rules=((3, NOT_FORMAT),), sent=ROWS, accepted=ROWS - 1),
    "a data ID without its zeros": Broken(of(3, 1, "1"), rules=((3, NOT_FORMAT),), sent=ROWS, accepted=ROWS - 1),
    "no data ID": Broken(of(3, 1, ""), rules=((3, NOT_FORMAT),), sent=ROWS, accepted=ROWS - 1),
    "a data ID of eleven digits": Broken(of(3, 1, "00000000011"), rules=((3, NOT_FORMAT),), sent=ROWS, accepted=ROWS - 1),
    "a data ID from a spreadsheet": Broken(of(3, 1, "1.00E+09"), rules=((3, NOT_FORMAT),), sent=ROWS, accepted=ROWS - 1),
    "a data ID in wide digits": Broken(of(3, 1, "０００００００００１"), rules=((3, NOT_FORMAT),), sent=ROWS, accepted=ROWS - 1),
    # what
    "a row told twice": Broken(file([*ACTS, ACTS[2]]), rules=((ROWS + 1, REPEATED),), sent=ROWS + 1, accepted=ROWS),
    "the whole file told twice": Broken(file([*ACTS, *ACTS]), rules=tuple((ROWS + number, REPEATED) for number in range(1, ROWS + 1)), sent=2 * ROWS, accepted=ROWS),
    "an act without its day": Broken(of(ACT, 23, ""), row_rules=("required-missing",), sent=ROWS, accepted=ROWS - 1),
    "an act on an impossible day": Broken(of(ACT, 23, "20240732"), row_rules=("not-a-date",), sent=ROWS, accepted=ROWS - 1),
    "an act on no day": Broken(of(ACT, 23, "00000000"), row_rules=("required-missing",), sent=ROWS, accepted=ROWS - 1),
    "a code of eight digits": Broken(of(ACT, 8, "11100011"), sent=ROWS, accepted=ROWS),
    "no code": Broken(of(ACT, 8, ""), sent=ROWS, accepted=ROWS),
    "a comment for a code": Broken(of(ACT, 8, "810000001"), sent=ROWS, accepted=ROWS),
    "words for a quantity": Broken(of(DRUG, 11, "少し"), told=("not-a-number",), sent=ROWS, accepted=ROWS),
    "a giant quantity": Broken(of(DRUG, 11, "9999999999"), told=("out-of-range",), sent=ROWS, accepted=ROWS),
    "an odd K code": Broken(of(ACT, 9, "K60あ"), told=(), sent=ROWS, accepted=ROWS),
    "a K code with letters behind": Broken(of(ACT, 9, "K600X"), told=("pattern-mismatch",), sent=ROWS, accepted=ROWS),
    "an impossible day of admission": Broken(of(1, 3, "20241301"), row_rules=("not-a-date",), sent=ROWS, accepted=ROWS - 1),
    "an impossible day of discharge": Broken(of(1, 2, "20241301"), told=("not-a-date",), sent=ROWS, accepted=ROWS),
    "mixed years": Broken(of(ACT, 23, "20180331"), remarks=("layouts-mixed",), sent=ROWS, accepted=ROWS),
    "another year than the name": Broken(SOUND, remarks=("layouts-mixed",), sent=ROWS, accepted=ROWS, name="EFn_139999999_2307.txt"),
    "a quotation mark": Broken(of(3, 10, '"生理'), sent=ROWS, accepted=ROWS),
    # characters
    "bytes that are no CP932": Broken(raw(3, SOUND.split(b"\r\n")[3].replace(b"641300", b"\x82\x01")), rules=((3, UNDECODABLE),), sent=ROWS, accepted=ROWS - 1),
    "lost characters in UTF-8": Broken(
        SOUND.decode("cp932").replace("641300", "\ufffd", 1).encode(), rules=((1, "mojibake"),), sent=ROWS, accepted=ROWS - 1,
    ),
    "one row of CP932 in UTF-8": Broken(
        b"\n".join([*SOUND.decode("cp932").encode().split(b"\r\n")[:3], SOUND.split(b"\r\n")[3], b""]), rules=((3, UNDECODABLE),), sent=3, accepted=2,
    ),
    # other kinds
    "FF1 with an unknown code": Broken(form(CODE["JCS0010"], 5, "ZZZ0010"), rules=((CODE["JCS0010"], OUTSIDE),), sent=FORM_ROWS, accepted=FORM_ROWS - 1, name=FF1),
    "FF1 without a code": Broken(form(CODE["JCS0010"], 5, ""), rules=((CODE["JCS0010"], OUTSIDE),), sent=FORM_ROWS, accepted=FORM_ROWS - 1, name=FF1),
    "FF1 with a code of a later layout": Broken(
        form(CODE["JCS0010"], 5, "A000021"), rules=((CODE["JCS0010"], OUTSIDE),), sent=FORM_ROWS, accepted=FORM_ROWS - 1, name=FF1,
    ),
    "FF1 with a payload of none": Broken(form(CODE["ADL0010"], 12, "7"), told=(OUTSIDE,), sent=FORM_ROWS, accepted=FORM_ROWS, name=FF1),
    "FF1 with an impossible birth date": Broken(form(1, 8, "19800230"), told=("not-a-date",), sent=FORM_ROWS, accepted=FORM_ROWS, name=FF1),
    "FF1 with an unknown sex": Broken(form(1, 9, "9"), told=("unmapped-value",), sent=FORM_ROWS, accepted=FORM_ROWS, name=FF1),
    "FF1 with half a postal code": Broken(form(1, 10, "100"), told=("pattern-mismatch",), sent=FORM_ROWS, accepted=FORM_ROWS, name=FF1),
    "FF1 with a diagnosis that is no ICD-10": Broken(form(CODE["A006010"], 9, "肺炎"), told=("pattern-mismatch",), sent=FORM_ROWS, accepted=FORM_ROWS, name=FF1),
    "FF1 with an unknown outcome": Broken(form(CODE["A000030"], 10, "Z"), told=("unmapped-value",), sent=FORM_ROWS, accepted=FORM_ROWS, name=FF1),
    "FF1 with a form told twice": Broken(
        dpc_world.written([*FORM, FORM[0]]), rules=((FORM_ROWS + 1, REPEATED),), sent=FORM_ROWS + 1, accepted=FORM_ROWS, name=FF1,
    ),
    "FF1 shuffled": Broken(dpc_world.written(FORM[::-1]), sent=FORM_ROWS, accepted=FORM_ROWS, name=FF1),
    "H with an unknown code": Broken(
        dpc_world.written(changed(NURSING, 2, 6, "XXX0001")), rules=((2, OUTSIDE),), sent=NURSING_ROWS, accepted=NURSING_ROWS - 1, name=H,
    ),
    "H without a day": Broken(
        dpc_world.written(changed(NURSING, 3, 5, "")), row_rules=("required-missing",), sent=NURSING_ROWS, accepted=NURSING_ROWS - 1, name=H,
    ),
    "H told twice": Broken(
        dpc_world.written([*NURSING, NURSING[0]]), rules=((NURSING_ROWS + 1, REPEATED),), sent=NURSING_ROWS + 1, accepted=NURSING_ROWS, name=H,
    ),
    "D with an impossible day": Broken(
        dpc_world.written(changed(GROUPS, 1, 17, "20240700")), row_rules=("not-a-date",), sent=GROUP_ROWS, accepted=GROUP_ROWS - 1, name=D,
    ),
    "D cut off": Broken(
        dpc_world.written(GROUPS)[:-80], rules=((GROUP_ROWS, COUNT),), sent=GROUP_ROWS, accepted=GROUP_ROWS - 1, name=D,
    ),
    "EFg with an impossible visit": Broken(
        dpc_world.written(changed(VISITS, 1, 3, "20240799")), row_rules=("not-a-date",), sent=VISIT_ROWS, accepted=VISIT_ROWS - 1, name=EFG,
    ),
    "EFg of two layouts": Broken(
        dpc_world.written(changed(VISITS, 2, 3, "20180331")), remarks=("layouts-mixed",), sent=VISIT_ROWS, accepted=VISIT_ROWS, name=EFG,
    ),
}  # fmt: skip
