"""突合 (intersection): what somebody learns who holds this release and earlier ones: the joint classes of persons (Reg 18(iii)(v)).

The attacker tells which records of two releases are of one person (intervals are exact, so the contents themselves match), knows a person's
quasi-identifiers in both, and knows who is in which. The joint class of a person is then everybody with the same released quasi-identifiers
in this release AND in the earlier one; who is not in the earlier one has the value "absent" there. With several earlier releases the joint
of all of them is the finest. What it protects where it holds k: nobody is told apart from k - 1 others by holding both. What it does not:
sensitive values that differ between two joint classes are a matter of l and t. Persons of an earlier release who are not in this one are
measured and not judged: their absence is known whatever this release says, and a request to stop must bite all the same (Act 56).
Source: Ganta et al. 2008, 3 (intersection attack); Xiao, Tao 2007, 2 (absence).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kiban_processing import outcome
from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted

JOINT = "earlier_joint"  # engine table: person, joint: the classes that a person had in all judged earlier releases, as one value
_NOW = "intersection_now"  # person, class
_ALL = "intersection_all"  # person, class: the joint of several releases
_PAIRED = "intersection_paired"  # the same, before classes are numbered anew
_ABSENT = 0  # class numbers start at 1
CORRELATED_FROM = 8  # fewer common persons can stand in the same order by chance


@dataclass(frozen=True)
class Earlier:
    """過去の提供: an earlier release that somebody may hold.

    `relation`: engine relation, one row per registration then released: person (as linked now; null: not in the cohort now), person_then
    (as linked then), class (1 …: number of its class then), pseudonym_then, shift_then (weeks). `judged`: the plan counts its holder as an
    attacker.
    """

    release: str
    same_recipient: bool
    judged: bool
    relation: str


@dataclass(frozen=True)
class Joint:
    """One earlier release, or several together, beside this one; all figures in persons. `release`: its ID, or `together`.

    `smallest`: persons of the smallest joint class of a person of this release; `below`: persons of this release whose joint class holds
    fewer than k; `absent`: persons of this release who are in none of them; `left`, `left_below`: the same two of persons who are in the earlier release only.
    """

    release: str
    same_recipient: bool
    judged: bool
    both: int
    absent: int
    smallest: int
    below: int
    left: int
    left_below: int

    def as_json(self) -> dict[str, object]:
        return {
            "release": self.release,
            "recipient": "same" if self.same_recipient else "other",
            "judged": self.judged,
            "persons_in_both": self.both,
            "persons_only_here": self.absent,
            "smallest_joint_class": self.smallest,
            "persons_below_k": self.below,
            "persons_only_there": self.left,
            "persons_only_there_below_k": self.left_below,
        }


@dataclass(frozen=True)
class Links:
    """結び付き: whether shifts or positions (rows stand in the order of their pseudonyms) of one release tell those of the other.

    Correlations over the `persons` that are in both; `most`: what chance explains, six standard deviations.
    """

    release: str
    persons: int
    shifts: float
    positions: float

    @property
    def most(self) -> float:
        return min(0.999, 6 / math.sqrt(self.persons)) if self.persons >= CORRELATED_FROM else 1.0

    def as_json(self) -> dict[str, object]:
        return {
            "release": self.release,
            "persons": self.persons,
            "shifts": self.shifts,
            "positions": self.positions,
            "most": round(self.most, 9),
        }


@dataclass(frozen=True)
class Intersection:
    """突合の測定. `unknown`: IDs of earlier releases of which nobody recorded the classes."""

    k: int
    joints: tuple[Joint, ...]
    links: tuple[Links, ...]
    unknown: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        return {
            "k": self.k,
            "releases": [joint.as_json() for joint in self.joints],
            "links": [link.as_json() for link in self.links],
            "unknown": list(self.unknown),
        }


def lay_out(con: Connection, people: str, earlier: Sequence[Earlier]) -> str | None:
    """Leave JOINT for the persons of the relation `people` and return its name, None where no earlier release is judged.

    Who has several earlier classes (two persons then, one now) has all of them together as a value.
    """
    judged = [one for one in earlier if one.judged]
    if not judged:
        return None
    parts, joins = [], []
    for number, one in enumerate(judged):
        parts.append(f"coalesce(e{number}.classes, '-')")
        # Hardly anybody has two classes, and only they are worth sorting for.
        one_class = (
            f"SELECT person, min(class) AS low, max(class) AS high FROM {quoted(one.relation)} WHERE person IS NOT NULL GROUP BY person"
        )
        several = (
            f"SELECT person, string_agg(CAST(class AS VARCHAR), '+' ORDER BY class) AS classes FROM (SELECT DISTINCT r.person, r.class "
            f"FROM {quoted(one.relation)} r SEMI JOIN (SELECT person FROM ({one_class}) WHERE low < high) m ON m.person = r.person) GROUP BY person"
        )
        joins.append(
            f"LEFT JOIN (SELECT person, CAST(low AS VARCHAR) AS classes FROM ({one_class}) WHERE low = high UNION ALL {several}) e{number} "
            f"ON e{number}.person = p.person"
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {JOINT} AS SELECT p.person, {' || chr(47) || '.join(parts)} AS joint "
        f"FROM (SELECT DISTINCT person FROM {quoted(people)}) p {' '.join(joins)}"
    )
    return JOINT


def number_classes(con: Connection, quasi: Sequence[str], name: str) -> str:
    """Leave a table `person` (internal key), `class` (1 …, in the order of the values) of the persons released; returns its name."""
    values = ", ".join(f"r.{quoted(column)} NULLS FIRST" for column in quasi)
    number = f"dense_rank() OVER (ORDER BY {values})" if quasi else "1"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT s.person, CAST({number} AS BIGINT) AS class "
        f"FROM {quoted(outcome.released('patients'))} r JOIN {quoted(outcome.SECRET_PERSONS)} s ON s.pseudonym = r.person"
    )
    return name


def measure(con: Connection, quasi: Sequence[str], earlier: Sequence[Earlier], k: int, unknown: Sequence[str] = ()) -> Intersection:
    """Joint classes with each earlier release, and with all that are judged together. `quasi`: released quasi-identifiers of `patients`.

    Two persons now who were one then count as one, two then who are one now as one: a mistake of linkage cannot make a class look larger.
    """
    number_classes(con, quasi, _NOW)
    joints = [_pair(con, one, k) for one in earlier]
    judged = [one for one in earlier if one.judged]
    if len(judged) > 1:
        joints.append(_together(con, judged, k))
    return Intersection(k, tuple(joints), tuple(_links(con, one) for one in earlier), tuple(unknown))


def _pair(con: Connection, one: Earlier, k: int) -> Joint:
    figures = _joined(con, [one], k)
    return Joint(one.release, one.same_recipient, one.judged, *figures, *_left(con, one, k))


def _together(con: Connection, judged: Sequence[Earlier], k: int) -> Joint:
    figures = _joined(con, judged, k)
    left, left_below = zip(*(_left(con, one, k) for one in judged), strict=True)
    return Joint("together", all(one.same_recipient for one in judged), True, *figures, max(left), max(left_below))


def _joined(con: Connection, held: Sequence[Earlier], k: int) -> tuple[int, int, int, int]:
    """Persons in at least one of the releases held, in none, in the smallest joint class, and in joint classes below k.

    Whoever had several classes in an earlier release is in a joint class with each, and every one of them must be large enough.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_ALL} AS SELECT person, class FROM {_NOW}")
    for number, one in enumerate(held):
        # Numbered over the distinct classes, not over the persons: these are many, and one machine would sort them all.
        then = ", ".join(f"a.e{before}" for before in range(number + 1))
        paired = (
            f"SELECT DISTINCT a.*, coalesce(e.class, {_ABSENT}) AS e{number} FROM {_ALL} a "
            f"LEFT JOIN {quoted(one.relation)} e ON e.person = a.person"
        )
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_PAIRED} AS {paired}")
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_ALL} AS SELECT a.person, c.number AS class, {then} FROM {_PAIRED} a JOIN "
            f"(SELECT class, e{number}, row_number() OVER (ORDER BY class, e{number}) AS number FROM (SELECT DISTINCT class, e{number} FROM {_PAIRED})) c "
            f"ON c.class = a.class AND c.e{number} = a.e{number}"
        )
    sizes = f"SELECT class, count(DISTINCT person) AS n FROM {_ALL} GROUP BY class"
    for number, one in enumerate(held):
        then = (
            f"SELECT a.class, count(DISTINCT e.person_then) AS n FROM {_ALL} a "
            f"JOIN {quoted(one.relation)} e ON e.person = a.person AND e.class = a.e{number} GROUP BY a.class"
        )
        sizes = f"SELECT s.class, least(s.n, coalesce(t.n, s.n)) AS n FROM ({sizes}) s LEFT JOIN ({then}) t ON t.class = s.class"
    known = " OR ".join(f"e{number} <> {_ABSENT}" for number, _ in enumerate(held))
    row = con.execute(
        f"SELECT count(DISTINCT person) FILTER ({known}), count(DISTINCT person) FILTER (NOT ({known})), min(n), "
        f"count(DISTINCT person) FILTER (n < {k:d}) FROM {_ALL} a JOIN ({sizes}) s ON s.class = a.class"
    ).fetchone()
    assert row is not None  # an aggregate without GROUP BY always has one row
    return int(row[0]), int(row[1]), int(row[2] or 0), int(row[3])


