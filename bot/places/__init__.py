"""Municipalities of Lombardy: their names in every script, where they are, and how far things lie apart."""

from bot.places.gazetteer import Gazetteer, Match, gazetteer
from bot.places.model import Comune, Place, Point, distance_km

__all__ = ["Comune", "Gazetteer", "Match", "Place", "Point", "distance_km", "gazetteer"]
