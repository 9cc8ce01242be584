"""公表 (publication): the page that a hospital publishes once the ministers have published its filing (Reg 50), as HTML that stands alone.

The first time all entries are published, at a change what changed, at the end the fact; the page always says how to stop.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from kiban_operator import hospitals, notice_changes, notices, programmes
from kiban_operator.programmes import Regime
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.language import Language, Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.reports import pages
from kiban_processing.statutes import REG_50

NOT_PUBLISHED_YET = Ground(
    "publication-too-early", Family.LAW, REG_50,
    Text("主務大臣による公表がまだ記録されていません。", "The ministers' publication is not on record yet."),
    Text("公表を確かめて `kiban hospital step … ministers-published` で記録してから、公表してください。",
         "Record it with `kiban hospital step … ministers-published`, then publish."),
)  # fmt: skip

_TITLE = Text("医療情報の提供について", "On the provision of medical information")
_STOP = Text(
    "提供の停止は、いつでも求めることができます。求めの理由を述べる必要はなく、求めによって診療に影響はありません。",
    "You may ask at any time that provision stop. No reason is needed, and your care is not affected.",
)
_NAMES: dict[Regime, Text] = {
    Regime.ANONYMISED: Text("匿名加工医療情報の作成のための提供", "Provision for making anonymised medical information"),
    Regime.PSEUDONYMISED: Text("仮名加工医療情報の作成のための提供", "Provision for making pseudonymised medical information"),
}


def compose(
    session: Session,
    hospital: str,
    regime: Regime | str,
    version: str,
    language: Language = "ja",
    older: str | None = None,
    draft: bool = False,
) -> bytes:
    """The page for one notice version; `older`: the version that it changes, so that what changed is told first.

    `draft` shows the page before the ministers have published, and says so on it. Refuses: hospital-unknown, regime-unknown, programme-unknown,
    notice-version-unknown, publication-too-early.
    """
    regime = programmes.regime_named(regime)
    who = hospitals.get(session, hospital)
    programme = programmes.get(session, hospital, regime)
    notice = notices.get(session, hospital, regime, version)
    if programme.ministers_published_on is None and not draft:
        raise NOT_PUBLISHED_YET.refuse()

    def say(ja: str, en: str) -> str:
        return ja if language == "ja" else en

    parts = [pages.paragraph(f"{who.name}　{who.address}　{who.representative}"), pages.heading(_NAMES[regime].read(language))]
    if draft and programme.ministers_published_on is None:
        parts.insert(
            0,
            pages.paragraph(
                say(
                    "案: 主務大臣による公表の前であり、公表してはなりません。",
                    "Draft: the ministers have not published yet; not to be published.",
                )
            ),
        )
    if programme.ended_on is not None:
        parts.append(
            pages.paragraph(say(f"{programme.ended_on} をもって提供を終了しました。", f"Provision ended on {programme.ended_on}."))
        )
    if older is not None:
        changes = notice_changes.compare(session, hospital, regime, older, version)
        parts.append(pages.table(
            say("変更された事項", "What has changed"), [say("事項", "entry"), say("内容", "content")],
            [(notice_changes.NAMES[change.entry].read(language), _content(notice, change.entry, language)) for change in changes.changes],
        ))  # fmt: skip
    else:
        parts.append(pages.table(
            say("届け出た事項", "What was filed"), [say("事項", "entry"), say("内容", "content")],
            [(name.read(language), notice.entries.get(entry, "")) for entry, name in notices.ENTRY_NAMES.items()],
        ))  # fmt: skip
        parts.append(pages.table(
            say("提供するデータ項目", "Data items provided"), [say("表", "table"), say("項目", "items")],
            [(TABLES[table].label.read(language), items) for table, items in _covered(notice.covers, language)],
        ))  # fmt: skip
    parts += [
        pages.heading(say("停止の求め", "How to stop")),
        pages.paragraph(_STOP.read(language)),
        pages.paragraph(notice.entries.get("receiving", "")),
    ]
    dates = [
        (say("主務大臣による公表", "published by the ministers"), programme.ministers_published_on),
        (say("提供を開始する予定日", "planned start"), programme.starts_on),
        (say("届出番号", "filing number"), programme.filing_number),
        (say("通知の版", "notice version"), version),
    ]
    parts.append(
        pages.table(
            say("届出", "Filing"), [say("事項", "entry"), say("内容", "content")], [(name, str(value)) for name, value in dates if value]
        )
    )
    return pages.page(language, _TITLE.read(language), parts)


def _content(notice: notices.NoticeVersion, entry: str, language: Language) -> str:
    if entry == "covers":
        return "; ".join(f"{TABLES[table].label.read(language)}: {items}" for table, items in _covered(notice.covers, language))
    return str(notice.wait_days) if entry == "wait_days" else notice.entries.get(entry, "")


def _covered(covers: list[str], language: Language) -> list[tuple[str, str]]:
    """Table → labels of the items that a version covers, in the order of the catalogue."""
    found = []
    for name, table in TABLES.items():
        items = [item.label.read(language) for item in table.items if f"{name}.*" in covers or f"{name}.{item.name}" in covers]
        if items:
            found.append((name, ("、" if language == "ja" else ", ").join(items)))
    return found
