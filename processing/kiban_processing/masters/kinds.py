"""マスターの種類 (master kinds): what a kind of code master is made of: columns, how they are found in a file, and what must hold of a row."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.catalogue import arrow, tables
from kiban_processing.catalogue.items import Item, Kind, ValueType
from kiban_processing.formats import values
from kiban_processing.formats.findings import ROW, Rule
from kiban_processing.language import Text

_DOT = (r"^([A-Z][0-9]{2})([0-9]{1,3})$", r"\1.\2")

CODE_TWICE = Rule(
    "code-twice",
    ROW,
    Text("同じコードが、別の意味で前の行にもあります。", "An earlier row gives the same code another meaning."),
    Text(
        "二つの版が混ざっていないか確かめ、一つの版だけのファイルを取り込んでください。",
        "Check whether two versions were put together, and load a file of one version.",
    ),
)
NOT_A_TREE = Rule(
    "not-a-tree",
    ROW,
    Text("上位コードが表にないか、上位をたどると元に戻ります。", "The wider code is not listed, or leads back to the code itself."),
    Text("上位コードの列を確かめてください。最上位では空欄にします。", "Check the column of wider codes; it is empty at the top."),
)


@dataclass(frozen=True)
class Field:
    """One column. `position`: from 1, in files without header; `headers`: names in files with one, besides `name`.

    `like`: an item of the catalogue whose form the values have. `kept` False: checked, not stored. `dotted`: an ICD-10 code gets its dot
    after the third character, blocks and chapters stay.
    """

    name: str
    label: Text
    position: int | None = None
    headers: tuple[str, ...] = ()
    like: str | None = None
    type: ValueType = ValueType.CODE
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    kept: bool = True
    dotted: bool = False

    @property
    def item(self) -> Item:
        """The item by which a value is judged and brought to one form (`formats.values`)."""
        if self.like is not None:
            return tables.named(self.like)
        return Item(self.name, self.label, Kind.PLAIN_VALUE, self.type, pattern=self.pattern, choices=self.choices)

    def read(self, texts: pa.Array) -> values.Typed:
        """The typed column of an array of cells without nulls."""
        typed = values.Column(self.item).read(texts)
        return values.Typed(pc.replace_substring_regex(typed.values, *_DOT), typed.rules) if self.dotted else typed

    def read_code(self, text: str) -> str | None:
        """A code as the column holds it, None where it has not the column's form; small letters are read too."""
        code: str | None = self.read(pa.array([text.upper()], pa.string())).values[0].as_py()
        return code

    def is_called(self, header: str) -> bool:
        return simplified(header) in {simplified(name) for name in (self.name, *self.headers)}


@dataclass(frozen=True)
class Misfit:
    """One row, counted from 0, that breaks a rule on a column."""

    row: int
    column: str
    rule: Rule


@dataclass(frozen=True)
class MasterKind:
    """One kind. `width`: the fewest columns of a row in a file without header (later layouts add columns at the end); None: the file has a header.

    `key`: what names a row; two rows of one key must say the same. `found_by`: columns in which a code is looked up. `check`: what must
    hold between rows.
    """

    name: str
    label: Text
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    found_by: tuple[str, ...]
    width: int | None = None
    check: Callable[[pa.Table], list[Misfit]] | None = None

    @property
    def kept(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field.kept)

    @property
    def schema(self) -> pa.Schema:
        """The columns as stored."""
        return pa.schema([pa.field(field.name, arrow.field(field.item).type) for field in self.kept])


def simplified(header: str) -> str:
    """A column's name in one width and case, without blanks.

    >>> simplified(" ＪＬＡＣ１０ コード")
    'jlac10コード'
    """
    return "".join(unicodedata.normalize("NFKC", header).split()).casefold()
