"""登場人物 (cast): the operator, the committee, the auditor and the applicant of the story, with their roles and seats; all fictitious."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import pyrage

from kiban_applications.command_line import desk
from kiban_operator import grants, keys, people
from kiban_operator.home import Home
from kiban_operator.people import OrganisationKind
from kiban_operator.roles import Role

OPERATOR = "一般社団法人 千早医療データ機構"
OPERATOR_ADDRESS = "東京都千代田区千早町一丁目1番1号"
ADMINISTRATORS = ("江崎 恵", "尾形 隆")
RECIPIENT_KEY = "recipient.age"


@dataclass(frozen=True)
class Part:
    """One person of the story: the label of their seat, name, organisation and roles."""

    seat: str
    name: str
    of: str
    roles: tuple[Role, ...]


ORGANISATIONS: dict[str, tuple[OrganisationKind, str, str, str]] = {
    "university": (OrganisationKind.RECIPIENT, "東和大学", "東京都文京区東和二丁目3番4号", "1010001000001"),
    "committee": (OrganisationKind.OTHER, "千早医療データ機構 審査委員会", OPERATOR_ADDRESS, "1010001000002"),
    "auditor": (OrganisationKind.OTHER, "みなと監査法人", "東京都港区湊一丁目2番3号", "1010001000003"),
}

PARTS: tuple[Part, ...] = (
    Part("HL", "安藤 千夏", "operator", (Role.HL,)),
    Part("OD", "井上 和子", "operator", (Role.OD,)),
    Part("PR", "上田 悟", "operator", (Role.PR,)),
    Part("PR-2", "内海 遥", "operator", (Role.PR,)),
    Part("SE", "榎本 真", "operator", (Role.SE,)),
    Part("CO", "大野 直樹", "operator", (Role.CO,)),
    Part("CO-2", "川島 優子", "operator", (Role.CO,)),
    Part("CK-1", "菊池 亮", "operator", (Role.CK,)),
    Part("CK-2", "久保 恵美", "operator", (Role.CK,)),
    Part("DL", "児玉 誠", "operator", (Role.DL,)),
    Part("SO", "佐久間 忍", "operator", (Role.SO,)),
    Part("CM-1", "志村 玲", "committee", (Role.CM,)),
    Part("CM-2", "杉本 健", "committee", (Role.CM,)),
    Part("CM-3", "瀬川 由美", "committee", (Role.CM,)),
    Part("CM-4", "曽根 進", "committee", (Role.CM,)),
    Part("CH", "高木 文", "committee", (Role.CM, Role.CH)),
    Part("AU", "千葉 渉", "auditor", (Role.AU,)),
    Part("AP", "津村 葵", "university", (Role.AP,)),
    Part("AS", "寺田 学", "university", (Role.AS,)),
    Part("CU", "富田 蓮", "university", (Role.CU,)),
)


def enter(home: Home, operator: str) -> dict[str, str]:
    """Register organisations and people, grant each role by two administrators, seat everybody; returns seat → person ID."""
    first, second = (home.circumstances.acting(desk.seats(home.path)[label]) for label in ("AD-1", "AD-2"))
    identity = pyrage.x25519.Identity.generate()
    keys.write_private(home.path / "keys" / RECIPIENT_KEY, str(identity).encode())
    folder = home.path / "keys" / "people"
    seats: dict[str, str] = {}
    with home.transaction() as session:
        ids = {"operator": operator}
        for label, (kind, name, address, identifier) in ORGANISATIONS.items():
            recipient = str(identity.to_public()) if kind is OrganisationKind.RECIPIENT else None
            made = people.register_organisation(
                session, first, kind=kind, name=name, address=address, identifier=identifier, age_recipient=recipient
            )
            ids[label] = made.id
        for part in PARTS:
            person = people.register_person(session, first, folder, name=part.name, organisation_id=ids[part.of])
            for role in part.roles:
                proposal = grants.propose_role(session, first, person.id, role)
                grants.confirm_role(session, second, proposal.id)
            seats[part.seat] = person.id
    _seat(home, seats.items())
    with home.transaction() as session:
        secretariat = home.circumstances.acting(seats["SE"])
        for label in ORGANISATIONS:
            evidence = f"sha256:{sha256(ORGANISATIONS[label][1].encode()).hexdigest()}"
            people.verify_organisation(session, secretariat, ids[label], evidence)
    return seats


def _seat(home: Home, seats: Iterable[tuple[str, str]]) -> None:
    for label, person in seats:
        desk.seat(home.path, label, person)
    desk.seat(home.path, "CM", dict(seats)["CM-1"])
