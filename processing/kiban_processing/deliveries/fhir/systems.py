"""コード体系 (code systems): which `system` of a coding answers to which item of the catalogue; a code of any other system is not taken.

A hospital's own systems name the hospital (`…/DrugCode/<facility number>`), so an unlisted system's name is never passed on either.
Sources: MEDIS-DC and JP Core 1.1.2 lists of system URIs, HL7 terminology; the older `urn:oid:` forms are still sent.
"""

from __future__ import annotations

OTHER = "other_code"

_ICD10 = "icd10"
_MEDIS = "disease_code"
_YJ = "yj_code"
_HOT = "hot_code"
_JLAC10 = "jlac10"
_K = "k_code"

OWN: dict[str, str] = {
    "http://hl7.org/fhir/sid/icd-10": _ICD10,
    "urn:oid:2.16.840.1.113883.6.3": _ICD10,
    "http://jpfhir.jp/fhir/core/mhlw/CodeSystem/ICD10-2013-full": _ICD10,
    "urn:oid:1.2.392.200119.4.101.6": _MEDIS,
    "http://medis.or.jp/CodeSystem/master-disease-keyNumber": _MEDIS,
    "http://capstandard.jp/iyaku.info/CodeSystem/YJ-code": _YJ,
    "urn:oid:1.2.392.100495.20.1.73": _YJ,
    "urn:oid:1.2.392.100495.20.2.73": _YJ,
    "http://medis.or.jp/CodeSystem/master-HOT7": _HOT,
    "http://medis.or.jp/CodeSystem/master-HOT9": _HOT,
    "http://medis.or.jp/CodeSystem/master-HOT13": _HOT,
    "urn:oid:1.2.392.200119.4.403.2": _HOT,
    "urn:oid:1.2.392.200119.4.403.1": _HOT,
    "urn:oid:1.2.392.200119.4.402.1": _HOT,
    "urn:oid:1.2.392.200119.4.504": _JLAC10,
    "http://medis.or.jp/CodeSystem/master-JLAC10-17digits": _JLAC10,
    "http://jpfhir.jp/fhir/clins/CodeSystem/JLAC10/JP_CLINS_ObsLabResult_CoreLabo_CS": _JLAC10,
    "http://jpfhir.jp/fhir/clins/CodeSystem/JLAC10/JP_CLINS_ObsLabResult_InfectionLabo_CS": _JLAC10,
    "urn:oid:1.2.392.200119.4.401": _K,
    "http://jpfhir.jp/fhir/core/mhlw/CodeSystem/medicalPractice-K-code": _K,
}
"""System → the item that holds its codes, where the table has that item."""

OTHERS: dict[str, str] = {
    "http://loinc.org": "LOINC",
    "http://snomed.info/sct": "SNOMED-CT",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD-9-CM",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://www.whocc.no/atc": "ATC",
    "http://medis.or.jp/CodeSystem/master-disease-exCode": "MEDIS-EX",
    "urn:oid:1.2.392.200119.4.101.7": "MEDIS-EX",
    "http://medis.or.jp/CodeSystem/master-nursingObservation-16digits": "MEDIS-NURSING",
    "http://jpfhir.jp/fhir/clins/CodeSystem/JP_CLINS_ObsLabResult_LocalCode_CS": "JP-CLINS-LOCAL",
    "http://jpfhir.jp/fhir/clins/CodeSystem/JP_CLINS_ObsLabResult_Uncoded_CS": "JP-CLINS-UNCODED",
    "http://jpfhir.jp/fhir/core/CodeSystem/JP_JfagyFoodAllergen_CS": "JFAGY-FOOD",
    "http://jpfhir.jp/fhir/core/CodeSystem/JP_JfagyMedicationAllergen_CS": "JFAGY-DRUG",
}
"""System → its short name, for `other_code` and `other_code_system`, in the order in which one is preferred."""

DEPARTMENTS = frozenset({"http://jami.jp/SS-MIX2/CodeSystem/ClinicalDepartment"})
ROUTES = frozenset(
    {"http://jpfhir.jp/fhir/core/CodeSystem/route-codes", "urn:oid:2.16.840.1.113883.3.1937.777.10.5.162", "http://snomed.info/sct"}
)

HOSPITAL_PATIENT = "urn:oid:1.2.392.100495.20.3.51.1"
"""Followed by the facility's number of ten digits: the hospital's own patient number. The facility number itself is never taken."""
HOSPITAL_PATIENT_PLAIN = frozenset(
    {"http://jpfhir.jp/fhir/eCS/Idsystem/JP_Hospital_PatientID", "http://jpfhir.jp/fhir/eCS/IdSystem/JP_Hospital_PatientID"}
)
MEMBER = frozenset(
    {"http://jpfhir.jp/fhir/clins/Idsystem/JP_Insurance_memberID", "http://jpfhir.jp/fhir/clins/IdSystem/JP_Insurance_memberID"}
)
"""Systems of the insured identifier `保険者番号:記号:番号:枝番`."""
MEDICAL_RECORD_TYPE = ("http://terminology.hl7.org/CodeSystem/v2-0203", "MR")
REPRESENTATION = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"

_CHECKUP_GRADES = "urn:oid:1.2.392.200119.6.2102"
_SNOMED = "http://snomed.info/sct"
GRADES: dict[tuple[str, str], str] = {
    **{(_CHECKUP_GRADES, str(place)): grade for place, grade in enumerate(("-", "+-", "+", "2+", "3+"), 1)},
    (_SNOMED, "260385009"): "-",
    (_SNOMED, "10828004"): "+",
}
"""(system, code) of a graded result → the catalogue's choice."""
