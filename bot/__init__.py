"""Ponte: a multilingual information chatbot for migrants in Lombardy."""
