"""Rasa's REST channel, seen from the gateway."""

from __future__ import annotations

from typing import Any

import httpx

from bot.gateway.model import Reply


class RasaUnavailable(Exception):
    """Rasa or the action server cannot answer now."""


class Rasa:
    """One HTTP client for all conversations."""

    def __init__(self, url: str, actions_url: str) -> None:
        self._url = url
        self._actions_url = actions_url
        # trust_env off: a proxy named in the environment must never see what people write.
        self._client = httpx.AsyncClient(timeout=60, trust_env=False)

    async def ask(self, key: str, text: str, language: str) -> list[Reply]:
        """Send one message of the person known as `key`; raises RasaUnavailable."""
        await self._actions_alive()
        message = {"sender": key, "message": text, "metadata": {"language": language}}
        try:
            response = await self._client.post(f"{self._url}/webhooks/rest/webhook", json=message)
            response.raise_for_status()
            return [reply_of(said, language) for said in response.json()]
        except (httpx.HTTPError, ValueError) as error:
            raise RasaUnavailable from error

    async def _actions_alive(self) -> None:
        """Rasa answers nothing at all, and with success, when its action server is down; so ask that first."""
        try:
            (await self._client.get(f"{self._actions_url}/health", timeout=5)).raise_for_status()
        except httpx.HTTPError as error:
            raise RasaUnavailable from error

    async def is_ready(self) -> bool:
        """Whether Rasa has its model and the action server answers."""
        try:
            await self._actions_alive()
            return (await self._client.get(f"{self._url}/", timeout=2)).is_success
        except (RasaUnavailable, httpx.HTTPError):
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def reply_of(said: dict[str, Any], language: str) -> Reply:
    """One entry of Rasa's answer; a first line between ** is the title."""
    text, title = said.get("text", ""), None
    if text.startswith("**"):
        first, _, rest = text.partition("\n")
        title, text = first.strip("*"), rest
    venue = (said.get("custom") or {}).get("venue")
    return Reply(text=text, title=title, buttons=said.get("buttons") or [], venue=venue, language=language)
