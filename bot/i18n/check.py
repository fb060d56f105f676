"""What must hold of a translation: the same placeholders, every plural form, the words that the glossary fixes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from babel.messages import Catalog, Message
from ruamel.yaml import YAML

from bot.i18n.languages import LOCALES

PLACEHOLDER = re.compile(r"%\((\w+)\)([sd])")
Glossary = dict[str, list[str]]


def as_list(text: Any) -> list[str]:
    """The plural forms of a message, or its only one."""
    return list(text) if isinstance(text, (list, tuple)) else [text]


@lru_cache
def glossary(code: str) -> Glossary:
    """English term to the forms that its translation may have."""
    path = LOCALES / code / "glossary.yml"
    listed = YAML(typ="safe").load(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {term: [str(form) for form in forms] for term, forms in listed.items()}


def wrong_placeholders(message: Message) -> bool:
    """Whether a form lacks or invents a %(name)s; "one day" may do without the number."""
    source = as_list(message.id)[-1]
    wanted = set(PLACEHOLDER.findall(source))
    if not wanted and "python-format" not in message.flags:
        return False
    return any(
        {one for one in set(PLACEHOLDER.findall(form)) ^ wanted if one[0] != "count"}
        or "%" in PLACEHOLDER.sub("", form.replace("%%", ""))
        for form in as_list(message.string)
    )


def wrong_forms(message: Message, catalog: Catalog) -> bool:
    """Whether a plural has another number of forms than the language."""
    return len(as_list(message.string)) != (catalog.num_plurals if isinstance(message.id, (list, tuple)) else 1)


def glossary_strays(message: Message, terms: Glossary) -> Iterator[tuple[str, list[str]]]:
    """Terms of the source for which the translation has none of the fixed forms."""
    source = PLACEHOLDER.sub("", as_list(message.id)[-1]).casefold()
    spoken = as_list(message.string)[-1].casefold()
    for term, forms in terms.items():
        if re.search(rf"\b{term}", source) and not any(form.casefold() in spoken for form in forms):
            yield term, forms
