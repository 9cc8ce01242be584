"""DPC調査データの試験データ (DPC data made up): seeded FF1, EFn, EFg, D and H files of one month with the hospital's table of IDs.

Nothing in them comes from a real person or hospital. Codes have the right form; their meaning is not looked at.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from data_examples.uke_world import ACTS, DEVICES, DISEASES, DRUGS

FACILITY = "139999999"
ICD10 = ("I639", "J189", "E119", "C341", "S7200", "K8000")
OPERATIONS = ("K0821", "K5461", "K718-21", "K6152")


@dataclass(frozen=True)
class World:
    """What the files tell of. `month`: YYYYMM of the files; `header`: whether EF, D and H start with their names of columns."""

    seed: int = 1
    stays: int = 20
    month: str = "202407"
    header: bool = True

    def name(self, kind: str) -> str:
        """The official name of a file."""
        return f"{kind}_{FACILITY}_{self.month[2:]}.txt"


@dataclass(frozen=True)
class Stay:
    """One stay: who, from when to when ("00000000": still in)."""

    data_id: str
    patient: str
    admitted: str
    discharged: str
    born: str
    sex: str


def stays(world: World) -> list[Stay]:
    """The stays, in order of data ID; each person has one."""
    random_ = random.Random(world.seed)
    made = []
    for number in range(1, world.stays + 1):
        day = random_.randrange(1, 20)
        last = "00000000" if random_.random() < 0.2 else f"{world.month}{day + random_.randrange(1, 9):02d}"
        born = f"{random_.randrange(1930, 2020)}{random_.randrange(1, 13):02d}{random_.randrange(1, 29):02d}"
        made.append(
            Stay(f"{number:010d}", f"P{random_.randrange(10**7):07d}", f"{world.month}{day:02d}", last, born, str(random_.randrange(1, 3)))
        )
    return made


def identifiers(world: World) -> str:
    """The hospital's table of IDs as CSV."""
    return "".join(["データ識別番号,患者ID\r\n", *(f"{stay.data_id},{stay.patient}\r\n" for stay in stays(world))])


def form_one(world: World) -> list[list[str]]:
    """Rows of FF1."""
    random_ = random.Random(f"{world.seed}/FF1")
    made = []
    for stay in stays(world):
        made += [[FACILITY, stay.data_id, stay.admitted, "0", "0", *row] for row in _form(stay, random_)]
    return [[*row, *[""] * (17 - len(row))] for row in made]


def _form(stay: Stay, random_: random.Random) -> list[list[str]]:
    rows = [
        ["A000010", "20140401", "0", stay.born, stay.sex, "1000001"],
        ["A000020", "20140401", "0", stay.admitted, "1", "0", "1", "100", "0", "0", "0"],
        ["A000030", "20140401", "0", stay.discharged, "1", random_.choice("134569"), "0", "0"],
        ["A000040", "20140401", "0", "", "060", "0"],
        ["A001010", "20140401", "0", "", "165", "60.5"],
        ["A006010", "20140401", "0", "", random_.choice(ICD10), "", random_.choice(DISEASES), "4001", "", "", "", "主な病気の名"],
        ["A006030", "20140401", "0", "", random_.choice(ICD10), "", random_.choice(DISEASES), "", "", "", "", "資源の病気の名"],
        ["ADL0010", "20140401", "0", "", "0100220011"],
        ["JCS0010", "20140401", "0", "", "000"],
    ]
    for serial in range(random_.randrange(0, 3)):
        rows.append(
            ["A006040", "20140401", str(serial), "", random_.choice(ICD10), "", random_.choice(DISEASES), "", "", "", "", "併存の病気の名"]
        )
    if random_.random() < 0.5:
        rows.append(["A007010", "20140401", "0", stay.admitted, random_.choice(OPERATIONS), "1234567", "1", "0", "1", "", "", "手術の名"])
    return rows


def act_and_detail(world: World, outpatient: bool = False, each: int = 12) -> list[list[str]]:
    """Rows of EFn or EFg: acts (line 000) with their parts."""
    random_ = random.Random(f"{world.seed}/EF/{outpatient}")
    made = []
    for stay in stays(world):
        head = [FACILITY, stay.data_id, stay.born if outpatient else stay.discharged, stay.admitted]
        for sequence in range(1, each + 1):
            section = random_.choice(("21", "33", "50", "60"))
            day = stay.admitted if outpatient else f"{world.month}{min(int(stay.admitted[6:]) + random_.randrange(3), 28):02d}"
            for line in range(random_.randrange(2, 5)):
                made.append(
                    [*head, section, f"{sequence:04d}", f"{line:03d}", *_detail(random_, line), *_tail(random_, line, day, outpatient)]
                )
    return made


def _detail(random_: random.Random, line: int) -> list[str]:
    code = random_.choice(ACTS) if line <= 1 else random_.choice((*DRUGS, *DEVICES))
    name = random_.choice(("前立腺針生検法", "生理食塩液２０ｍＬ", "－組織切片"))
    interpreted = random_.choice(("K6001", "D4132")) if line == 1 else ""
    points = ["00000100", "0", "0"] if line == 0 else ["0", "0", "0"]
    return [
        "641300",
        code,
        interpreted,
        name,
        "0000001.500",
        "016",
        "00000154",
        "0",
        "00000154",
        "000000000000" if line else "",
        *points,
        "007",
    ]


def _tail(random_: random.Random, line: int, day: str, outpatient: bool) -> list[str]:
    insured = ["  200055", "1119"] if line == 0 else ["", ""]
    return [*insured, day, "20", "310", f"{random_.randrange(10**4):04d}", "W31", "0", "1" if outpatient else "0", ""]


def daily_groups(world: World) -> list[list[str]]:
    """Rows of D: one of the DPC group and one outside of it for each stay."""
    made = []
    for stay in stays(world):
        head = [FACILITY, stay.data_id, stay.discharged, stay.admitted]
        tail = ["1", "  200055", "1111", stay.admitted, "20", "310", "", "W31", "0", "0", ""]
        made.append(
            [
                *head,
                "93",
                "0001",
                "",
                "930000000",
                "",
                "診断群分類",
                "2000",
                "0",
                "0",
                "0",
                *tail,
                stay.admitted,
                "",
                "",
                "040080x099x0xx",
                "1.2345",
            ]
        )
        made.append([*head, "60", "0001", "", "160098110", "D413", "検査の名", "100", "0", "0", "0", *tail, "", "", "", "", ""])
    return made


def nursing(world: World) -> list[list[str]]:
    """Rows of H: three a stay."""
    random_ = random.Random(f"{world.seed}/H")
    made = []
    for stay in stays(world):
        head = [FACILITY, "W31", stay.data_id, stay.discharged, stay.admitted, stay.admitted]
        made.append([*head, "ASS0013", "20240601", "0", *(random_.choice("01") for _ in range(8))])
        made.append([*head, "ASS0021", "20220401", "0", *(random_.choice("012") for _ in range(14))])
        made.append([*head, "TAR0010", "20200401", "0", "01"])
    return [[*row, *[""] * (29 - len(row))] for row in made]


def written(rows: list[list[str]], columns: tuple[str, ...] = (), encoding: str = "cp932", end: str = "\r\n") -> bytes:
    """Rows as a file, with a header where names of columns are given; short rows are filled up with empty cells."""
    width = max((len(row) for row in rows), default=len(columns))
    texts = ["\t".join(columns)] if columns else []
    texts += ["\t".join([*row, *[""] * (max(width, len(columns)) - len(row))]) for row in rows]
    return "".join(f"{text}{end}" for text in texts).encode(encoding)
