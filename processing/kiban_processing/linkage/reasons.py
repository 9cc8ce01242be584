"""判定理由 (reasons): what each reason code of a pair means, as a sentence in both languages; codes hold no value of a patient.

Every code is `subject:finding`. A finding with a weight moved the pair by that many bits; one without a weight decides or informs.
"""

from __future__ import annotations

from kiban_processing.language import Text

SUBJECTS: dict[str, Text] = {
    "prior": Text("事前の割合", "prior"),
    "name": Text("氏名", "name"),
    "birth_date": Text("生年月日", "birth date"),
    "sex": Text("性別", "sex"),
    "household": Text("住所・電話・保険", "address, telephone, insurance"),
    "contact": Text("電話・保険の食い違い", "telephone and insurance, where nothing agrees"),
    "hospital": Text("医療機関", "hospital"),
    "insurance": Text("保険", "insurance"),
    "phone": Text("電話", "telephone"),
    "address": Text("住所", "address"),
    "rule": Text("規則", "rule"),
}

TEXTS: dict[str, Text] = {
    "prior:expected": Text("無作為に選んだ二つの登録が同一人である割合です", "share of one person's pairs among random pairs"),
    "name:newborn": Text("命名前の新生児の登録のため、氏名を比較できません", "a newborn not yet named: names cannot be compared"),
    "name:missing": Text("氏名を比較できません", "names cannot be compared"),
    "name:equal": Text("漢字氏名とカナ氏名が一致しています", "kanji and kana names are equal"),
    "name:kanji-equal": Text(
        "漢字氏名が一致しています（カナ氏名は欠損又は不一致です）", "kanji names are equal (kana missing or different)"
    ),
    "name:kana-equal": Text("カナ氏名が一致しています（漢字氏名は欠損です）", "kana names are equal (kanji missing)"),
    "name:former-surname": Text(
        "一方の旧姓と他方の姓が一致し、名も一致しています", "the former surname of one is the surname of the other, given names are equal"
    ),
    "name:alias": Text("通称名又は別の表記の氏名が一致しています", "an alias or another form of the name is equal"),
    "name:kana-equal-kanji-differs": Text("カナ氏名は一致していますが、漢字氏名が異なります", "kana names are equal, kanji names differ"),
    "name:swapped": Text("姓と名が入れ替わっていますが、氏名は一致しています", "surname and given name are exchanged"),
    "name:given-equal": Text(
        "名は漢字・カナとも一致していますが、姓が異なります", "given names are equal in kanji and kana, surnames differ"
    ),
    "name:given-equal-once": Text(
        "名は漢字とカナの一方で一致していますが、姓が異なります", "given names are equal in kanji or kana, surnames differ"
    ),
    "name:near": Text("カナ氏名がよく似ています", "kana names are near"),
    "name:surname-only": Text("姓のみが一致しています", "only surnames are equal"),
    "name:differs": Text("氏名が異なります", "names differ"),
    "name:frequency": Text("氏名の珍しさにより重みを補正しました", "adjustment for how common the name is"),
    "name:namesakes": Text("氏名と生年月日が同じ別人である可能性を差し引きました", "deducted: it may be a namesake born on the same day"),
    "birth_date:missing": Text("生年月日を比較できません", "birth dates cannot be compared"),
    "birth_date:equal-default": Text(
        "生年月日は一致していますが、仮の日付とみられます", "birth dates are equal, but look like a filler date"
    ),
    "birth_date:equal": Text("生年月日が一致しています", "birth dates are equal"),
    "birth_date:exchanged": Text("生年月日の月と日が入れ替わっています", "month and day of the birth date are exchanged"),
    "birth_date:month-or-day": Text("生年月日の月又は日のみが異なります", "birth dates differ in month or day only"),
    "birth_date:year": Text("生年月日の年のみが異なります", "birth dates differ in the year only"),
    "birth_date:year-only": Text(
        "生年月日のうち生年のみが一致し、一方は一月一日です（月日が不明の登録とみられます）",
        "only the year agrees, and one is 1 January, as where only the year is known",
    ),
    "birth_date:differs": Text("生年月日が異なります", "birth dates differ"),
    "sex:missing": Text("性別を比較できません", "sex cannot be compared"),
    "sex:equal": Text("性別が一致しています", "sex is equal"),
    "sex:differs": Text("性別が異なります", "sex differs"),
    "household:missing": Text("住所・電話・保険を比較できません", "address, telephone and insurance cannot be compared"),
    "household:personal-number": Text("個人単位の被保険者番号が一致しています", "personal insurance numbers are equal"),
    "household:branch-differs": Text("被保険者等記号・番号は同じですが、枝番が異なります", "same insurance number, different branch"),
    "household:three-agree": Text("住所・電話・保険のすべてが一致しています", "address, telephone and insurance all agree"),
    "household:two-agree": Text("住所・電話・保険のうち二つが一致しています", "two of address, telephone and insurance agree"),
    "household:insurance": Text(
        "住所・電話・保険のうち、保険のみが一致しています", "of address, telephone and insurance only the insurance agrees"
    ),
    "household:phone": Text(
        "住所・電話・保険のうち、電話のみが一致しています", "of address, telephone and insurance only the telephone agrees"
    ),
    "household:address": Text(
        "住所・電話・保険のうち、住所のみが一致しています", "of address, telephone and insurance only the address agrees"
    ),
    "household:place-unknown": Text(
        "住所を比較できず、電話・保険も一致していません", "addresses cannot be compared, neither telephone nor insurance agrees"
    ),
    "household:same-town-within-a-year": Text(
        "町名又は郵便番号のみが一致しています（二つの登録の間隔は約一年以内です）",
        "only town or postal code agrees, registered within about a year",
    ),
    "household:same-town-within-three-years": Text(
        "町名又は郵便番号のみが一致しています（二つの登録の間隔は約三年以内です）",
        "only town or postal code agrees, registered within about three years",
    ),
    "household:same-town": Text("町名又は郵便番号のみが一致しています", "only town or postal code agrees"),
    "household:same-city-within-a-year": Text(
        "市区町村のみが一致しています（二つの登録の間隔は約一年以内です）", "only the municipality agrees, registered within about a year"
    ),
    "household:same-city-within-three-years": Text(
        "市区町村のみが一致しています（二つの登録の間隔は約三年以内です）",
        "only the municipality agrees, registered within about three years",
    ),
    "household:same-city": Text("市区町村のみが一致しています", "only the municipality agrees"),
    "household:same-prefecture-within-a-year": Text(
        "都道府県のみが一致しています（二つの登録の間隔は約一年以内です）", "only the prefecture agrees, registered within about a year"
    ),
    "household:same-prefecture-within-three-years": Text(
        "都道府県のみが一致しています（二つの登録の間隔は約三年以内です）",
        "only the prefecture agrees, registered within about three years",
    ),
    "household:same-prefecture": Text("都道府県のみが一致しています", "only the prefecture agrees"),
    "household:differs-within-a-year": Text(
        "住所・電話・保険がいずれも異なります（二つの登録の間隔は約一年以内です）",
        "address, telephone and insurance all differ, registered within about a year",
    ),
    "household:differs-within-three-years": Text(
        "住所・電話・保険がいずれも異なります（二つの登録の間隔は約三年以内です）",
        "address, telephone and insurance all differ, registered within about three years",
    ),
    "household:differs": Text("住所・電話・保険がいずれも異なります", "address, telephone and insurance all differ"),
    "household:alternative": Text("同じ世帯の別人である可能性を差し引きました", "deducted: it may be another member of the same household"),
    "household:support": Text(
        "同じ世帯の他の人にも、同じ転居又は保険の変更がみられます", "another member of the household made the same move"
    ),
    "contact:agrees": Text(
        "住所・電話・保険のいずれかが一致しているため、食い違いは数えません",
        "something of the household agrees, so what differs is not counted",
    ),
    "contact:mobile-differs": Text("携帯電話番号が異なります", "mobile telephone numbers differ"),
    "contact:both-differ": Text("電話番号と保険がともに異なります", "telephone and insurance both differ"),
    "contact:one-differs": Text(
        "電話番号と保険の一方が異なり、他方は比較できません", "one of telephone and insurance differs, the other cannot be compared"
    ),
    "contact:not-compared": Text("電話番号と保険を比較できません", "telephone and insurance cannot be compared"),
    "hospital:same": Text("同じ医療機関の登録です", "registrations of one hospital"),
    "hospital:other": Text("異なる医療機関の登録です", "registrations of two hospitals"),
    "insurance:number-equal": Text("被保険者等記号・番号が一致しています", "insurance numbers are equal"),
    "insurance:branch-differs": Text("被保険者等記号・番号の枝番が異なります", "branches of the insurance number differ"),
    "phone:equal": Text("電話番号が一致しています", "telephone numbers are equal"),
    "address:equal": Text("住所が番地まで一致しています", "addresses are equal down to the number"),
    "rule:deterministic": Text("確定的な一致の条件を満たしています", "meets a deterministic rule"),
    "rule:twin": Text(
        "生年月日は同じですが、漢字・カナのいずれでも名が異なります（双生児等）",
        "same birth date, both forms of the given name differ (twins)",
    ),
    "rule:sex-and-given-differ": Text("性別と名がともに異なります", "sex and given name both differ"),
    "rule:newborn": Text("命名前の新生児の登録です", "registration of a newborn not yet named"),
    "rule:given-not-equal": Text("名が一致していることを確かめられません", "given names are not known to be equal"),
    "rule:same-hospital": Text("同じ医療機関の二つの登録です", "two registrations of one hospital"),
    "rule:read-alike": Text(
        "名の読みだけが一致し、漢字が異なります（読みの同じ双生児等の可能性があります）",
        "given names are equal in reading only, their kanji differ (perhaps twins whose names are read alike)",
    ),
    "rule:another-generation": Text(
        "生年が十二年以上離れた、同じ世帯の登録です", "registrations of one home, twelve years or more apart in birth"
    ),
    "rule:cluster": Text("統合すると、別人と判断した登録どうしが同じ人になります", "would join registrations judged to be two persons"),
    "rule:settled-same": Text("担当者二名が同一人と確認しました", "two people confirmed that it is one person"),
    "rule:settled-apart": Text("担当者二名が別人と確認しました", "two people confirmed that it is two persons"),
}

