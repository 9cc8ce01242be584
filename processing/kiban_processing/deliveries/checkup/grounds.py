"""拒否事由 (grounds): why a checkup file, or a delivery of them, is not read."""

from __future__ import annotations

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_X

XML_BROKEN = Ground(
    "xml-broken", Family.INPUT, REG_5_X,
    Text("{file} を XML として読めません({line}行{column}文字目)。", "{file} is not readable XML (line {line}, column {column})."),
    Text("途中で切れていないか確かめ、UTF-8 の XML として書き出し直してください。", "Check whether it was cut off and export it again as XML in UTF-8."),
)  # fmt: skip
XML_ENCODING = Ground(
    "xml-encoding", Family.INPUT, REG_5_X,
    Text("{file} の文字コードの宣言は読み取れません。", "The encoding that {file} declares is not read."),
    Text("UTF-8 の XML として書き出し直してください。", "Export it again as XML in UTF-8."),
)  # fmt: skip
XML_FORBIDDEN = Ground(
    "xml-forbidden", Family.INPUT, REG_5_X,
    Text("{file} に DTD 又は実体の宣言があります。安全のため読みません。", "{file} declares a DTD or entities; for safety it is not read."),
    Text("DTD と実体を使わずに書き出し直してください。", "Export it again without a DTD and entities."),
)  # fmt: skip
XML_TOO_LARGE = Ground(
    "xml-too-large", Family.INPUT, REG_5_X,
    Text("{file} は1件の健診として大きすぎます({limit}バイト超)。", "{file} is too large for one checkup (more than {limit} bytes)."),
    Text("1ファイルに1件の健診を入れてください。", "Put one checkup into one file."),
)  # fmt: skip
CHECKUP_NONE = Ground(
    "checkup-none", Family.INPUT, REG_5_X,
    Text("{file} に健診の XML がありません。", "{file} holds no XML of a checkup."),
    Text("DATA フォルダーに h…xml のあるフォルダー又は zip を指定してください。", "Name the folder or zip that holds h….xml in its folder DATA."),
)  # fmt: skip
IDENTIFIERS_UNREADABLE = Ground(
    "identifiers-unreadable", Family.INPUT, REG_5_X,
    Text("患者IDの対応表 {file} を読めません({row}行目)。", "The table of patient IDs {file} cannot be read (row {row})."),
    Text("見出しを local_patient_id と、ticket_number、member_id、file の一つ以上にした UTF-8 又は cp932 の CSV にしてください。",
         "Make it a CSV in UTF-8 or cp932 whose header names local_patient_id and one or more of ticket_number, member_id and file."),
)  # fmt: skip
