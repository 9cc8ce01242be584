"""Broken claims files of every kind that occurred to us: name → content and what must come of it."""

from tests.deliveries.broken.expected import Broken

IR = "IR,1,13,1,9999999,,架空病院,202405,00,03-0000-0000"
RE = "RE,{},1112,202404,星野　太一,1,19800102,,,,,,,{}"
FIRST, SECOND = RE.format(1, "0042"), RE.format(2, "0043")
HO, SY = "HO,06130012,１２３,７７,3,500", "SY,2500013,20240401,1"
SI = "SI,11,1,111000110,,288,1,,,,,,,1"
GO = "GO,2,1000,99"
SOUND = (IR, FIRST, HO, SY, SI, SECOND, HO, SY, SI, GO)
NOT_FORMAT, COUNT, PERSON, REPEATED, UNDECODABLE, MOJIBAKE = (
    "not-of-format", "column-count", "person-missing", "repeated-record", "undecodable", "mojibake",
)  # fmt: skip
IN_ITEM = ("file-passed-over",)


def cp932(*lines: str, end: str = "\r\n") -> bytes:
    return "".join(f"{line}{end}" for line in lines).encode("cp932")


def changed(at: int, line: str) -> bytes:
    """The sound file with another line at a place."""
    return cp932(*SOUND[:at], line, *SOUND[at + 1 :])


def inserted(at: int, *lines: str) -> bytes:
    return cp932(*SOUND[:at], *lines, *SOUND[at:])


def spoiled(at: int, what: bytes) -> bytes:
    """The sound file with a line of other bytes at a place."""
    lines = [line.encode("cp932") + b"\r\n" for line in SOUND]
    lines[at] = what + b"\r\n"
    return b"".join(lines)


SOUND_BYTES = cp932(*SOUND)

