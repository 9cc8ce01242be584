"""医療情報取扱事業者 (hospitals): the three invented institutions, their programmes under Act 52 and the notices they hand out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from generator import layouts, registrations

# Blocked until the notice names it: the clinic's notice leaves the physician's findings out (Act 52(1)(iii)).
NOT_IN_NOTICE = {"H003": ("health_checkups.findings",)}
WAIT_DAYS = 30


@dataclass(frozen=True)
class Hospital:
    """One institution: what Act 52 makes it state, and when it took each step of its programme."""

    id: str
    name: str
    address: str
    representative: str
    sent_by: str
    window: str
    how_acquired: str
    how_provided: str
    contract_on: date
    form43_filed_on: date
    filing_number: str
    ministers_published_on: date
    own_published_on: date
    starts_on: date
    physicians: int


HOSPITALS: dict[str, Hospital] = {
    hospital.id: hospital
    for hospital in (
        Hospital(
            "H001",
            "星霜大学医学部附属病院",
            "千葉県八千代市島田9901番地",
            "病院長　九十九　理玄",
            "医療情報部",
            "患者支援センター(1階7番窓口、電話 047-099-0101、平日9時から17時まで)",
            "診療の際に、問診、診察、検査、処方及び手術の記録として取得したもの",
            "電子カルテから抽出したファイルを暗号化し、専用線により月1回提供する方法",
            date(2026, 1, 15),
            date(2026, 2, 2),
            "架第26-0101号",
            date(2026, 2, 27),
            date(2026, 3, 6),
            date(2026, 5, 7),
            14,
        ),
        Hospital(
            "H002",
            "白南風市民病院",
            "千葉県船橋市古作町9902番地",
            "院長　海老原　汐音",
            "情報システム課",
            "総合案内(電話 047-099-0202、平日8時30分から17時15分まで)",
            "診療及び健康診断の際に、診察、検査、処方、手術及び健診の記録として取得したもの",
            "電子カルテ及び健診システムから抽出したファイルを暗号化し、専用線により月1回提供する方法",
            date(2026, 1, 20),
            date(2026, 2, 9),
            "架第26-0102号",
            date(2026, 3, 4),
            date(2026, 3, 11),
            date(2026, 5, 11),
            10,
        ),
        Hospital(
            "H003",
            "風待坂内科クリニック",
            "千葉県鎌ケ谷市初富9903番地",
            "院長　御厨　凪沙",
            "事務長",
            "受付(電話 047-099-0303、診療時間内)",
            "診療及び特定健康診査の際に、診察、検査、処方及び健診の記録として取得したもの",
            "電子カルテから抽出したファイルを暗号化し、閉域網により四半期に1回提供する方法",
            date(2026, 2, 3),
            date(2026, 2, 16),
            "架第26-0103号",
            date(2026, 3, 13),
            date(2026, 3, 18),
            date(2026, 6, 1),
            2,
        ),
    )
}

_TABLES = {
    "patients": "患者基本情報",
    "deaths": "死亡",
    "encounters": "受診・入退院",
    "diagnoses": "傷病名",
    "prescriptions": "処方",
    "laboratory_results": "検体検査結果",
    "procedures": "手術",
    "health_checkups": "健診結果",
}


def items(hospital: str) -> list[str]:
    """The items of the catalogue named in the hospital's notice, as `table.column`: what its files hold, without what it left out."""
    named = [f"{file.table}.{column.item}" for file in layouts.LAYOUTS[hospital].files for column in file.columns if column.item]
    return [item for item in dict.fromkeys(named) if item not in NOT_IN_NOTICE.get(hospital, ())]


def entries(hospital: Hospital) -> dict[str, str]:
    """The nine entries of the notice. Source: Act 52(1)(i)-(viii), Reg 48(4)."""
    tables = "、".join(_TABLES[file.table] for file in layouts.LAYOUTS[hospital.id].files)
    started = f"{hospital.starts_on.year}年{hospital.starts_on.month}月{hospital.starts_on.day}日"
    return {
        "institution": f"{hospital.name}、{hospital.address}、{hospital.representative}",
        "purpose": "医療分野の研究開発に役立てる匿名加工医療情報を作成するため、あなたの医療情報を認定匿名加工医療情報作成事業者に提供します。",
        "items": f"提供する医療情報の項目は、{tables}です。氏名、生年月日、性別、住所、電話番号及び被保険者証等の番号を含みます。",
        "acquisition": f"{hospital.how_acquired}です。",
        "provision": f"{hospital.how_provided}によります。",
        "stopping": "あなた又はご遺族の求めがあったときは、以後の提供を停止します。求めの前に提供された情報も、可能な範囲で削除します。",
        "receiving": f"{hospital.window}で、書面、口頭、電話その他の方法により、いつでも受け付けます。費用はかかりません。",
        "updating": "診療のつど更新された情報を、次回の提供に含めます。誤りが訂正されたときは、訂正後の情報を提供します。",
        "starting": f"提供を開始する予定日は{started}です。この通知を受けた日から{WAIT_DAYS}日を経過するまでは、あなたの情報を提供しません。",
    }


def particulars(hospital: Hospital) -> dict[str, object]:
    """Everything `hospital.toml` says."""
    return {
        "hospital": {
            "id": hospital.id,
            "name": hospital.name,
            "address": hospital.address,
            "representative": hospital.representative,
        },
        "programme": {
            "regime": "A",
            "contract_on": hospital.contract_on,
            "form43_filed_on": hospital.form43_filed_on,
            "filing_number": hospital.filing_number,
            "ministers_published_on": hospital.ministers_published_on,
            "own_published_on": hospital.own_published_on,
            "starts_on": hospital.starts_on,
        },
        "notice": {
            "version": registrations.version_of(hospital.id),
            "regime": "A",
            "wait_days": WAIT_DAYS,
            "filed_on": hospital.form43_filed_on,
            "covers": items(hospital.id),
            "entries": entries(hospital),
        },
    }
