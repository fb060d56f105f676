"""The codes of mediation: skills, outcomes, ready-made phrases; and what follows from a need."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML

from bot.catalog.model import vocabulary

Labels = dict[str, str]
#: What a mediator may close with; the others are set by the person or the clock.
CHOSEN_OUTCOMES = ("answered", "sent_to_desk", "accompanied", "no_service", "no_answer", "not_needed", "abuse")
#: Needs for which a person is offered a mediator without asking.
SENSITIVE = {"violence_help", "trafficking_help", "unaccompanied_minors", "legal_aid", "mental_health", "asylum"}
#: Languages that many speakers of a language also know, the likeliest first; all may know some Italian.
BRIDGES: dict[str, tuple[str, ...]] = {
    "ar": ("fr", "en"),
    "bn": ("en", "hi"),
    "ff": ("fr",),
    "bm": ("fr",),
    "fr": ("en",),
    "hi": ("en", "ur", "pa"),
    "pa": ("hi", "ur", "en"),
    "pt": ("es",),
    "ro": ("en",),
    "ru": ("uk",),
    "si": ("en",),
    "so": ("ar", "en"),
    "ti": ("am", "en"),
    "am": ("en",),
    "tl": ("en",),
    "uk": ("ru", "en"),
    "ur": ("hi", "pa", "en"),
    "wo": ("fr",),
}
_SKILL_OF_NEED = {
    "legal_aid": "legal",
    "asylum": "legal",
    "citizenship": "legal",
    "residence_permit": "legal",
    "family_reunification": "legal",
    "discrimination": "legal",
    "family_clinic": "women",
    "violence_help": "violence",
    "trafficking_help": "violence",
    "unaccompanied_minors": "minors",
}
_SKILL_OF_TOPIC = {"education": "school", "health": "health", "work_and_money": "work"}


@lru_cache
def codes() -> dict[str, Labels]:
    """Group, code and English label."""
    source = YAML(typ="safe").load((Path(__file__).parent / "codes.yml").read_text(encoding="utf-8"))
    return {group: {code: entry["label"] for code, entry in entries.items()} for group, entries in source.items()}


def skill_for(need: str | None) -> str | None:
    """The skill that a need asks for, if any."""
    if need is None:
        return None
    return _SKILL_OF_NEED.get(need) or _SKILL_OF_TOPIC.get(vocabulary().needs[need]["topic"])


def bridges(language: str) -> tuple[str, ...]:
    """Languages through which a mediator may still be understood; Italian is always the last of them."""
    return tuple(code for code in (*BRIDGES.get(language, ()), "it") if code != language)
