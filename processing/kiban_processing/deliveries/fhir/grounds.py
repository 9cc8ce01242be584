"""拒否事由 (grounds): why a FHIR file, or records of one, are not taken at all."""

from __future__ import annotations

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_52_1, REG_5_X

DOCUMENT_UNREADABLE = Ground(
    "fhir-document-unreadable", Family.INPUT, REG_5_X,
    Text("{file} を JSON として読めません({offset}バイト目)。", "{file} is not readable JSON (see byte {offset})."),
    Text("UTF-8 の JSON として書き出し直し、途中で切れていないか確かめてください。", "Export it again as JSON in UTF-8 and check that it is not cut off."),
)  # fmt: skip
DOCUMENT_REPEATS = Ground(
    "fhir-document-repeats", Family.INPUT, REG_5_X,
    Text("{file} に同じ名前を二度使う要素があり、意味が定まりません。", "{file} holds an object that uses a name twice; what it means is not settled."),
    Text("名前を一度ずつ使う JSON として書き出し直してください。", "Export it again as JSON in which each name stands once."),
)  # fmt: skip
DOCUMENT_TOO_LARGE = Ground(
    "fhir-document-too-large", Family.INPUT, REG_5_X,
    Text("{file} は一つの JSON として{limit}バイトを超えています。", "{file} is one JSON document of more than {limit} bytes."),
    Text("1行に1リソースの NDJSON に分けて送ってください。", "Send it as NDJSON, one resource a line."),
)  # fmt: skip
RESOURCE_UNKNOWN = Ground(
    "fhir-resource-unknown", Family.INPUT, ACT_52_1,
    Text("{file} の{number}番目の記録は FHIR R4 のリソースではありません。", "Record {number} of {file} is no resource of FHIR R4."),
    Text("resourceType を確かめ、FHIR R4 (4.0.1) として書き出し直してください。", "Check resourceType and export it again as FHIR R4 (4.0.1)."),
)  # fmt: skip