FILES: dict[str, Broken] = {
    # whole files
    "empty": Broken(b"", "not-claims"),
    "line ends alone": Broken(b"\r\n\r\n\r\n", "not-claims"),
    "a closing mark alone": Broken(b"\x1a", "not-claims"),
    "UTF-16 with its mark": Broken("\r\n".join(SOUND).encode("utf-16"), "encoding-utf16"),
    "UTF-16 big-endian with its mark": Broken(b"\xfe\xff" + "\r\n".join(SOUND).encode("utf-16-be"), "encoding-utf16"),
    "UTF-16 without a mark": Broken("\r\n".join(SOUND).encode("utf-16-le"), "nul-bytes"),
    "UTF-32": Broken("\r\n".join(SOUND).encode("utf-32-le"), "nul-bytes"),
    "ISO-2022-JP": Broken("\r\n".join(SOUND).encode("iso2022_jp"), "encoding-iso2022jp"),
    "a NUL in a cell": Broken(changed(3, "SY,25000\x0013,20240401,1"), "nul-bytes"),
    "a block of NULs at the end": Broken(SOUND_BYTES + b"\0" * 512, "nul-bytes"),
    "a giant line": Broken(inserted(4, "SI," + "9" * 1_100_000), "line-too-long"),
    "line ends lost": Broken("".join(SOUND).encode("cp932") * 9000, "line-too-long"),
    "a picture": Broken(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "nul-bytes"),
    "a PDF": Broken(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n", "not-claims"),
    "an HTML error page": Broken(b"<html><body>Error 500</body></html>\n", "not-claims"),
    "a CSV of something else": Broken("患者ID,氏名\r\n1,星野\r\n".encode("cp932"), "not-claims"),
    "words": Broken("ご確認ください\r\n".encode("cp932"), "not-claims"),
    "tabs for commas": Broken(SOUND_BYTES.replace(b",", b"\t"), "not-claims"),
    "semicolons for commas": Broken(SOUND_BYTES.replace(b",", b";"), "not-claims"),
    "quotation marks around cells": Broken(
        "".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\r\n" for line in SOUND).encode("cp932"),
        "not-claims",
    ),
    "small letters": Broken(SOUND_BYTES.lower(), "not-claims"),
    "EUC-JP throughout": Broken("\r\n".join([IR, *[FIRST, HO] * 40]).encode("euc_jp"), "undecodable-file"),
    "bytes above ASCII throughout": Broken(cp932(IR) + (b"RE,1,1112,202404,\x82\x01\x82,1,19800102,,,,,,,1\r\n" * 50), "undecodable-file"),
    "another file's name": Broken(b"hello\n", remarks=IN_ITEM, sent=0, accepted=0, name="readme.txt"),
    # frames
    "IR missing": Broken(cp932(*SOUND[1:]), remarks=("frame-missing",), sent=2, accepted=2),
    "GO missing": Broken(cp932(*SOUND[:-1]), remarks=("frame-missing",), sent=2, accepted=2),
    "IR and GO missing": Broken(cp932(*SOUND[1:-1]), remarks=("frame-missing",), sent=2, accepted=2),
    "IR twice": Broken(cp932(IR, *SOUND), remarks=("frame-missing",), sent=2, accepted=2),
    "GO twice": Broken(cp932(*SOUND, GO), remarks=("frame-missing", "totals-disagree"), sent=2, accepted=2),
    "GO first": Broken(cp932(GO, *SOUND[:-1]), remarks=("frame-missing", "frame-missing", "totals-disagree"), sent=2, accepted=2),
    "GO with too many receipts": Broken(changed(9, "GO,140,1000,99"), remarks=("totals-disagree",), sent=2, accepted=2),
    "GO with other points": Broken(changed(9, "GO,2,1001,99"), remarks=("totals-disagree",), sent=2, accepted=2),
    "GO without numbers": Broken(changed(9, "GO"), remarks=("totals-disagree",), sent=2, accepted=2),
    "GO with words": Broken(changed(9, "GO,二,千,99"), remarks=("totals-disagree",), sent=2, accepted=2),
    "GO with a giant number": Broken(changed(9, f"GO,2,{'9' * 40},99"), remarks=("totals-disagree",), sent=2, accepted=2),
    "IR without a month": Broken(changed(0, "IR,1,13,1"), sent=2, accepted=2),
    "IR with an impossible month": Broken(changed(0, IR.replace("202405", "202413")), sent=2, accepted=2),
    "IR alone": Broken(cp932(IR), remarks=("frame-missing",), sent=0, accepted=0),
    "IR and GO alone": Broken(cp932(IR, "GO,0,0,99"), sent=0, accepted=0),
    "two files joined with a mark between": Broken(SOUND_BYTES + b"\x1a" + SOUND_BYTES, sent=4, accepted=4),
    "lines after GO": Broken(cp932(*SOUND, SI, SI), rules=((3, NOT_FORMAT),), remarks=("frame-missing",), sent=3, accepted=2),
    "lines before IR": Broken(cp932(SI, *SOUND), rules=((1, NOT_FORMAT),), remarks=("frame-missing",), sent=3, accepted=2),
    "lines between IR and RE": Broken(inserted(1, HO, SY), rules=((1, NOT_FORMAT),), remarks=("totals-disagree",), sent=3, accepted=2),
    "RE missing before a receipt's lines": Broken(cp932(IR, *SOUND[2:5], *SOUND[5:]), rules=((1, NOT_FORMAT),), sent=2, accepted=1),
    "a GO inside a receipt": Broken(
        inserted(3, "GO,1,500,99"), rules=((2, NOT_FORMAT),), remarks=("frame-missing", "totals-disagree"), sent=3, accepted=2,
    ),
    # receipts
    "RE without chart number": Broken(changed(1, RE.format(1, "")), rules=((1, PERSON),), sent=2, accepted=1),
    "RE that ends before its chart number": Broken(changed(1, "RE,1,1112,202404,星野,1,19800102"), rules=((1, PERSON),), sent=2, accepted=1),
    "RE with a blank chart number": Broken(changed(1, RE.format(1, "　  ")), rules=((1, PERSON),), sent=2, accepted=1),
    "RE with a dash for chart number": Broken(changed(1, RE.format(1, "―")), row_rules=("required-missing",) * 4, sent=2, accepted=1),
    "RE cut off": Broken(changed(1, "RE,1,1112"), rules=((1, COUNT),), sent=2, accepted=1),
    "RE alone on its line": Broken(changed(1, "RE"), rules=((1, COUNT),), sent=2, accepted=1),
    "RE with cells beyond the last": Broken(changed(1, FIRST + "," * 25 + "余分"), rules=((1, COUNT),), sent=2, accepted=1),
    "RE with a comma in the name": Broken(changed(1, FIRST.replace("　", ",")), rules=((1, PERSON),), sent=2, accepted=1),
    "RE twice with the same number": Broken(changed(5, RE.format(1, "0043")), rules=((2, REPEATED),), sent=2, accepted=1),
    "all receipts without number": Broken(
        cp932(*(line.replace("RE,1", "RE,").replace("RE,2", "RE,") for line in SOUND)), rules=((2, REPEATED),), sent=2, accepted=1,
    ),
    "RE with an impossible month": Broken(changed(1, FIRST.replace("202404", "202413")), row_rules=("not-a-date",) * 2, sent=2, accepted=2),
    "RE without a month": Broken(changed(1, FIRST.replace("202404", "")), row_rules=("required-missing", "not-a-date"), sent=2, accepted=2),
    "RE with words for a month": Broken(changed(1, FIRST.replace("202404", "四月")), row_rules=("not-a-date",) * 2, sent=2, accepted=2),
    "RE with an unknown sex": Broken(changed(1, FIRST.replace(",1,1980", ",3,1980")), told=("unmapped-value",), sent=2, accepted=2),
    "RE with an impossible birth date": Broken(changed(1, FIRST.replace("19800102", "19801302")), told=("not-a-date",), sent=2, accepted=2),
    "RE with an era that had ended": Broken(changed(1, FIRST.replace("19800102", "3640108")), told=("not-a-date",), sent=2, accepted=2),
    "RE with a kind that is none": Broken(changed(1, FIRST.replace("1112", "x")), sent=2, accepted=2),
    "a stay without its day of admission": Broken(changed(1, FIRST.replace("1112", "1111")), sent=2, accepted=2),
    "two receipts on one line": Broken(changed(1, FIRST + "," * 24 + FIRST), rules=((1, COUNT),), sent=2, accepted=1),
    # lines of a receipt
    "SY without its day": Broken(changed(3, "SY,2500013"), rules=((1, COUNT),), sent=2, accepted=1),
    "SY with an impossible day": Broken(changed(3, "SY,2500013,20240431,1"), row_rules=("not-a-date",), sent=2, accepted=2),
    "SY with an empty day": Broken(changed(3, "SY,2500013,,1"), row_rules=("required-missing",), sent=2, accepted=2),
    "SY with a code of letters": Broken(changed(3, "SY,ABCDEFG,20240401,1"), told=("pattern-mismatch",), sent=2, accepted=2),
    "SY with an unknown outcome": Broken(changed(3, "SY,2500013,20240401,9"), told=("unmapped-value",), sent=2, accepted=2),
    "SY with a comma in the name": Broken(changed(3, "SY,0000999,20240401,1,,a,,b,c"), rules=((1, COUNT),), sent=2, accepted=1),
    "SI cut off": Broken(changed(4, "SI,11,1"), rules=((1, COUNT),), sent=2, accepted=1),
    "SI with a day too many": Broken(changed(4, "SI,11,1,111000110," + "," * 39 + ",1"), rules=((1, COUNT),), sent=2, accepted=1),
    "SI with empty cells too many": Broken(changed(4, SI + "," * 60), sent=2, accepted=2),
    "SI with a code of another kind": Broken(changed(4, SI.replace("111000110", "999999999")), sent=2, accepted=2),
    "SI without a code": Broken(changed(4, SI.replace("111000110", "")), sent=2, accepted=2),
    "SI on the 31st of April": Broken(changed(4, "SI,11,1,111000110" + "," * 39 + ",1"), row_rules=("not-a-date",), sent=2, accepted=2),
    "IY with words for a quantity": Broken(changed(4, "IY,21,1,620098801,少し,1,1,,,,,,,1"), told=("not-a-number",), sent=2, accepted=2),
    "IY with a giant quantity": Broken(changed(4, "IY,21,1,620098801,99999999999,1,1,,,,,,,1"), told=("out-of-range",), sent=2, accepted=2),
    "CO with a comma in the comment": Broken(inserted(5, "CO,99,1,810000001,痛み,強い"), rules=((1, COUNT),), sent=2, accepted=1),
    "HO cut off": Broken(changed(2, "HO"), rules=((1, COUNT),), remarks=("totals-disagree",), sent=2, accepted=1),
    "HO with words for points": Broken(changed(2, "HO,06130012,,,3,多い"), remarks=("totals-disagree",), sent=2, accepted=2),
    "HO with cells beyond the last": Broken(changed(2, HO + "," * 12 + "x"), rules=((1, COUNT),), sent=2, accepted=1),
    "CD cut off": Broken(inserted(5, "CD,20240401,60"), rules=((1, COUNT),), sent=2, accepted=1),
    "CD with an impossible day": Broken(inserted(5, "CD,20240231,60,0001,001,111000110"), row_rules=("not-a-date",), sent=2, accepted=2),
    "SB without BU": Broken(inserted(5, "SB,2500013,,,E119,01"), sent=2, accepted=2),
    "SB with a code that is no ICD-10": Broken(inserted(5, "SB,2500013,,,119,01"), told=("pattern-mismatch",), sent=2, accepted=2),
    "SB with an unknown role": Broken(inserted(5, "SB,2500013,,,E119,99"), told=("unmapped-value",), sent=2, accepted=2),
    "BU without a day of admission": Broken(inserted(5, "BU,040080x099x0xx,,"), sent=2, accepted=2),
    "a line of an unknown kind": Broken(inserted(5, "ZZ,1,2"), told=("outside-layout",), sent=2, accepted=2),
    "SN before there was one": Broken(
        cp932(IR.replace("202405", "201905"), FIRST, HO, "SN,1,01,,,,05", SECOND, HO, GO), told=("outside-layout",), sent=2, accepted=2,
    ),
    "a line broken in two": Broken(inserted(5, "くすりを飲む"), rules=((1, NOT_FORMAT),), sent=2, accepted=1),
    "a line that starts with a comma": Broken(inserted(5, ",11,1"), rules=((1, NOT_FORMAT),), sent=2, accepted=1),
    "a line of one letter": Broken(inserted(5, "S"), rules=((1, NOT_FORMAT),), sent=2, accepted=1),
    "a line with a blank before its code": Broken(changed(4, f" {SI}"), rules=((1, NOT_FORMAT),), sent=2, accepted=1),
    "a code of three letters": Broken(inserted(5, "SIX,1"), rules=((1, NOT_FORMAT),), sent=2, accepted=1),
    "a quotation mark in a cell": Broken(changed(3, 'SY,0000999,20240401,1,,"痛み'), sent=2, accepted=2),
    "blank lines between lines": Broken(SOUND_BYTES.replace(b"\r\n", b"\r\n\r\n"), sent=2, accepted=2),
    "mixed line ends": Broken(SOUND_BYTES.replace(b"\r\n", b"\n", 3).replace(b"\r\n", b"\r", 2), sent=2, accepted=2),
    "no line end at the end": Broken(SOUND_BYTES.rstrip(b"\r\n"), sent=2, accepted=2),
    "a mark inside a cell": Broken(changed(1, FIRST.replace("　", "\x1a")), sent=2, accepted=2),
    "a mark at the start of a line": Broken(changed(4, "\x1a" + SI), sent=2, accepted=2),
    "a bell in a cell": Broken(changed(1, FIRST.replace("　", "\x07")), sent=2, accepted=2),
    # damaged characters
    "a byte that is no CP932": Broken(spoiled(3, b"SY,0000999,20240401,1,,\x82\x01,"), rules=((1, UNDECODABLE),), sent=2, accepted=1),
    "a character cut in two": Broken(spoiled(1, "RE,1,1112,202404,星".encode("cp932")[:-1]), rules=((1, UNDECODABLE),), sent=2, accepted=1),
    "a lost character in UTF-8": Broken(
        "\r\n".join([IR, FIRST.replace("太", "\ufffd"), *SOUND[2:]]).encode(), rules=((1, MOJIBAKE),), sent=2, accepted=1,
    ),
    "one line of CP932 in UTF-8": Broken(
        b"\r\n".join(line.encode("cp932" if at == 5 else "utf-8") for at, line in enumerate(SOUND)), rules=((2, UNDECODABLE),), sent=2, accepted=1,
    ),
    "a damaged IR": Broken(spoiled(0, b"IR,1,13,1,9999999,,\x82\x01,202405,00"), sent=2, accepted=2),
    # cut off at any place: the receipt that is being written is told where its shape shows it
    "cut off inside RE": Broken(SOUND_BYTES[: SOUND_BYTES.find(b"RE,2") + 6], rules=((2, COUNT),), remarks=("frame-missing",), sent=2, accepted=1),
    "cut off inside SY": Broken(SOUND_BYTES[: SOUND_BYTES.rfind(b"SY,") + 7], rules=((2, COUNT),), remarks=("frame-missing",), sent=2, accepted=1),
    "cut off inside IR": Broken(SOUND_BYTES[:9], remarks=("frame-missing",), sent=0, accepted=0),
}  # fmt: skip
