"""One guide written for a person, part by part, in their language."""

from __future__ import annotations

from collections.abc import Iterable

from bot.catalog.model import Guide, Sentence, Source, vocabulary
from bot.i18n import Translations

FEW_STEPS = 4
SITES_NAMED = 2


def opening(guide: Guide, tr: Translations) -> str:
    """What it is and, when they are few, the steps."""
    steps = guide.steps if steps_are_few(guide) else []
    lines = [*_said(guide.what, tr), *_numbered(steps, tr)]
    return "\n".join([*lines, _origin(guide, [*guide.what, *steps], tr)])


def steps_are_few(guide: Guide) -> bool:
    """Whether the opening holds all the steps."""
    return len(guide.steps) <= FEW_STEPS


def how(guide: Guide, tr: Translations) -> str:
    """Who can, the steps, how long it takes."""
    lines = [f"👤 {line}" for line in _said(guide.who, tr)]
    lines += _numbered(guide.steps, tr)
    lines += [f"⏳ {line}" for line in _said(guide.time, tr)]
    return "\n".join([*lines, _origin(guide, [*guide.who, *guide.steps, *guide.time], tr)])


def bring(guide: Guide, tr: Translations) -> str:
    """What to bring, or that it is not known."""
    if guide.bring is None:
        return bring_unknown(tr)
    names = [tr(vocabulary().label("documents", code)) for code in guide.bring.documents]
    lines = ["🎒 " + tr.isolate_latin(tr("Bring: %(documents)s.", documents=tr.join(names)))]
    return "\n".join([*lines, _origin(guide, [guide.bring.source], tr)])


def cost_and_time(guide: Guide, tr: Translations) -> str:
    """What it costs, or that this is not known, and how long it takes."""
    lines = [f"💶 {line}" for line in _said(guide.cost, tr) or [cost_unknown(tr)]]
    lines += [f"⏳ {line}" for line in _said(guide.time, tr)]
    stated = [*guide.cost, *guide.time]
    return "\n".join([*lines, _origin(guide, stated, tr)] if stated else lines)


def beware(guide: Guide, tr: Translations) -> str:
    """What goes wrong easily."""
    lines = [f"⚠️ {line}" for line in _said(guide.beware, tr)]
    return "\n".join([*lines, _origin(guide, guide.beware, tr)])


def bring_unknown(tr: Translations) -> str:
    """That neither a desk nor a guide says what to bring."""
    return tr("I do not know what to bring. Ask the desk; an identity document and your permit are always useful.")


def cost_unknown(tr: Translations) -> str:
    """That neither a desk nor a guide says what it costs."""
    return tr("I do not know what it costs. Ask the desk.")


def _said(sentences: list[Sentence], tr: Translations) -> list[str]:
    lines = []
    for sentence in sentences:
        text = tr.isolate_latin(tr(sentence.text))
        lines.append(f"{text} ({tr.isolate(str(sentence.year))})" if sentence.year else text)
    return lines


def _numbered(sentences: list[Sentence], tr: Translations) -> list[str]:
    return [f"{number}. {line}" for number, line in enumerate(_said(sentences, tr), 1)]


def _origin(guide: Guide, stated: Iterable[Sentence | str], tr: Translations) -> str:
    """The sites that the sentences come from, the newest first, each with its year; then: ask the desk."""
    names = dict.fromkeys(one.source if isinstance(one, Sentence) else one for one in stated)
    sources = sorted((guide.sources[name] for name in names), key=lambda source: source.date or "", reverse=True)
    sites = list(dict.fromkeys(_site(source, tr) for source in sources))
    named = tr.join(sites[:SITES_NAMED] + ["…"] * (len(sites) > SITES_NAMED))
    return "ℹ️ " + tr("Sources: %(sources)s. Ask the desk: rules change.", sources=named)


def _site(source: Source, tr: Translations) -> str:
    host = source.url.split("/")[2].removeprefix("www.")
    when = tr.isolate(source.date[:4]) if source.date else tr("no date")
    return f"{tr.isolate(host)} ({when})"
