"""調査 (survey): the modules of the three parts, their refusals and state tables, and which article each file cites."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import kiban_applications
import kiban_operator
import kiban_processing
from kiban_operator import machine
from kiban_processing import statutes
from kiban_processing.refusals import Ground

PARTS: tuple[ModuleType, ...] = (kiban_processing, kiban_operator, kiban_applications)
ROOT = Path(__file__).resolve().parents[3]
_STATUTES = statutes.__name__
# Alembic's own entry runs a migration when it is imported; the documents describe the rest and not themselves.
_ASIDE = ("kiban_applications.documents", "kiban_applications.migrations.env", "kiban_applications.migrations.versions")


@dataclass(frozen=True)
class Declared:
    """One refusal with the module that declares it."""

    module: str
    ground: Ground


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the three parts, imported, in the order processing, operator, applications."""
    found: list[ModuleType] = []
    for part in PARTS:
        found.append(part)
        for one in pkgutil.walk_packages(part.__path__, f"{part.__name__}."):
            if not one.name.startswith(_ASIDE) and not one.name.endswith("__main__"):
                found.append(importlib.import_module(one.name))
    return tuple(found)


def grounds() -> list[Declared]:
    """Every refusal that is a module's constant, once, by code; the module is the one whose source assigns it."""
    found: dict[int, Declared] = {}
    for module in modules():
        assigned = _assigned(module)
        for name, value in vars(module).items():
            if isinstance(value, Ground) and name in assigned:
                found.setdefault(id(value), Declared(module.__name__, value))
    return sorted(found.values(), key=lambda one: (one.ground.code, one.module))


def state_tables() -> list[tuple[str, machine.Table]]:
    """(module, state table), in the order of the modules."""
    found: dict[str, tuple[str, machine.Table]] = {}
    for module in modules():
        for name, value in vars(module).items():
            if isinstance(value, machine.Table) and name in _assigned(module):
                found.setdefault(value.name, (module.__name__, value))
    return list(found.values())


def citations() -> dict[str, list[str]]:
    """Constant of `statutes` → modules that name it, in order."""
    found: dict[str, list[str]] = {}
    for module in modules():
        if module.__name__ != _STATUTES:
            for name in sorted(set(_cited(_tree(module)))):
                found.setdefault(name, []).append(module.__name__)
    return found


def sentence(module: ModuleType) -> str:
    """What a module is: the first sentence of its file."""
    return (ast.get_docstring(_tree(module)) or "").split("\n\n")[0].replace("\n", " ")


@cache
def _tree(module: ModuleType) -> ast.Module:
    path = module.__file__
    return ast.parse(Path(path).read_text(encoding="utf-8")) if path else ast.Module([], [])


@cache
def _assigned(module: ModuleType) -> frozenset[str]:
    names: set[str] = set()
    for statement in _tree(module).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        names.update(target.id for target in targets if isinstance(target, ast.Name))
    return frozenset(names)


def _cited(tree: ast.Module) -> Iterator[str]:
    """Articles named as `statutes.X`, or imported by name and so used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == _STATUTES:
            yield from (each.name for each in node.names if each.name in statutes.ARTICLES)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "statutes"
            and node.attr in statutes.ARTICLES
        ):
            yield node.attr
