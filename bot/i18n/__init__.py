"""Words: the languages on offer, gettext, plurals, dates, text direction."""

from bot.i18n.languages import SOURCE_LANGUAGE, Language, languages
from bot.i18n.translations import N_, Translations, translations

__all__ = ["N_", "SOURCE_LANGUAGE", "Language", "Translations", "languages", "translations"]
