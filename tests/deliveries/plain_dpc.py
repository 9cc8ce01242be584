"""A slow, plain reader of sound EFn and FF1 files, written without the tables and arrays of the one under test: the rows it expects, as text."""

from typing import Any

from kiban_processing.deliveries.dpc import form_one_codes

Row = dict[str, Any]
ROLES = {
    "A006010": "main",
    "A006020": "admission",
    "A006030": "resource",
    "A006031": "second-resource",
    "A006040": "comorbid",
    "A006050": "onset-after",
}


def _kept(found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {name: [{key: value for key, value in row.items() if value} for row in made] for name, made in found.items() if made}


def acts(rows: list[list[str]], file: str, patients: dict[str, str]) -> dict[str, list[Row]]:
    """EFn: rows by table."""
    found: dict[str, list[Row]] = {"procedures": [], "prescriptions": [], "observations": [], "encounters": []}
    stays: set[tuple[str, ...]] = set()
    for number, cells in enumerate(rows, 1):
        place = {"source_file": file, "source_row": number}
        basis = {**place, "local_patient_id": patients[cells[1]], "encounter_id": f"{cells[1]}-{cells[3]}"}
        if (cells[1], cells[3], cells[2]) not in stays:
            stays.add((cells[1], cells[3], cells[2]))
            found["encounters"].append({**basis, "encounter_class": "inpatient", "started_on": cells[3], "ended_on": cells[2]})
        if int(cells[6]) == 0:
            continue
        name = f"EFn-{cells[1]}-{cells[3]}-{cells[4]}-{cells[5]}-{cells[6]}-{cells[23]}"
        coded = {**basis, "other_code": cells[8]}
        if cells[8][0] == "1":
            k_code = cells[9] if cells[9].startswith("K") else ""
            found["procedures"].append(
                {**coded, "procedure_id": name, "other_code_system": "receipt-act", "performed_on": cells[23], "k_code": k_code}
            )
        elif cells[8][0] == "6":
            found["prescriptions"].append({
                **coded, "prescription_id": name, "other_code_system": "receipt-drug", "prescribed_on": cells[23], "quantity": cells[11],
                "quantity_unit": cells[12], "days": cells[20] if cells[4] == "21" else "",
            })  # fmt: skip
        elif cells[8][0] == "7":
            found["observations"].append({
                **coded, "observation_id": name, "other_code_system": "receipt-device", "observed_on": cells[23], "value": cells[11], "unit": cells[12],
            })  # fmt: skip
    return _kept(found)


def form_one(rows: list[list[str]], file: str, patients: dict[str, str], month: int) -> dict[str, list[Row]]:
    """FF1 of forms whose numbers are 0: rows by table."""
    found: dict[str, list[Row]] = {"patients": [], "encounters": [], "diagnoses": [], "procedures": [], "observations": []}
    by_stay: dict[str, list[list[str]]] = {}
    for cells in rows:
        by_stay.setdefault(cells[1], []).append(cells)
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        cells = [*row, *[""] * (17 - len(row))]
        code, payloads = cells[5], cells[8:]
        basis: Row = {"source_file": file, "source_row": number, "local_patient_id": patients[cells[1]]}
        key = f"FF1-{cells[1]}-{cells[2]}-0-0-{code}-{cells[7]}"
        stay = {**basis, "encounter_id": f"{cells[1]}-{cells[2]}"}
        if cells[1] not in seen:
            seen.add(cells[1])
            other = {one[5]: one for one in reversed(by_stay[cells[1]])}
            found["encounters"].append({
                **stay, "encounter_class": "inpatient", "started_on": cells[2], "ended_on": other["A000030"][8],
                "discharge_outcome": other["A000030"][10], "department": other["A000040"][9],
            })  # fmt: skip
        if code == "A000010":
            found["patients"].append({**basis, "birth_date": payloads[0], "sex": payloads[1], "postal_code": payloads[2]})
        elif code == "A007010":
            found["procedures"].append({
                **stay, "procedure_id": key, "performed_on": payloads[0], "k_code": payloads[1], "other_code": payloads[2], "other_code_system": "STEM7",
            })  # fmt: skip
        elif code in ROLES:
            modifiers = "".join(payloads[4:8])
            found["diagnoses"].append({
                **stay, "diagnosis_id": key, "icd10": payloads[1], "disease_code": payloads[3], "other_code": modifiers,
                "other_code_system": "receipt-modifier" if modifiers else "", "diagnosed_on": cells[2], "role": ROLES[code],
            })  # fmt: skip
        else:
            known = {one.number: one for one in form_one_codes.in_force(month)[code]}
            for payload, value in enumerate(payloads[:8], 1):
                if value and payload in known and not known[payload].is_date:
                    found["observations"].append({
                        **stay, "observation_id": f"{key}-{payload}", "other_code": f"{code}-{payload}", "other_code_system": "DPC-FF1",
                        "observed_on": cells[2], "value_code": value,
                    })  # fmt: skip
    return _kept(found)
