"""提供データの書出し (files): submission folders, registers and particulars as bytes, from registrations and rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date

import tomli_w

from generator import layouts
from generator.hospitals import Hospital
from generator.layouts import Column, File, Layout
from generator.records import Row, Rows
from generator.registrations import Registration

Files = dict[str, bytes]
_NO_SUCH_CHARACTER = b"\x85\x40"  # a double byte that CP932 leaves empty


def table(file: File, layout: Layout, rows: Sequence[Row], remarks: dict[str, list[str]]) -> list[str]:
    """The lines of one file, the header first; a column without an item shows the remarks, one per row."""
    lines = [_line([column.header for column in file.columns], file, layout)]
    for number, row in enumerate(rows):
        cells = [
            layouts.write(column, layout, row.get(column.item)) if column.item else remarks.get(column.header, [""] * len(rows))[number]
            for column in file.columns
        ]
        lines.append(_line(cells, file, layout))
    return lines


def _line(cells: list[str], file: File, layout: Layout) -> str:
    if layout.quoted:
        return file.delimiter.join('"' + cell.replace('"', '""') + '"' for cell in cells)
    if any(file.delimiter in cell or "\n" in cell for cell in cells):
        raise ValueError(f"{file.name}: a cell holds the delimiter, and this hospital does not quote")
    return file.delimiter.join(cells)


def encode(lines: Sequence[str], layout: Layout) -> list[bytes]:
    """The lines as bytes, each with its end."""
    encoded = [(line + layout.newline).encode(layout.encoding) for line in lines]
    if layout.byte_order_mark:
        encoded[0] = b"\xef\xbb\xbf" + encoded[0]
    return encoded


def undecodable(line: bytes, layout: Layout) -> bytes:
    """The line with bytes in its last field that the encoding does not have."""
    end = layout.newline.encode()
    return line.removesuffix(end) + _NO_SUCH_CHARACTER + end


def one_field_short(line: bytes, file: File, layout: Layout) -> bytes:
    """The line without its last field."""
    end = layout.newline.encode()
    return line.removesuffix(end).rpartition(file.delimiter.encode())[0] + end


def submission(
    hospital: Hospital, rows: Rows, remarks: dict[str, list[str]], first: date, last: date, damage: dict[str, tuple[str, int]]
) -> Files:
    """One submission folder; `damage`: case → file name and source row, for the lines that are broken after writing."""
    layout = layouts.LAYOUTS[hospital.id]
    made: Files = {"manifest.toml": manifest(hospital, layout, first, last), "mapping.toml": mapping(layout).encode()}
    for file in layout.files:
        lines = encode(table(file, layout, rows[file.table], remarks), layout)
        for case, (name, source_row) in damage.items():
            if name == file.name and case == "undecodable-row":
                lines[source_row] = undecodable(lines[source_row], layout)
            elif name == file.name and case == "wrong-column-count":
                lines[source_row] = one_field_short(lines[source_row], file, layout)
        made[file.name] = b"".join(lines) + (b"\x1a" if file.closed else b"")
    return made


def manifest(hospital: Hospital, layout: Layout, first: date, last: date) -> bytes:
    """`manifest.toml`: who sends what, for which period and under which regime."""
    said = {
        "hospital": hospital.id,
        "regime": "A",
        "period_from": first,
        "period_to": last,
        "encoding": layout.encoding,
        "sent_by": f"{hospital.name} {hospital.sent_by}",
    }
    return tomli_w.dumps({"submission": said}).encode()


def mapping(layout: Layout) -> str:
    """`mapping.toml`: which source column holds which item of the catalogue, and which value of the hospital means what."""
    parts = []
    for file in layout.files:
        parts.append(f'[[files]]\nfile = "{file.name}"\ntable = "{file.table}"')
        if file.delimiter != ",":
            parts.append('delimiter = "\\t"')
        ignored = [column.header for column in file.columns if not column.item]
        if ignored:
            parts.append(f"ignored = [{', '.join(f'{chr(34)}{header}{chr(34)}' for header in ignored)}]")
        parts.append("[files.columns]")
        parts.extend(_mapped(column) for column in file.columns if column.item)
        parts.append("")
    return "\n".join(parts)


def _mapped(column: Column) -> str:
    if not column.values:
        return f'"{column.header}" = "{column.item}"'
    values = ", ".join(f'"{source}" = "{target}"' for target, source in column.values)
    return f'"{column.header}" = {{ item = "{column.item}", values = {{ {values} }} }}'


def notices(found: Sequence[Registration]) -> bytes:
    """`notices.csv`: the notice register, in the order of the notices."""
    lines: list[list[str]] = []
    for registration in sorted(found, key=lambda r: (r.notice.given_on if r.notice else date.max, r.local_id)):
        notice = registration.notice
        if notice is not None:
            guardian = notice.guardian_given_on.isoformat() if notice.guardian_given_on else ""
            lines.append(
                [
                    registration.local_id,
                    notice.version,
                    notice.given_on.isoformat(),
                    notice.means,
                    guardian,
                    "1" if notice.lacks_capacity else "",
                ]
            )
    return _register("local_patient_id,notice_version,given_on,means,guardian_given_on,lacks_capacity", lines)


def stops(found: Sequence[Registration]) -> bytes:
    """`stops.csv`: the requests to stop, in their order."""
    asked = sorted(((r.stop.requested_on, r.local_id, r.stop) for r in found if r.stop is not None), key=lambda one: one[:2])
    return _register(
        "local_patient_id,requested_on,channel,requester",
        [[local_id, on.isoformat(), stop.channel, stop.requester] for on, local_id, stop in asked],
    )


def truth(found: Sequence[Registration]) -> bytes:
    """`truth.csv`: which person each registration truly is; for judging linkage, never part of a submission."""
    return _register("hospital,local_patient_id,true_person", [[r.hospital, r.local_id, r.person.key] for r in found])


def _register(header: str, lines: list[list[str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(lines)
    return out.getvalue().encode()
