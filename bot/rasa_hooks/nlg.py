"""Rasa's own sentences, said in the person's language."""

from __future__ import annotations

from typing import Any

from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot.demand import counting
from bot.i18n import translations
from bot.places import gazetteer
from bot.rasa_hooks.language import language_of
from bot.trial import is_trial


class GettextNLG(TemplatedNaturalLanguageGenerator):
    """Takes the source text of a response from domain.yml and translates it by gettext."""

    def __init__(self, endpoint_config: EndpointConfig, domain: Domain) -> None:
        # Rasa makes this before it has loaded the model's domain, and sets `responses` later.
        super().__init__(domain.responses)

    async def generate(
        self, utter_action: str, tracker: DialogueStateTracker, output_channel: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """The response with its text and button titles translated."""
        response = await super().generate(utter_action, tracker, output_channel, **kwargs)
        if response is None:
            return None
        latest = tracker.latest_message
        metadata, parsed = (latest.metadata, latest.parse_data) if latest else (None, None)
        tr = translations(language_of(metadata, tracker.get_slot("language"), parsed))
        for part, name in [(response, "text"), *((button, "title") for button in response.get("buttons") or [])]:
            source = part[name]
            part[name] = tr(source)
        if utter_action == "utter_out_of_scope" and not is_trial(tracker.sender_id):
            place = gazetteer().place(tracker.get_slot("place") or "")
            counting.count(None, tr.code, place.comune.ambito if place else None, counting.OUT_OF_SCOPE)
        return response
