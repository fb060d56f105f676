"""Intents with their confidences, likeliest first: what Rasa calls an intent ranking."""

from __future__ import annotations

from typing import Any

import numpy as np

Ranking = list[dict[str, Any]]


def ranked(intents: list[str], scores: np.ndarray) -> Ranking:
    """Every intent with the softmax of its score."""
    heat = np.exp(scores - scores.max())
    confidences = heat / heat.sum()
    return [{"name": intents[i], "confidence": float(confidences[i])} for i in np.argsort(-confidences)]
