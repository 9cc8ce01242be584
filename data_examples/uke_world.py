"""レセプトの試験データ (claims made up): seeded claims files, medical and DPC, in both date dialects, with trailing cells kept or left out.

Nothing in them comes from a real person or hospital. Codes have the right form; their meaning is not looked at.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

FAMILIES = ("星野", "白川", "﨑田", "髙木", "松風", "若葉", "水無瀬", "小鳥遊")
GIVEN = ("太一", "はな", "蓮", "結衣", "①郎", "千歳")
KANA = ("ホシノ", "シラカワ", "サキタ", "タカギ", "マツカゼ", "ワカバ", "ミナセ", "タカナシ")
ACTS = tuple(f"1{number:08d}" for number in range(11000110, 11000110 + 97 * 300, 97))
DRUGS = tuple(f"6{number:08d}" for number in range(20098801, 20098801 + 89 * 300, 89))
DEVICES = tuple(f"7{number:08d}" for number in range(10010001, 10010001 + 83 * 40, 83))
DISEASES = tuple(f"{number:07d}" for number in range(2500013, 2500013 + 5003 * 80, 5003))
LENGTHS = {"IR": 10, "RE": 38, "HO": 15, "KO": 12, "SN": 9, "SY": 8, "SI": 44, "IY": 44, "TO": 48, "CO": 5, "GO": 4}
SHORTEST_MONTH = 28  # days that every month has
ERAS = ((20190501, 5, 2018), (19890108, 4, 1988), (19261225, 3, 1925), (19120730, 2, 1911))


@dataclass(frozen=True)
class World:
    """How the file is written. `persons`: chart numbers are drawn from so many; `dpc`: share of DPC receipts."""

    seed: int = 1
    receipts: int = 100
    persons: int = 60
    era: bool = False
    trailing: bool = True
    dpc: float = 0.0
    closing: bool = True
    month: str = "202404"


def lines(world: World) -> list[list[str]]:
    """The lines of a file as cells, without trailing empty cells."""
    random_ = random.Random(world.seed)
    made = [["IR", "1", "13", "1", "9999999", "", "架空病院", _month(world, "202405"), "00", "03-0000-0000"]]
    points = 0
    for number in range(1, world.receipts + 1):
        is_dpc = random_.random() < world.dpc
        receipt = _receipt(world, random_, number, is_dpc)
        points += int(receipt[1][5])
        made += receipt
    if world.closing:
        made.append(["GO", str(world.receipts), str(points), "99"])
    return made


def written(world: World, encoding: str = "cp932", end: str = "\r\n", closing_mark: bool = False) -> bytes:
    """The file as bytes."""
    texts = []
    for cells in lines(world):
        length = LENGTHS.get(cells[0], len(cells)) if world.trailing else 0
        texts.append(",".join([*cells, *[""] * (length - len(cells))]) if world.trailing else _short(cells))
    return (end.join([*texts, ""])).encode(encoding) + (b"\x1a" if closing_mark else b"")


def _short(cells: list[str]) -> str:
    return ",".join(cells).rstrip(",")


def _receipt(world: World, random_: random.Random, number: int, is_dpc: bool) -> list[list[str]]:
    person = random.Random(f"{world.seed}/{random_.randrange(world.persons)}")
    chart = f"{person.randrange(10**8):08d}"
    family = person.randrange(len(FAMILIES))
    born = f"{person.randrange(1935, 2020)}{person.randrange(1, 13):02d}{person.randrange(1, 29):02d}"
    is_stay = is_dpc or random_.random() < 0.1
    head = ["RE", str(number), "1111" if is_stay else "1112", _month(world, world.month), f"{FAMILIES[family]}　{person.choice(GIVEN)}"]
    head += [str(person.randrange(1, 3)), _day(world, born), "", _day(world, f"{world.month}02") if is_stay else "", "", "", "", "", chart]
    head += [""] * 7 + ["01"] + [""] * 14 + [KANA[family]]
    made = [head, ["HO", "06130012", "１２３", f"{person.randrange(10**6)}", "3", str(random_.randrange(100, 9000))]]
    made.append(["SN", "1", "01", "", "", "", f"{person.randrange(3):02d}"])
    if random_.random() < 0.15:
        made.append(["KO", "12131111", "1234567", "", "1", "300", "0"])
    if is_dpc:
        made += _dpc(world, random_)
    for _ in range(random_.randrange(1, 5)):
        started = _day(world, f"{random_.randrange(2019, 2024)}{random_.randrange(1, 13):02d}{random_.randrange(1, 29):02d}")
        if random_.random() < 0.1:
            made.append(["SY", "0000999", started, "1", "", f"まれな病{random_.randrange(100)}", "", ""])
        else:
            modifiers = random_.choice(("", "", "8002", "40018002", "2056"))
            made.append(["SY", random_.choice(DISEASES), started, str(random_.randrange(1, 5)), modifiers, "", random_.choice(("", "01"))])
    for _ in range(random_.randrange(5, 40)):
        made.append(_act(random_))
    if random_.random() < 0.3:
        made.append(["CO", "99", "1", "810000001", "経過は良好で変わりない"])
    return made


def _act(random_: random.Random) -> list[str]:
    kind = random_.random()
    days = [""] * 31
    for _ in range(random_.choice((1, 1, 1, 2, 4))):
        days[random_.randrange(SHORTEST_MONTH)] = str(random_.choice((1, 1, 1, 7, 14)))
    if random_.random() < 0.02:
        days = [""] * 31
    section = random_.choice(("", "21", "33", "60"))
    if kind < 0.6:
        return ["SI", section, "1", random_.choice(ACTS), "", str(random_.randrange(10, 900)), "1", *[""] * 6, *days]
    if kind < 0.95:
        return ["IY", section, "1", random_.choice(DRUGS), str(random_.randrange(1, 20) / 2), "12", "7", *[""] * 6, *days]
    return ["TO", section, "1", random_.choice(DEVICES), "2", "31", "1", "003", "153", *[""] * 8, *days]


def _dpc(world: World, random_: random.Random) -> list[list[str]]:
    made = [["BU", "040080x099x0xx", _day(world, f"{world.month}02"), _day(world, f"{world.month}20"), "2", ""]]
    for role in ("01", "11", "21", "41"):
        made.append(["SB", random_.choice(DISEASES), "", "", random_.choice(("J189", "E119", "I639")), role])
    made += [["KK", "1", "2"], ["GT", "1", "100", "10000"]]
    for sequence in range(random_.randrange(3, 30)):
        day = _day(world, f"{world.month}{random_.randrange(2, 21):02d}")
        code = random_.choice((*ACTS, *DRUGS, *DEVICES))
        made.append(["CD", day, "60", f"{sequence + 1:04d}", "001", code, "2.5", "", "016", "1"])
    return made


def _month(world: World, month: str) -> str:
    return _day(world, f"{month}01")[:-2]


def _day(world: World, day: str) -> str:
    if not world.era:
        return day
    _, letter, before = next(era for era in ERAS if int(day) >= era[0])
    return f"{letter}{int(day[:4]) - before:02d}{day[4:]}"