# Subjects that inform or decide; unless they carry a weight they are no step of the sum.
_WEIGHTLESS = frozenset({"contact", "insurance", "phone", "address", "rule"})
# What corrects the sum of the comparisons stands after them.
_CORRECTIONS = ("name:frequency", "household:alternative", "name:namesakes")
_SUPPORT = "household:support"


def explain(reasons: list[str], weights: list[float]) -> tuple[tuple[Text, float], ...]:
    """The reasons of one pair as texts with their weights (log2), in order.

    >>> explain(["birth_date:equal"], [14.6])[0][0].en
    'birth dates are equal'
    """
    return tuple((TEXTS[code], weight) for code, weight in zip(reasons, weights, strict=True))


def weighs(code: str, weight: float) -> bool:
    """Whether a reason is a step of the sum; one that only decides or informs is a note beside it.

    >>> weighs("sex:missing", 0.0), weighs("rule:twin", 0.0), weighs("phone:equal", 0.4)
    (True, False, True)
    """
    return weight != 0 or code.split(":", 1)[0] not in _WEIGHTLESS


def place(code: str) -> int:
    """Where a step stands in the sum: prior, comparisons, corrections, support by the household.

    >>> sorted(["household:support", "name:frequency", "sex:equal", "prior:expected"], key=place)
    ['prior:expected', 'sex:equal', 'name:frequency', 'household:support']
    """
    if code.startswith("prior:"):
        return 0
    if code == _SUPPORT:
        return 3
    return 2 if code in _CORRECTIONS else 1
