"""データ識別番号と患者IDの対応表 (identifiers): the hospital's own table that says whose record a data ID means, without which DPC data are nobody's.

The data ID need not be the chart number, and DPC files hold no name; so the table is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kiban_processing.deliveries import texts
from kiban_processing.deliveries.sources import Source
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_X

IDENTIFIERS_MISSING = Ground(
    "dpc-identifiers-missing", Family.INPUT, REG_5_X,
    Text("DPC調査データには、データ識別番号と患者IDの対応表が要ります。", "DPC survey data need the hospital's table of data IDs and patient IDs."),
    Text("見出し「データ識別番号,患者ID」の CSV を --ids で指定してください。", "Name a CSV with the header data_id,patient_id with --ids."),
)  # fmt: skip
IDENTIFIERS_UNREADABLE = Ground(
    "dpc-identifiers-unreadable", Family.INPUT, REG_5_X,
    Text("{file} を対応表として読めません。", "{file} cannot be read as a table of IDs."),
    Text("見出し「データ識別番号,患者ID」と2列の行だけの CSV にしてください。", "Make it a CSV of two columns with the header data_id,patient_id."),
)  # fmt: skip
IDENTIFIERS_CONTRADICT = Ground(
    "dpc-identifiers-contradict", Family.INPUT, REG_5_X,
    Text("{file} の{row}行目のデータ識別番号は、別の患者IDにも割り当てられています。", "The data ID in row {row} of {file} is given to another patient ID as well."),
    Text("一つのデータ識別番号に一つの患者IDだけを書いてください。", "Give each data ID to one patient ID only."),
)  # fmt: skip

HEADERS = (("data_id", "データ識別番号"), ("patient_id", "患者ID"))


@dataclass(frozen=True)
class Identifiers:
    """Data IDs and, beside each, the patient ID. `stand`: no table was given, and each data ID stands for a patient."""

    data_ids: pa.Array
    patients: pa.Array
    stand: bool = False

    def of(self, data_ids: pa.Array) -> pa.Array:
        """The patient of each data ID; null for one that the table does not name."""
        if self.stand:
            return data_ids
        return self.patients.take(pc.index_in(data_ids, value_set=self.data_ids))


NONE = Identifiers(pa.array([], pa.string()), pa.array([], pa.string()), stand=True)


def read(path: Path) -> Identifiers:
    """The table in a CSV (UTF-8 or CP932) with the header `data_id,patient_id` or `データ識別番号,患者ID`, in any order of the two.

    Refuses: dpc-identifiers-unreadable, dpc-identifiers-contradict, and what `texts.examine` refuses.
    """
    try:
        source = Source(path.name, path.stat().st_size, path)
    except OSError:
        raise IDENTIFIERS_UNREADABLE.refuse(file=path.name) from None
    stretches = list(texts.stretches(texts.examine(source)))
    if any(stretch.damages for stretch in stretches):
        raise IDENTIFIERS_UNREADABLE.refuse(file=path.name)
    text = b"".join(stretch.text for stretch in stretches)
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(text),
            read_options=pyarrow.csv.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=max(len(text) + 1, 16)),
            convert_options=pyarrow.csv.ConvertOptions(column_types={"f0": pa.string(), "f1": pa.string()}, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        raise IDENTIFIERS_UNREADABLE.refuse(file=path.name) from None
    if table.num_columns != 2 or not table.num_rows:
        raise IDENTIFIERS_UNREADABLE.refuse(file=path.name)
    header = [column[0].as_py().strip() for column in table.columns]
    places = [next((place for place, name in enumerate(header) if name in names), -1) for names in HEADERS]
    if -1 in places:
        raise IDENTIFIERS_UNREADABLE.refuse(file=path.name)
    data_ids, patients = (pc.utf8_trim_whitespace(table.column(place).slice(1)).combine_chunks() for place in places)
    if pc.any(pc.or_(pc.equal(data_ids, ""), pc.equal(patients, ""))).as_py():
        raise IDENTIFIERS_UNREADABLE.refuse(file=path.name)
    found = Identifiers(data_ids, patients)
    agrees = pc.equal(found.of(data_ids), patients)
    if len(agrees) and not pc.all(agrees).as_py():
        raise IDENTIFIERS_CONTRADICT.refuse(file=path.name, row=agrees.index(False).as_py() + 2)
    return found
