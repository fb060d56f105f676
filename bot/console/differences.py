"""Two versions of a service, field by field and in words."""

from __future__ import annotations

from typing import Any, NamedTuple

from bot.console import forms
from bot.i18n import Translations

GROUP_OF = {"kind": "kinds", "needs": "needs", "audience": "audiences", "cost": "costs", "bring": "documents"}
GROUP_OF |= {"booking": "booking"}


class Difference(NamedTuple):
    """A field's label, and what it says in the one version and in the other."""

    label: str
    before: str
    after: str


def differences(before: dict[str, Any], after: dict[str, Any], tr: Translations) -> list[Difference]:
    """The fields that are not the same."""
    old, new = forms.typed_from(before), forms.typed_from(after)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [Difference(_label(n, tr), _words(n, old.get(n, []), tr), _words(n, new.get(n, []), tr)) for n in names]


def _label(name: str, tr: Translations) -> str:
    if name.startswith("summary."):
        language = tr.language_name(name.removeprefix("summary."))
        return tr("What it does, in one sentence: %(language)s", language=language)
    return tr(forms.LABELS[name]) if name in forms.LABELS else name


def _words(name: str, values: list[str], tr: Translations) -> str:
    fixed = {"scope": forms.SCOPES, "serves": forms.SERVES}.get(name)
    labels = {code: tr(label) for code, label in fixed.items()} if fixed else {}
    if name in GROUP_OF:
        labels = forms.choices(GROUP_OF[name], tr)
    if name == "languages":
        labels = {code: tr.language_name(code) for code in values}
    return ", ".join(labels.get(value, value) for value in values).replace("\n", ", ")
