"""拒否事由 (grounds): why a CSV is not read as a delivery."""

from __future__ import annotations

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_52_1, REG_5_X

ENCODING_UNDETECTED = Ground(
    "encoding-undetected", Family.INPUT, REG_5_X,
    Text("{file} は UTF-8 としても cp932 としても全ては読めません。", "{file} is wholly valid neither as UTF-8 nor as cp932."),
    Text("文字コードを確かめて書き出し直すか、--encoding で指定してください。", "Check its encoding and export it again, or name it with --encoding."),
)  # fmt: skip
MAPPING_NEEDED = Ground(
    "mapping-needed", Family.INPUT, ACT_52_1,
    Text("{file} の見出しは目録の項目名だけではないため、何を表すか分かりません。", "The header of {file} is not made of names of the catalogue, so what it means is not said."),
    Text("--mapping で対応表(mapping.toml、Table Schema、Data Package)を指定してください。",
         "Name a mapping with --mapping (mapping.toml, a Table Schema or a Data Package)."),
)  # fmt: skip
TABLE_UNCLEAR = Ground(
    "table-unclear", Family.INPUT, ACT_52_1,
    Text("{file} の見出しは複数の表({tables})に当てはまります。", "The header of {file} fits several tables ({tables})."),
    Text("ファイルを表の名前にするか、--mapping で対応表を指定してください。", "Name the file after its table, or name a mapping with --mapping."),
)  # fmt: skip
FILE_UNMAPPED = Ground(
    "file-unmapped", Family.INPUT, ACT_52_1,
    Text("対応表に {file} がありません。", "The mapping does not name {file}."),
    Text("対応表にこのファイルを加えるか、ファイルを除いてください。", "Add the file to the mapping, or take it out."),
)  # fmt: skip
ARCHIVE_UNREAD = Ground(
    "csv-archive", Family.INPUT, REG_5_X,
    Text("{file} は zip です。CSV は展開して読みます。", "{file} is a zip; CSV is read unpacked."),
    Text("安全な場所に展開し、そのフォルダーを指定してください。", "Unpack it in a safe place and name that folder."),
)  # fmt: skip
DELIMITERS_DISAGREE = Ground(
    "delimiters-disagree", Family.INPUT, REG_5_X,
    Text("対応表が {file} に二つの区切り文字を与えています。", "The mapping gives {file} two delimiters."),
    Text("一つにしてください。", "Leave only one."),
)  # fmt: skip
