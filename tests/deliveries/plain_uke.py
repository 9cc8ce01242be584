"""A slow, plain reader of sound medical claims, written without the tables and arrays of the one under test: the rows it expects, as text."""

from typing import Any

Row = dict[str, Any]
SYSTEMS = {"SI": "receipt-act", "IY": "receipt-drug", "TO": "receipt-device"}
TABLES = {"SI": "procedures", "IY": "prescriptions", "TO": "observations"}
IDS = {"SI": "procedure_id", "IY": "prescription_id", "TO": "observation_id"}
DAYS = {"SI": "performed_on", "IY": "prescribed_on", "TO": "observed_on"}


def rows(text: str, file: str) -> dict[str, list[Row]]:
    """Rows by table in order of the file."""
    found: dict[str, list[Row]] = {
        name: [] for name in ("patients", "encounters", "diagnoses", "procedures", "prescriptions", "observations")
    }
    head: list[str] = []
    receipts: list[list[list[str]]] = []
    for line in text.splitlines():
        cells = line.split(",")
        if cells[0] == "IR":
            head = cells
        elif cells[0] == "RE":
            receipts.append([cells])
        elif cells[0] != "GO":
            receipts[-1].append(cells)
    for number, receipt in enumerate(receipts, 1):
        _receipt(receipt, head, {"source_file": file, "source_row": number}, found)
    return {name: [{key: value for key, value in row.items() if value} for row in made] for name, made in found.items()}


def _cell(cells: list[str] | None, place: int) -> str:
    return cells[place] if cells is not None and place < len(cells) else ""


def _receipt(receipt: list[list[str]], head: list[str], place: Row, found: dict[str, list[Row]]) -> None:
    def first(code: str) -> list[str] | None:
        return next((cells for cells in receipt if cells[0] == code), None)

    common, group = receipt[0], first("BU")
    payer = first("HO") or first("KO")
    month, patient = common[3], common[13]
    encounter = f"{head[7]}-{head[1]}-{month}-{common[1]}-{'D' if group else 'M'}"
    is_stay = int(common[2][-1]) % 2 == 1
    found["patients"].append({
        **place, "local_patient_id": patient, "name_kanji": common[4], "name_kana": _cell(common, 36), "birth_date": common[6], "sex": common[5],
        "insurer_number": _cell(payer, 1), "insured_symbol": _cell(first("HO"), 2),
        "insured_number": _cell(payer, 3 if first("HO") else 2), "insured_branch": _cell(first("SN"), 6),
    })  # fmt: skip
    year, number = (int(month[:4]), int(month[4:])) if len(month) == 6 else (int(month[1:3]) + 2018, int(month[3:]))
    last = 31 if number in (1, 3, 5, 7, 8, 10, 12) else 30 if number != 2 else 29 if year % 4 == 0 else 28
    started = _cell(group, 2) or (_cell(common, 8) if is_stay else "") or f"{year}-{number:02d}-01"
    found["encounters"].append({
        **place, "local_patient_id": patient, "encounter_id": encounter, "encounter_class": "inpatient" if is_stay else "outpatient",
        "started_on": started, "ended_on": _cell(group, 3) or ("" if is_stay else f"{year}-{number:02d}-{last}"),
        "department": _cell(common, 21), "discharge_outcome": _cell(group, 4),
    })  # fmt: skip
    section = ""
    for turn, cells in enumerate(receipt):
        basis = {**place, "local_patient_id": patient, "encounter_id": encounter}
        if cells[0] in ("SI", "IY", "TO", "CO"):
            section = _cell(cells, 1) or section
        if cells[0] == "SY":
            found["diagnoses"].append(_disease(basis, f"{encounter}-{turn}", cells))
        if cells[0] in SYSTEMS:
            found[TABLES[cells[0]]] += _acts(basis, f"{encounter}-{turn}", cells, month, section)


def _disease(basis: Row, number: str, cells: list[str]) -> Row:
    modifiers = _cell(cells, 4)
    return {
        **basis, "diagnosis_id": number, "disease_code": cells[1], "diagnosed_on": cells[2], "outcome": _cell(cells, 3), "other_code": modifiers,
        "other_code_system": "receipt-modifier" if modifiers else "", "disease_name": _cell(cells, 5), "role": "main" if _cell(cells, 6) else "",
        "certainty": "suspected" if any(modifiers[at : at + 4] == "8002" for at in range(0, len(modifiers), 4)) else "confirmed",
    }  # fmt: skip


def _acts(basis: Row, number: str, cells: list[str], month: str, section: str) -> list[Row]:
    start = 17 if cells[0] == "TO" else 13
    days = [(place - start + 1, cells[place]) for place in range(start, min(start + 31, len(cells))) if cells[place]] or [(0, "")]
    made = []
    for day, count in days:
        row = {**basis, IDS[cells[0]]: f"{number}-{day}", "other_code": cells[3], "other_code_system": SYSTEMS[cells[0]]}
        row[DAYS[cells[0]]] = f"{month}{day or 1:02d}"
        if cells[0] == "IY":
            row |= {"quantity": _cell(cells, 4), "days": count if section == "21" else ""}
        if cells[0] == "TO":
            row |= {"value": _cell(cells, 4), "unit": _cell(cells, 7)}
        made.append(row)
    return made
