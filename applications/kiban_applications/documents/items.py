"""データ項目の一覧 (items): every item of the catalogue, with the treatments that a processing plan may name for it."""

from __future__ import annotations

from pathlib import Path

from kiban_applications.documents import markdown
from kiban_processing.catalogue.items import KIND_NAMES, Item
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.permitted import K_FLOORS, Treatment, treatments_of

MEANINGS: dict[Treatment, str] = {
    Treatment.REMOVE: "the column does not leave",
    Treatment.REKEY: "a keyed number of this release only",
    Treatment.SHIFT: "the date moved by the person's own constant number of weeks",
    Treatment.SHIFT_YEAR: "the year of the moved date",
    Treatment.BIRTH_YEAR: "the year of the moved birth date, 90 and over together; always a quasi-identifier",
    Treatment.AGE_BAND: "the age band of the moved birth date, 90 and over together; always a quasi-identifier",
    Treatment.PLACE: "the prefecture, or a municipality above the population floor; always a quasi-identifier",
    Treatment.KEEP: "the value itself",
    Treatment.GENERALISE_RARE: "a code held by too few persons goes up its hierarchy, then away",
    Treatment.CLIP: "bottom and top coded per group over persons",
    Treatment.DERIVED: "made of a person's events; for what `[derived]` of a plan names, never for a column",
}


def compose(_root: Path) -> str:
    parts = [
        "Every column the system can hold. A column without a declaration is refused. "
        "The kind (Reg 18, 施行規則第18条) decides which treatments a processing plan (加工計画) may name; "
        "a column that the plan does not name is not released.",
    ]
    for table in TABLES.values():
        parts.append(f"## `{table.name}` {table.label.ja} ({table.label.en})")
        parts.append(f"One row per: {table.row.en}（{table.row.ja}）. Key within a hospital: {', '.join(table.key) or '–'}.")
        parts.append(
            markdown.table(
                ("item", "日本語", "English", "kind", "type", "unit or code system", "values", "a plan may"),
                [
                    (
                        markdown.code(item.name) + (" *" if item.required else ""),
                        item.label.ja,
                        item.label.en,
                        f"{KIND_NAMES[item.kind].en} {KIND_NAMES[item.kind].ja}",
                        item.type.value,
                        item.unit or item.code_system,
                        _values(item),
                        ", ".join(one.value for one in Treatment if one in treatments_of(item)),
                    )
                    for item in table.items
                ],
            )
        )
    parts.append("\\* without it the row cannot be used.")
    parts.append("## Treatments (加工)")
    parts.append(markdown.table(("treatment", "what becomes of the column"), [(markdown.code(t), MEANINGS[t]) for t in Treatment]))
    parts.append("## Lowest k (kの下限)")
    parts.append(
        "Persons, not rows. The law names no number: it is a policy value, and a plan below it needs a recorded reason (`plan.k_reason`)."
    )
    parts.append(
        markdown.table(
            ("recipient class", "delivery form", "k"), [(markdown.code(who), markdown.code(form), k) for (who, form), k in K_FLOORS.items()]
        )
    )
    return markdown.page("Data items (データ項目)", *parts)


def _values(item: Item) -> str:
    if item.choices:
        return ", ".join(item.choices)
    if item.pattern:
        return markdown.code(item.pattern)
    if item.lowest is not None or item.highest is not None:
        return f"{_bound(item.lowest)} to {_bound(item.highest)}"
    return ""


def _bound(value: float | None) -> str:
    return "…" if value is None else f"{value:g}"
