"""明示書 (statement): says in so many words that the data are 匿名加工医療情報, to whom they go, and what must not be done (Act 30)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kiban_processing.language import Language, Text
from kiban_processing.package.contents import Content


@dataclass(frozen=True)
class Particulars:
    """明示する事項: who made the release, for whom, under which contract; `made_on` is the date of making in Japan."""

    release: str
    contract: str
    operator: str
    recipient: str
    made_on: date
    purpose: Text
    conditions: tuple[Text, ...] = ()


_TITLE = Text("匿名加工医療情報である旨の明示", "Statement: this is anonymously processed medical information")
_BODY = Text(
    """このデータは、医療分野の研究開発に資するための匿名加工医療情報及び仮名加工医療情報に関する法律（平成29年法律第28号）に基づき、
認定匿名加工医療情報作成事業者が作成した**匿名加工医療情報**です。""",
    """These data are **anonymously processed medical information** (匿名加工医療情報), made by an accredited operator under the Act on
Anonymised and Pseudonymised Medical Information to Contribute to Research and Development in the Medical Field (Act No. 28 of 2017).""",
)
_PARTIES: tuple[tuple[str, Text], ...] = (
    ("release", Text("提供番号", "Release")),
    ("contract", Text("契約番号", "Contract")),
    ("operator", Text("作成事業者", "Made by")),
    ("recipient", Text("提供先", "Provided to")),
    ("made_on", Text("作成日", "Made on")),
)
_FORBIDDEN_TITLE = Text("禁止されていること（法第30条）", "What is forbidden (Article 30 of the Act)")
_FORBIDDEN: tuple[Text, ...] = (
    Text(
        "元となった医療情報の本人を識別するために、削除された記述等若しくは個人識別符号又は加工の方法に関する情報を取得すること。",
        "To obtain, in order to identify a person, what was deleted, the individual identification codes, or how the data were processed.",
    ),
    Text(
        "本人を識別するために、このデータを他の情報と照合すること。",
        "To collate these data with other information in order to identify a person.",
    ),
)
_CONDITIONS_TITLE = Text("契約で定めた条件", "Conditions of the contract")
_NO_CONDITIONS = Text("契約書の定めによります。", "As the contract provides.")
_PURPOSE_TITLE = Text("利用目的", "Purpose of use")
_FOUND_TITLE = Text("本人が分かったと思われるとき", "If you think you recognise a person")
_FOUND = Text(
    "確かめようとせず、利用を止め、直ちに作成事業者に知らせてください。",
    "Do not try to make sure. Stop, and tell the operator at once.",
)


def compose(particulars: Particulars, language: Language) -> bytes:
    """The statement as Markdown in one language; the Japanese one is authoritative."""
    lines = [f"# {_TITLE.read(language)}", "", _BODY.read(language), ""]
    for field, label in _PARTIES:
        lines.append(f"- {label.read(language)}: {_one_line(str(getattr(particulars, field)))}")
    lines += ["", f"## {_PURPOSE_TITLE.read(language)}", "", _one_line(particulars.purpose.read(language))]
    lines += ["", f"## {_FORBIDDEN_TITLE.read(language)}", "", *(f"{n}. {t.read(language)}" for n, t in enumerate(_FORBIDDEN, 1))]
    lines += ["", f"## {_CONDITIONS_TITLE.read(language)}", ""]
    conditions = particulars.conditions or (_NO_CONDITIONS,)
    lines += [f"{number}. {_one_line(condition.read(language))}" for number, condition in enumerate(conditions, 1)]
    lines += ["", f"## {_FOUND_TITLE.read(language)}", "", _FOUND.read(language), ""]
    return "\n".join(lines).encode()


def read_me(contents: Sequence[Content]) -> bytes:
    """`README.md` of the payload: which file is what and how to verify, in both languages."""
    lines = [
        "# 同梱物 / What is here",
        "",
        "| ファイル / file | 内容 / content |",
        "|---|---|",
        "| `STATEMENT.ja.md`, `STATEMENT.en.md` | 明示書。最初にお読みください。 / Read this first. |",
        "| `datapackage.json`, `dictionary/dictionary.csv` | データ定義書 / data dictionary |",
        "| `utility.ja.html`, `utility.en.html`, `utility.json` | 有用性の概要 / summary of utility |",
    ]
    for content in contents:
        lines.append(f"| `parquet/{content.table}.parquet`, `csv/{content.table}.csv` | {content.label.ja} / {content.label.en} |")
    lines += [
        "",
        'Parquet と CSV の内容は同じです。CSV は UTF-8（BOM 付き）、改行は CRLF、空欄は値なし、`""` は空の文字列です。',
        "日付は実際の日付ではありませんが、一人の中での間隔は保たれています。`person` はこの提供だけの番号で、他の提供の番号とは対応しません。",
        "この袋（BagIt）は `manifest-sha256.txt` と `manifest-sha512.txt` で、全体は署名された `manifest.json` で確かめられます。",
        "",
        'Parquet and CSV hold the same rows. CSV: UTF-8 with byte order mark, CRLF; an empty field is no value, `""` is an empty text.',
        "Dates are not the true ones, but intervals within one person are. `person` is a number of this release only; it does not",
        "correspond to any other release. The bag (BagIt) is checked by `manifest-sha256.txt` and `manifest-sha512.txt`, the whole by",
        "the signed `manifest.json`.",
        "",
    ]
    return "\n".join(lines).encode()


def _one_line(text: str) -> str:
    """Free text of a contract on one line, so that it cannot forge a heading or an item of the statement."""
    return " ".join(text.split())
