"""Serves without TensorFlow: Rasa imports it for classifiers and policies that this assistant does not use.

It costs 250 MB of memory and six seconds at every start. Only the serving process leaves it out, and only while
config.yml names nothing that needs it; `rasa train`, `rasa test` and `rasa shell` load it as usual.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from ruamel.yaml import YAML

LEFT_OUT = {"tensorflow", "keras", "tensorflow_addons", "tensorflow_hub"}
NEEDS_NO_TENSORFLOW = {"RulePolicy", "MemoizationPolicy"}


class _Names(type):
    """Any attribute of an absent class is another absent class."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Names(name, (Absent,), {})


class Absent(metaclass=_Names):
    """Stands where a class, decorator or constant of TensorFlow is named while Rasa's modules load."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, decorated: Any = None, *args: Any, **kwargs: Any) -> Any:
        return decorated


class _AbsentModule(ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(Absent, name)


class _AbsentFinder(MetaPathFinder, Loader):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] in LEFT_OUT else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def is_needed(config: Path) -> bool:
    """Whether config.yml names a component of Rasa's own that may build on TensorFlow."""
    parts = YAML(typ="safe").load(config.read_text(encoding="utf-8"))
    names = {part["name"] for part in [*parts["pipeline"], *parts["policies"]]}
    return any(not name.startswith("bot.") for name in names - NEEDS_NO_TENSORFLOW)


def leave_out() -> None:
    """To be called before Rasa is imported."""
    sys.meta_path.insert(0, _AbsentFinder())
