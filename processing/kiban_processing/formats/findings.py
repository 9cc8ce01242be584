"""指摘 (findings): what can be wrong with one row or one value that was sent; a closed list, told without the value itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kiban_processing.language import Language, Text
from kiban_processing.refusals import Family, Ground

Severity = Literal["row", "value"]
ROW: Severity = "row"
VALUE: Severity = "value"


@dataclass(frozen=True)
class Rule:
    """One way in which a row or value fails, and what the hospital can do.

    `severity` "row": the row cannot be used. "value": the value is dropped to null and the row is used; in a column that the table
    requires, the same rule makes the row unusable.
    """

    code: str
    severity: Severity
    what: Text
    remedy: Text


UNDECODABLE = Rule(
    "undecodable",
    ROW,
    Text("申告された文字コードとして読めないバイトがあります。", "The row holds bytes that the declared encoding does not know."),
    Text("該当行を書き出し直して送ってください。", "Export the row again and send it."),
)
MOJIBAKE = Rule(
    "mojibake",
    ROW,
    Text(
        "以前の変換で失われた文字(U+FFFD)があります。",
        "The row holds characters that an earlier conversion has already lost (U+FFFD).",
    ),
    Text("元のシステムから変換せずに書き出し直してください。", "Export the row again from the source system without converting it."),
)
COLUMN_COUNT = Rule(
    "column-count",
    ROW,
    Text("欄の数が見出しと一致しません。", "The row has more or fewer cells than the header."),
    Text("区切り文字と引用符を確かめてください。", "Check delimiters and quotation marks."),
)
UNCLOSED_QUOTE = Rule(
    "unclosed-quote",
    ROW,
    Text("引用符が閉じていません。", "A quotation mark is not closed."),
    Text("書き出しが途中で切れていないか確かめてください。", "Check whether the export was cut off."),
)
REQUIRED_MISSING = Rule(
    "required-missing",
    ROW,
    Text("必須の値がありません。", "A value that every row needs is missing."),
    Text("値を補うか、対応表の列名を確かめてください。", "Fill the value in, or check the column named in the mapping."),
)
NOT_A_DATE = Rule(
    "not-a-date",
    VALUE,
    Text("日付として読めないか、存在しない日付です。", "The value cannot be read as a date, or there is no such day."),
    Text("2024-04-01、20240401、R6.4.1 などの形で送ってください。", "Send it like 2024-04-01, 20240401 or R6.4.1."),
)
NOT_A_NUMBER = Rule(
    "not-a-number",
    VALUE,
    Text("数値として読めません。", "The value cannot be read as a number."),
    Text("単位や記号を付けず数値だけを送ってください。", "Send the number alone, without units or signs."),
)
NOT_AN_INTEGER = Rule(
    "not-an-integer",
    VALUE,
    Text("整数ではありません。", "The value is not a whole number."),
    Text("整数で送ってください。", "Send a whole number."),
)
INEQUALITY = Rule(
    "inequality",
    VALUE,
    Text("「<0.5」「100以上」のような範囲の値です。", "The value is a range such as “<0.5” or “100 or more”."),
    Text("測定値を送るか、その他のコードの欄に割り当ててください。", "Send the measured value, or map the column to another item."),
)
OUT_OF_RANGE = Rule(
    "out-of-range",
    VALUE,
    Text("あり得る範囲の外の値です。", "The value lies outside of what is physically possible."),
    Text("単位と桁を確かめてください。", "Check unit and digits."),
)
NOT_IN_CHOICES = Rule(
    "not-in-choices",
    VALUE,
    Text("目録にある区分ではありません。", "The value is none of the choices of the catalogue."),
    Text("対応表の values にこの区分を加えてください。", "Add the code to `values` in the mapping."),
)
UNMAPPED_VALUE = Rule(
    "unmapped-value",
    VALUE,
    Text("対応表の values にない値です。", "The value is not named in `values` of the mapping."),
    Text("対応表の values にこの値を加えてください。", "Add the value to `values` in the mapping."),
)
PATTERN_MISMATCH = Rule(
    "pattern-mismatch",
    VALUE,
    Text("コードの書式に合いません。", "The value does not have the form of its code system."),
    Text("コード体系と桁数を確かめてください。", "Check the code system and the number of digits."),
)

RECORD_CUT_OFF = Rule(
    "record-cut-off",
    ROW,
    Text("記録が途中で切れています。", "The record is cut off."),
    Text("書き出しが最後まで終わっているか確かめ、送り直してください。", "Check whether the export ran to its end and send it again."),
)
NOT_OF_FORMAT = Rule(
    "not-of-format",
    ROW,
    Text("この形式の記録として読めません。", "This cannot be read as a record of the format."),
    Text("該当の記録を標準どおりに書き出し直してください。", "Export the record again as the standard says."),
)
PATH_DISAGREES = Rule(
    "path-disagrees",
    ROW,
    Text("ファイルの場所が示す患者と、中に書かれた患者が一致しません。", "The place of the file names another patient than its content."),
    Text("どちらが正しいか確かめ、正しい場所に書き出し直してください。", "Find out which is right and export it to the right place."),
)
PERSON_MISSING = Rule(
    "person-missing",
    ROW,
    Text(
        "誰の記録かが書かれていないか、対応表にありません。", "It is not said whose record this is, or the table of IDs does not name it."
    ),
    Text("患者IDを補うか、IDの対応表に加えてください。", "Add the patient ID, or name it in the table of IDs."),
)
REPEATED_RECORD = Rule(
    "repeated-record",
    ROW,
    Text("同じ番号の記録がもう一つあります。", "Another record has the same number."),
    Text("一つだけ残して送り直してください。", "Leave only one and send it again."),
)
OUTSIDE_LAYOUT = Rule(
    "outside-layout",
    VALUE,
    Text("この時期の様式にない値です。", "The layout in force at the time knows no such value."),
    Text("様式の年度を確かめてください。", "Check which year's layout applies."),
)
CHARSET_UNKNOWN = Rule(
    "charset-unknown",
    ROW,
    Text("記録が示す文字集合は読み取れません。", "The record names a character set that is not read."),
    Text("ISO IR87(ISO-2022-JP)又は UNICODE UTF-8 で書き出し直してください。", "Export it as ISO IR87 (ISO-2022-JP) or UNICODE UTF-8."),
)
CHARACTER_LOST = Rule(
    "character-lost",
    VALUE,
    Text(
        "この値に、標準にない文字(外字)又は変換で失われた文字があります。",
        "The value holds a character outside of the standard (外字) or one lost in conversion.",
    ),
    Text("外字を標準の文字に置き換えて送ってください。", "Replace characters of your own by standard ones and send it."),
)
STORED_BESIDE = Rule(
    "stored-beside",
    VALUE,
    Text(
        "標準化ストレージと共に送られた別のストレージ(拡張、トランザクション、インデックス)は、写し又は別の内容なので読みませんでした。",
        "What came beside the standard storage (extended, transactions, index) was not read: it holds copies or other things.",
    ),
    Text("そのままで構いません。送らなければ受信が早くなります。", "Nothing need be done; without them the delivery is received sooner."),
)
DAY_DISAGREES = Rule(
    "day-disagrees",
    VALUE,
    Text(
        "格納場所の日付と中の日付が違う記録があります。中の日付を採りました。",
        "Records say another day inside than their place does; the day inside was taken.",
    ),
    Text("書き出しの日付の設定を確かめてください。", "Check which day the export files records under."),
)

# Remarks of claims (UKE) and DPC files.
TOTALS_DISAGREE = Rule(
    "totals-disagree",
    VALUE,
    Text(
        "合計記録は{said_receipts}件{said_points}点ですが、読んだレセプトは{read_receipts}件{read_points}点です(不一致の合計記録{number}件)。",
        "The total record says {said_receipts} receipts and {said_points} points; {read_receipts} with {read_points} were read "
        "({number} total records disagree).",
    ),
    Text("一部だけの書き出しでないか確かめてください。", "Check whether only a part was exported."),
)
FRAME_MISSING = Rule(
    "frame-missing",
    VALUE,
    Text("ファイルの初め又は終わりの記録({record})がありません。", "The record that opens or closes the file ({record}) is missing."),
    Text("途中で切れていないか確かめてください。", "Check whether the file was cut off."),
)
DAY_NOT_GIVEN = Rule(
    "day-not-given",
    VALUE,
    Text("{number}件の記録に算定日がなく、診療年月の初日としました。", "{number} records give no day; the first of the month was taken."),
    Text("算定日を記録した書き出しがあれば送ってください。", "Send an export that gives the days, if there is one."),
)
LAYOUTS_MIXED = Rule(
    "layouts-mixed",
    VALUE,
    Text(
        "様式の異なる時期({periods})の記録が一つのファイルにあります。",
        "The file mixes records of periods with different layouts ({periods}).",
    ),
    Text("年度ごとにファイルを分けてください。", "Make a file for each year."),
)
DATA_IDS_STAND = Rule(
    "data-ids-stand",
    VALUE,
    Text(
        "対応表がないため、データ識別番号を患者IDの代わりに数えました。", "Without a table of IDs, each data ID was counted as a patient."
    ),
    Text("受け渡しには --ids で対応表を付けてください。", "For intake, give the table with --ids."),
)

# Of FHIR and checkups.
PERSON_AMBIGUOUS = Rule(
    "person-ambiguous",
    ROW,
    Text("二人以上の患者が当てはまり、誰の記録か決まりません。", "More than one patient answers to what the record says of its person."),
    Text("医療機関の患者番号を一つだけ書いて送り直してください。", "Give one patient number of the hospital and send it again."),
)
CODE_SYSTEM_UNKNOWN = Rule(
    "code-system-unknown",
    VALUE,
    Text(
        "コードの体系が一覧にないため、コードを採りませんでした。", "The code is of a system that is not on the list, so it was not taken."
    ),
    Text(
        "標準のコード(ICD-10、病名管理番号、YJ、HOT、JLAC10、LOINC等)を併せて送ってください。",
        "Send a standard code beside it (ICD-10, MEDIS, YJ, HOT, JLAC10, LOINC or the like).",
    ),
)
FILE_PASSED_OVER = Rule(
    "file-passed-over",
    VALUE,
    Text("この形式のファイルではないため、読みませんでした。", "This is no file of the format, so it was not read."),
    Text(
        "送るべきデータなら、形式に合う名前と中身で送り直してください。",
        "If it is data to be sent, send it again under a name and in a form of the format.",
    ),
)
UNIT_DISAGREES = Rule(
    "unit-disagrees",
    VALUE,
    Text("単位が目録の単位と一致しません。", "The unit is not that of the catalogue."),
    Text("標準の単位に直して送り直してください。", "Send the value in the standard unit."),
)
IDENTIFIERS_NEEDED = Rule(
    "identifiers-needed",
    VALUE,
    Text(
        "この形式には患者IDがありません。患者IDとの対応表(--ids)がないため、全ての記録を隔離します。",
        "The format has no patient IDs. Without a table that names them (--ids) every record is quarantined.",
    ),
    Text(
        "受診券整理番号又はファイル名と患者IDの対応表(CSV)を添えてください。",
        "Add a table (CSV) of checkup-ticket numbers or file names and patient IDs.",
    ),
)
COUNT_DISAGREES = Rule(
    "count-disagrees",
    VALUE,
    Text("索引の述べる件数と、あった健診の数が一致しません。", "The index tells of another number of checkups than were found."),
    Text("欠けたファイルがないか確かめてください。", "Check whether files are missing."),
)

RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        UNDECODABLE,
        MOJIBAKE,
        COLUMN_COUNT,
        UNCLOSED_QUOTE,
        REQUIRED_MISSING,
        NOT_A_DATE,
        NOT_A_NUMBER,
        NOT_AN_INTEGER,
        INEQUALITY,
        OUT_OF_RANGE,
        NOT_IN_CHOICES,
        UNMAPPED_VALUE,
        PATTERN_MISMATCH,
        RECORD_CUT_OFF,
        NOT_OF_FORMAT,
        PATH_DISAGREES,
        PERSON_MISSING,
        REPEATED_RECORD,
        OUTSIDE_LAYOUT,
        CHARSET_UNKNOWN,
        CHARACTER_LOST,
        STORED_BESIDE,
        DAY_DISAGREES,
        TOTALS_DISAGREE,
        FRAME_MISSING,
        DAY_NOT_GIVEN,
        LAYOUTS_MIXED,
        DATA_IDS_STAND,
        PERSON_AMBIGUOUS,
        CODE_SYSTEM_UNKNOWN,
        FILE_PASSED_OVER,
        UNIT_DISAGREES,
        IDENTIFIERS_NEEDED,
        COUNT_DISAGREES,
    )
}

FINDING_UNKNOWN = Ground(
    "finding-unknown",
    Family.INPUT,
    None,
    Text("「{rule}」は指摘の一覧にありません。", "“{rule}” is not one of the finding rules."),
    Text("一覧にある規則の名前を使ってください。", "Use a rule of the list."),
)


def named(code: str) -> Rule:
    """The rule of that code. Refuses: finding-unknown."""
    if code not in RULES:
        raise FINDING_UNKNOWN.refuse(rule=code)
    return RULES[code]


@dataclass(frozen=True)
class Finding:
    """指摘1件: where (file, data row counted from 1, column of the catalogue where there is one) and which rule; never the value."""

    file: str
    row: int
    column: str | None
    rule: Rule

    def read(self, language: Language) -> str:
        """One line for a report.

        >>> Finding("labs.csv", 12, "value", INEQUALITY).read("en")[:44]
        'labs.csv, row 12, value: The value is a rang'
        """
        place = f"{self.file} {self.row}行目" if language == "ja" else f"{self.file}, row {self.row}"
        if self.column:
            place += f" {self.column}" if language == "ja" else f", {self.column}"
        what, remedy = self.rule.what.read(language), self.rule.remedy.read(language)
        return f"{place}: {what} [{self.rule.code}] {remedy}"
