"""Takes what people send, asks mediators or Rasa, and says the answers: in order for each person, never losing one."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection

from bot import trial
from bot.catalog.model import vocabulary
from bot.database.leases import RENEW_SECONDS, Leases
from bot.database.tables import Inbound, Outbound, Person, utc_now
from bot.gateway import people
from bot.gateway.model import SHARE_LOCATION, Blocked, Channel, Incoming, Reply, Unacceptable
from bot.gateway.rasa import Rasa, RasaUnavailable
from bot.gateway.workers import Workers
from bot.i18n import Translations, languages, translations
from bot.i18n.identify import identify
from bot.mediation import clock, desk
from bot.places import Point, gazetteer
from bot.settings import settings

log = logging.getLogger(__name__)
LONGEST_QUESTION = 1000
EMPTY_ANSWERS = 3  # after so many the message itself is at fault
KEEPS_ITS_COPY = {"web", trial.CHANNEL}
_PAYLOAD = re.compile(r'^/[a-z_]+(\{("[a-z]+":"[\w@.,|-]*",?)*\})?$')
_INVISIBLE = re.compile(r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_COMMANDS = {
    "/help": "/help",
    "/human": "/talk_to_human",
    "/language": "/change_language",
    "/privacy": "/privacy",
    "/place": "/ask_place",
}


def clean(text: str) -> str:
    """Without control characters, and no longer than a question is; a leading slash is not a command here."""
    return _INVISIBLE.sub(" ", text)[:LONGEST_QUESTION].strip().lstrip("/").strip()


class Gateway:
    """Two workers for each person who is waiting for something: one answers what came in, one says what goes out."""

    def __init__(self, rasa: Rasa, channels: dict[str, Channel], leases: Leases) -> None:
        self._rasa = rasa
        self._channels = channels
        self._leases = leases
        self._inbox = Workers("inbox", self._answer_next, leases)
        self._outbox = Workers("outbox", self._deliver_next, leases)
        self._away_for: dict[int, int] = {}
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Go on where the last run of the process stopped, and keep time."""
        for beat, seconds in (
            (self._leases.renew, RENEW_SECONDS),
            (people.unfinished, settings().clock_seconds),
            (self._tick, settings().clock_seconds),
        ):
            self._running.append(asyncio.create_task(self._every(seconds, beat)))

    async def _every(self, seconds: float, beat: Callable[[], tuple[set[int], set[int]] | None]) -> None:
        while True:
            try:
                if found := await asyncio.to_thread(beat):
                    self.wake(*found)
            except Exception as error:
                log.warning("%s failed: %s", beat.__name__, type(error).__name__)
            await asyncio.sleep(seconds)

    def _tick(self) -> tuple[set[int], set[int]] | None:
        return (clock.tick(utc_now()), set()) if self._leases.take("clock") else None

    def wake(self, recipients: Collection[int], askers: Collection[int] = ()) -> None:
        """There is something to be said to the first, and something to be answered to the others."""
        for person_id in recipients:
            self._outbox.wake(person_id)
        for person_id in askers:
            self._inbox.wake(person_id)

    async def close(self) -> None:
        """Stop the work; what is unfinished stays in the database."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._inbox.close()
        await self._outbox.close()
        await asyncio.to_thread(self._leases.give_all_back)

    async def receive(self, incoming: Incoming) -> bool:
        """Store what was sent and start to answer it; False when the person writes too fast.

        Raises what the database raises: the channel must then not acknowledge the message.
        """
        if self.too_fast(incoming.channel, incoming.address):
            return False
        person_id = await asyncio.to_thread(people.store, incoming)
        if person_id is not None:
            self._inbox.wake(person_id)
        return True

    def too_fast(self, channel: str, address: str) -> bool:
        """Count something that was written, in whatever way; True when it is more than one may write in a minute."""
        now, recent = time.monotonic(), self._recent[f"{channel}:{address}"]
        while recent and now - recent[0] > 60:
            recent.popleft()
        recent.append(now)
        return len(recent) > settings().messages_per_minute

    async def _answer_next(self, person_id: int) -> bool:
        """What concerns mediation is passed on; everything else is a question for Rasa."""
        looked = await asyncio.to_thread(desk.handle_next, person_id)
        if looked is None:
            return False
        if looked.is_done:
            self.wake(looked.recipients)
        elif batch := await self._next_question(person_id):
            await self._answer(person_id, batch)
        return True

    async def _next_question(self, person_id: int) -> list[Inbound] | None:
        """The oldest unanswered message; texts that follow each other quickly are one question."""
        waiting = await asyncio.to_thread(people.waiting, person_id)
        if not waiting:
            return None
        if waiting[0].kind != "text":
            return waiting[:1]
        while True:
            await asyncio.sleep(settings().quiet_seconds)
            now_waiting = await asyncio.to_thread(people.waiting, person_id)
            if len(now_waiting) == len(waiting) or now_waiting[-1].kind != "text":
                break
            waiting = now_waiting
        texts = []
        for message in now_waiting:
            if message.kind != "text":
                break
            texts.append(message)
        return texts or None

    async def _answer(self, person_id: int, batch: list[Inbound]) -> None:
        person = await asyncio.to_thread(people.person, person_id)
        if person is None:
            return
        if batch[0].kind == "payload" and batch[0].body == "/forget":
            tr = translations(person.language)
            self.wake(await asyncio.to_thread(people.forget, person_id))
            self._away_for.pop(person_id, None)
            deleted = tr("Everything about you is deleted. You can write again at any time.")
            await self._tell(person, Reply(deleted, language=tr.code))
            return
        await self._channels[person.channel].typing(person.address)
        replies = await self._reply(person, batch)
        ids = [message.id for message in batch]
        if await asyncio.to_thread(people.answered, person_id, ids, replies):
            self.wake({person_id})

    async def _tell(self, person: Person, reply: Reply) -> None:
        try:
            await self._channels[person.channel].tell(person.address, reply)
        except Exception as error:
            log.warning("person %s could not be told: %s", person.id, type(error).__name__)

    async def _reply(self, person: Person, batch: list[Inbound]) -> list[Reply]:
        message = batch[0]
        if message.kind == "text":
            text = clean("\n".join(m.body for m in batch))
            language = await self._language_for(person, text)
            tr = translations(language)
            if not any(c.isalnum() for c in text):
                return [self._not_text(tr)]
            return await self._ask(person, text, language)
        tr = translations(person.language)
        if message.kind == "location":
            latitude, longitude = (float(n) for n in message.body.split(","))
            place = gazetteer().nearest(Point(latitude, longitude))
            return await self._ask(person, f'/inform_place{{"place":"{place.code}"}}', person.language)
        if message.kind == "payload" and _PAYLOAD.match(message.body):
            return await self._press(person, message.body, tr)
        return [self._not_text(tr)]

    async def _press(self, person: Person, payload: str, tr: Translations) -> list[Reply]:
        if payload.startswith("/set_language"):
            code = json.loads(payload.removeprefix("/set_language") or "{}").get("language")
            if code in languages():
                await asyncio.to_thread(people.set_language, person.id, code, True)
                return await self._ask(person, payload, code)
        if payload == "/start":
            return [self._welcome(tr)]
        if payload == "/ask_place":
            text = tr("In which town do you live? Write its name or share your location.")
            return [
                Reply(
                    text,
                    buttons=[{"title": "📍 " + tr("Share my location"), "payload": SHARE_LOCATION}],
                    language=tr.code,
                )
            ]
        if payload.startswith(("/restart", "/session_start", "/nlu_fallback")):
            return []
        return await self._ask(person, _COMMANDS.get(payload, payload), tr.code)

    async def _ask(self, person: Person, text: str, language: str) -> list[Reply]:
        """Ask Rasa; while it is away say so once. Raises RasaUnavailable: the worker tries again."""
        attempt = self._away_for.get(person.id, 0)
        try:
            replies = await self._rasa.ask(person.key, text, language)
            if not replies and attempt < EMPTY_ANSWERS:
                raise RasaUnavailable  # without its model, Rasa answers with nothing and success
        except RasaUnavailable:
            self._away_for[person.id] = attempt + 1
            if attempt == 1:
                await self._tell(person, self._away(translations(language)))
            raise
        self._away_for.pop(person.id, None)
        return replies or [self._failed(translations(language))]

    async def _language_for(self, person: Person, text: str) -> str:
        """The chosen language, unless the person plainly switched: then the text's, from now on."""
        written = identify(gazetteer().without_places(text), person.language)
        if written is None or written == person.language:
            return person.language
        if person.language_chosen:
            return written if written != "it" else person.language
        await asyncio.to_thread(people.set_language, person.id, written, False)
        return written

    async def _deliver_next(self, person_id: int) -> bool:
        """Say the next thing. What is known to be said is never said again; after a crash the last one may be."""
        found = await asyncio.to_thread(people.next_unsent, person_id)
        if found is None:
            return False
        message, person, target = found
        channel = self._channels[person.channel]
        try:
            message_id = await self._act(channel, person.address, message, target)
        except Blocked:
            log.info("person %s cannot be reached any more", person_id)
            self.wake(await asyncio.to_thread(people.left, person_id))
            return False
        except Unacceptable:
            log.warning("a message to person %s was refused", person_id)
            self.wake(await asyncio.to_thread(people.refused, message))
            return True
        keep = person.channel in KEEPS_ITS_COPY
        if not await asyncio.to_thread(people.mark_sent, message, message_id, keep) and message_id:
            await channel.delete(person.address, message_id)
        return True

    @staticmethod
    async def _act(channel: Channel, address: str, message: Outbound, target: int | None) -> int | None:
        reply = Reply(**{**message.body, "reply_to": target})
        if message.act == "say":
            return await channel.send(address, reply)
        if target and message.act == "edit":
            await channel.edit(address, target, reply)
        if target and message.act == "delete":
            await channel.delete(address, target)
        return None

    @staticmethod
    def _not_text(tr: Translations) -> Reply:
        text = tr("I can read only text. Write what you need in a few words, or choose from the menu.")
        buttons = [
            {"title": "📋 " + tr("Menu"), "payload": "/help"},
            {"title": "🙋 " + tr("A person"), "payload": "/talk_to_human"},
        ]
        return Reply(text, buttons=buttons, language=tr.code)

    @staticmethod
    def _failed(tr: Translations) -> Reply:
        return Reply(tr("Something went wrong on my side. Please write it again."), language=tr.code)

    @staticmethod
    def _away(tr: Translations) -> Reply:
        number = tr.isolate(vocabulary().needs["emergency"]["numbers"][0])
        text = tr("I cannot answer right now, but your message is kept and I will answer as soon as I can.")
        return Reply(text + "\n" + tr("In danger call %(number)s now.", number=number), language=tr.code)

    @staticmethod
    def _welcome(tr: Translations) -> Reply:
        text = tr(
            "Hello! I am Ponte, a bot. I tell you which office or help desk near you can help."
            " Write what you need and the town where you live."
        )
        buttons = [
            {"title": one.name, "payload": f'/set_language{{"language":"{one.code}"}}'} for one in languages().values()
        ]
        return Reply(text, buttons=[*buttons, {"title": "📋 " + tr("Menu"), "payload": "/help"}], language=tr.code)
