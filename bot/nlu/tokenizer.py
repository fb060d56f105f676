"""Tokens by spaCy's rules for the language that the text is written in."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import spacy
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from bot.i18n.identify import identify

EVERY_LANGUAGE = "xx"


@lru_cache
def _rules(language: str) -> Any:
    try:
        return spacy.blank(language).tokenizer
    except ImportError:  # spaCy has no rules of its own for Punjabi
        return spacy.blank(EVERY_LANGUAGE).tokenizer


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class SpacyTokenizer(Tokenizer):
    """Rasa's tokenizer interface over spaCy's blank pipelines, which need no model."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Rasa's own defaults for a tokenizer."""
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_", "token_pattern": None}

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """Words and punctuation, each with its place in the text."""
        text = message.get(attribute)
        language = identify(text) or EVERY_LANGUAGE
        if attribute == "text":
            message.set("language", None if language == EVERY_LANGUAGE else language, add_to_output=True)
        return [Token(token.text, token.idx) for token in _rules(language)(text) if not token.is_space]
