"""The municipality that a message names, as an entity `place` whose value is an ISTAT code."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.places import gazetteer

PLACE_SPANS = "place_spans"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class PlaceExtractor(GraphComponent, EntityExtractorMixin):
    """Looks names up in the gazetteer; a name of several comuni gives their codes joined by "|"."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> PlaceExtractor:
        """Nothing to load: the gazetteer is data of the catalogue."""
        return cls()

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Mark where the examples name a place, so that the classifier learns meaning and not geography."""
        for example in training_data.intent_examples:
            self._mark(example)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the last place named: "not Lodi, Milano" means Milano."""
        for message in messages:
            matches = self._mark(message)
            if matches:
                last = matches[-1]
                entity = {"entity": "place", "start": last.start, "end": last.end, "value": "|".join(last.codes)}
                entities = self.add_extractor_name([entity])
                message.set("entities", message.get("entities", []) + entities, add_to_output=True)
        return messages

    @staticmethod
    def _mark(message: Message) -> list[Any]:
        text = message.get("text") or ""
        matches = [] if text.startswith("/") else gazetteer().find(text)
        message.set(PLACE_SPANS, [(m.start, m.end) for m in matches])
        return matches