def _left(con: Connection, one: Earlier, k: int) -> tuple[int, int]:
    """Persons (as linked then) of the earlier release who are not in this one, and those of them in joint classes below k."""
    row = con.execute(
        f"SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (n < {k:d}), 0) FROM (SELECT class, count(DISTINCT person_then) AS n "
        f"FROM {quoted(one.relation)} e ANTI JOIN {_NOW} a ON a.person = e.person GROUP BY class)"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _links(con: Connection, one: Earlier) -> Links:
    row = con.execute(
        "SELECT count(*), corr(shift, shift_then), corr(position, position_then) FROM (SELECT shift, shift_then, "
        "row_number() OVER (ORDER BY pseudonym) AS position, row_number() OVER (ORDER BY pseudonym_then) AS position_then FROM ("
        "SELECT DISTINCT s.person, e.person_then, s.shift_weeks AS shift, e.shift_then, s.pseudonym, e.pseudonym_then "
        f"FROM {quoted(outcome.SECRET_PERSONS)} s JOIN {quoted(one.relation)} e ON e.person = s.person WHERE NOT s.suppressed))"
    ).fetchone()
    assert row is not None
    persons = int(row[0])
    if persons < CORRELATED_FROM:
        return Links(one.release, persons, 0.0, 0.0)
    return Links(one.release, persons, _correlation(row[1]), _correlation(row[2]))


def _correlation(value: float | None) -> float:
    """Its size; what cannot be told (all shifts alike) counts as wholly linked. Rounded: the order of a sum must not change the evidence."""
    return 1.0 if value is None or math.isnan(value) else round(abs(value), 6)
