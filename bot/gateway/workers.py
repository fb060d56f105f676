"""One task per person who has something waiting, and one process per person at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.database.leases import Leases

log = logging.getLogger(__name__)
RETRY_SECONDS = (0.5, 1, 2, 5, 10)
HELD_ELSEWHERE_SECONDS = 1


class Workers:
    """Repeats `step(person_id)` until it returns False; what fails is tried again, ever more slowly."""

    def __init__(self, name: str, step: Callable[[int], Awaitable[bool]], leases: Leases) -> None:
        self._name, self._step, self._leases = name, step, leases
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._woken: set[int] = set()

    def wake(self, person_id: int) -> None:
        """There is something for this person."""
        self._woken.add(person_id)
        if person_id not in self._tasks:
            self._tasks[person_id] = asyncio.create_task(self._run(person_id))

    async def close(self) -> None:
        """Stop; what is unfinished stays in the database."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, person_id: int) -> None:
        lease, failures = f"{self._name}:{person_id}", 0
        try:
            # Who wakes stores first, so a wake during the last step is never missed.
            while person_id in self._woken:
                try:
                    if not await asyncio.to_thread(self._leases.take, lease):
                        await asyncio.sleep(HELD_ELSEWHERE_SECONDS)
                        continue
                    self._woken.discard(person_id)
                    while await self._step(person_id):
                        failures = 0
                    await asyncio.to_thread(self._leases.give_back, lease)
                except Exception as error:
                    log.warning("person %s waits: %s", person_id, type(error).__name__)
                    self._woken.add(person_id)
                    await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                    failures += 1
        finally:
            del self._tasks[person_id]
