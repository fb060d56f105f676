"""Rasa's own sentences, said in the person's language."""

from __future__ import annotations

import copy
from typing import Any

from rasa.core.nlg.generator import NaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot.i18n import translations
from bot.rasa_hooks.language import language_of


class GettextNLG(NaturalLanguageGenerator):
    """Takes the source text of a response from domain.yml and translates it by gettext."""

    def __init__(self, endpoint_config: EndpointConfig, domain: Domain) -> None:
        self._responses = domain.responses

    async def generate(
        self, utter_action: str, tracker: DialogueStateTracker, output_channel: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """The first variation of the response, its text and button titles translated."""
        variations = self._responses.get(utter_action)
        if not variations:
            return None
        response = copy.deepcopy(variations[0])
        latest = tracker.latest_message
        tr = translations(
            language_of(
                latest.metadata if latest else None, tracker.get_slot("language"), latest.parse_data if latest else None
            )
        )
        response["text"] = tr(response["text"])
        for button in response.get("buttons") or []:
            button["title"] = tr(button["title"])
        return response
