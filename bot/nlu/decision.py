"""What to do with a ranking: answer, ask which of the likeliest was meant, and never overlook danger."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.training_data.message import Message

from bot.catalog.ages import is_only_an_age
from bot.catalog.model import vocabulary

FALLBACK, AGE, OUT_OF_SCOPE = "nlu_fallback", "inform_age", "out_of_scope"
RANKING_LENGTH = 10


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class IntentDecision(GraphComponent, IntentClassifier):
    """Dangers need `urgent` between them to be heard; anything else needs `sure`, or becomes nlu_fallback.

    What is not our subject needs only `outside`, unless something else is `certain`.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._sure: float = config["sure"]
        self._urgent: float = config["urgent"]
        self._outside: float = config["outside"]
        self._certain: float = config["certain"]
        self._urgent_needs = set(vocabulary().urgent_needs)

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Confidences between 0 and 1."""
        return {"sure": 0.5, "urgent": 0.2, "outside": 0.5, "certain": 0.8}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> IntentDecision:
        """Nothing to load."""
        return cls(config)

    def process(self, messages: list[Message]) -> list[Message]:
        """Replace `intent` where the ranking asks for it, or where an age is all that was written."""
        for message in messages:
            ranking = message.get("intent_ranking")
            intent = self.decide(ranking)
            if is_only_an_age(message.get("text") or ""):
                intent = {"name": AGE, "confidence": 1.0}
            message.set("intent", intent, add_to_output=True)
            message.set("intent_ranking", ranking[:RANKING_LENGTH], add_to_output=True)
        return messages

    def decide(self, ranking: list[dict[str, Any]]) -> dict[str, Any]:
        """The intent to act on."""
        urgent = [intent for intent in ranking if intent["name"] in self._urgent_needs]
        if urgent and sum(intent["confidence"] for intent in urgent) >= self._urgent:
            return urgent[0]
        best = ranking[0]
        if best["confidence"] >= self._certain:
            return best
        for intent in ranking:
            if intent["name"] == OUT_OF_SCOPE and intent["confidence"] >= self._outside:
                return intent
        return best if best["confidence"] >= self._sure else {"name": FALLBACK, "confidence": 1.0 - best["confidence"]}
