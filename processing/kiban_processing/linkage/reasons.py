"""判定理由 (reasons): what each reason code of a pair means, in both languages; codes hold no value of a patient."""

from __future__ import annotations

from kiban_processing.language import Text

TEXTS: dict[str, Text] = {
    "prior:expected": Text("無作為に選んだ二登録が同一人である割合", "share of one person's pairs among random pairs"),
    "name:missing": Text("氏名を比較できません", "names cannot be compared"),
    "name:equal": Text("漢字氏名とカナ氏名が一致", "kanji and kana names are equal"),
    "name:equal-widely": Text("漢字氏名とカナ氏名が異体字・長音を除き一致", "kanji and kana names are equal but for variants"),
    "name:kanji-equal": Text("漢字氏名が一致（カナは欠損又は不一致）", "kanji names are equal (kana missing or different)"),
    "name:kana-equal": Text("カナ氏名が一致（漢字は欠損）", "kana names are equal (kanji missing)"),
    "name:kana-equal-kanji-differs": Text("カナ氏名が一致し漢字氏名が異なる", "kana names are equal, kanji names differ"),
    "name:given-equal": Text("名が一致し姓が異なる", "given names are equal, surnames differ"),
    "name:near": Text("氏名が近い、又は姓と名が逆", "names are near, or surname and given name exchanged"),
    "name:surname-only": Text("姓のみ一致", "only surnames are equal"),
    "name:differs": Text("氏名が異なる", "names differ"),
    "name:frequency": Text("氏名の珍しさによる補正", "adjustment for how common the name is"),
    "birth_date:missing": Text("生年月日を比較できません", "birth dates cannot be compared"),
    "birth_date:equal": Text("生年月日が一致", "birth dates are equal"),
    "birth_date:near": Text("生年月日の一部のみ異なる", "birth dates differ in one part"),
    "birth_date:differs": Text("生年月日が異なる", "birth dates differ"),
    "sex:missing": Text("性別を比較できません", "sex cannot be compared"),
    "sex:equal": Text("性別が一致", "sex is equal"),
    "sex:differs": Text("性別が異なる", "sex differs"),
    "household:missing": Text("住所・電話・保険を比較できません", "address, telephone and insurance cannot be compared"),
    "household:personal-number": Text("個人単位の被保険者番号が一致", "personal insurance numbers are equal"),
    "household:branch-differs": Text("被保険者番号が同じで枝番が異なる", "same insurance number, different branch"),
    "household:two-agree": Text("住所・電話・保険のうち二つ以上が一致", "two or more of address, telephone and insurance agree"),
    "household:one-agrees": Text("住所・電話・保険のうち一つが一致", "one of address, telephone and insurance agrees"),
    "household:same-town": Text("町名又は郵便番号が一致", "same town or postal code"),
    "household:differs": Text("住所・電話・保険がいずれも異なる", "address, telephone and insurance all differ"),
    "insurance:number-equal": Text("被保険者番号が一致", "insurance numbers are equal"),
    "insurance:branch-differs": Text("枝番が異なるため別人", "branch numbers differ: two persons"),
    "insurance:contradicts": Text(
        "被保険者番号が異なり住所・電話も一致しない", "insurance numbers differ and neither address nor telephone agrees"
    ),
    "phone:equal": Text("電話番号が一致", "telephone numbers are equal"),
    "address:equal": Text("住所が番地まで一致", "addresses are equal down to the number"),
    "rule:deterministic": Text("確定的な一致条件を満たす", "meets a deterministic rule"),
    "rule:twin": Text(
        "生年月日が同じで漢字・カナとも名が異なる（双生児等）", "same birth date, both forms of the given name differ (twins)"
    ),
    "rule:sex-and-given-differ": Text("性別と名がともに異なる", "sex and given name both differ"),
    "rule:newborn": Text("命名前の新生児の登録", "registration of a newborn not yet named"),
    "rule:given-not-equal": Text("名の一致を確かめられない", "given names are not known to be equal"),
    "rule:same-hospital": Text("同じ医療機関の二つの登録", "two registrations of one hospital"),
    "rule:cluster": Text("統合先に別人と判定した登録がある", "would join registrations judged to be two persons"),
}


def explain(reasons: list[str], weights: list[float]) -> tuple[tuple[Text, float], ...]:
    """The reasons of one pair as texts with their weights (log2), in order.

    >>> explain(["birth_date:equal"], [14.6])[0][0].en
    'birth dates are equal'
    """
    return tuple((TEXTS[code], weight) for code, weight in zip(reasons, weights, strict=True))
