"""Draws the pictures of the mediators' guide: `python -m docs.images.mediators`, in the project's folder.

The real gateway speaks with the tests' Bot API server; what it sent to a mediator's chat is drawn as on a phone.
"""

from __future__ import annotations

import random
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from playwright.sync_api import sync_playwright

from bot.fonts import FOLDER as FONTS
from bot.i18n import translations
from bot.mediation.codes import codes
from tests.conftest import chromium
from tests.mediation import NUMBERS, Chat, MediationBot, eventually, mediation_bot

HERE = Path(__file__).parent
WIDTH = 360
VERDE_31 = 11795  # with this seed the person gets the made-up name of which the guide speaks
OWN_WORDS = "تصريح إقامتي ينتهي بعد شهر. أين أجدده؟"
SHOWN = ["sportello-stranieri-lodi", "questura-lodi"]
Json = dict[str, Any]


@dataclass
class Phone:
    """A mediator's chat with everything that stands in it, as the newest edit left it."""

    chat: Chat
    own: dict[int, str] = field(default_factory=dict)
    drawn_to: int = 0

    def says(self, text: str) -> None:
        """Write something that goes to a person."""
        self.own[self.chat.says(text)] = text

    def presses(self, data: str, then: str) -> None:
        """Press a button once it is there; `then` is the English source of what the bot answers."""
        eventually(
            lambda: any(data in str(m.get("reply_markup")) for m in self.chat.bot.telegram.messages(self.chat.id))
        )
        self.chat.presses(data)
        self.waits_for(then)

    def waits_for(self, source: str) -> None:
        """Until the bot has said this; a placeholder in the source stands for anything."""
        words = translations("it")(source)
        self.chat.hears(re.sub(r"%\\\(\w+\\\)s", ".*", re.escape(words)))

    def new_messages(self) -> list[Json]:
        """What came since the last time, oldest first."""
        found: dict[int, Json] = {m["message_id"]: drawable(m) for m in self.chat.bot.telegram.messages(self.chat.id)}
        found |= {number: {"own": True, "lines": lines_of(text, [])} for number, text in self.own.items()}
        fresh = sorted(number for number in found if number > self.drawn_to)
        self.drawn_to = fresh[-1]
        return [found[number] for number in fresh]


def drawable(message: Json) -> Json:
    """A message of the bot as the template takes it."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return {
        "lines": lines_of(message["text"], message.get("entities", [])),
        "rows": [[button["text"] for button in row] for row in rows],
    }


def lines_of(text: str, entities: list[Json]) -> list[list[tuple[str, bool]]]:
    """Lines of pieces, each bold or not; Telegram counts in UTF-16."""
    coded, pieces, at = text.encode("utf-16-le"), [], 0
    for entity in (e for e in entities if e["type"] == "bold"):
        start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
        pieces += [(coded[at:start], False), (coded[start:end], True)]
        at = end
    lines: list[list[tuple[str, bool]]] = [[]]
    for piece, is_bold in [*pieces, (coded[at:], False)]:
        first, *others = piece.decode("utf-16-le").split("\n")
        lines[-1].append((first, is_bold))
        lines += [[(other, is_bold)] for other in others]
    return lines


def scenes(bot: MediationBot) -> dict[str, list[Json]]:
    """One request from the invitation to the end: the name of each picture and the messages in it."""
    phone = Phone(Chat(bot, next(NUMBERS), "it"))
    invitation = re.search(r"start=(\S+)", bot.cli("mediators", "invite", "Amina", "--languages", "ar,it"))
    assert invitation
    phone.chat.says(f"/start {invitation[1]}")
    phone.waits_for("You are off duty.")
    phone.presses("m:duty:on", "You are on duty.")
    found = {"menu": phone.new_messages()[-1:]}

    person = bot.person("ar", refer=False)
    number = person.refer(own_words=OWN_WORDS, shown=SHOWN)
    phone.waits_for("New request: %(name)s")
    found["request"] = phone.new_messages()

    phone.presses(f"m:take:{number}", "What you write now goes to this person.")
    person.says("السلام عليكم. ذهبت إلى البريد وأعطوني إيصالا.")
    phone.chat.hears("البريد")
    phone.says("وعليكم السلام، أنا أمينة. متى ذهبت إلى البريد؟")
    person.hears("أمينة")
    person.says("يوم الاثنين.")
    phone.chat.hears("الاثنين")
    found["conversation"] = phone.new_messages()

    phone.presses(f"m:phrases:{number}", "Choose what to say; the person reads it in their language:")
    phone.presses(f"m:say:{number}:photo", codes()["phrases"]["photo"])
    found["phrases"] = phone.new_messages()

    phone.presses(f"m:close:{number}", "How did it end?")
    phone.presses(f"m:end:{number}:sent_to_desk", "Closed: %(outcome)s.")
    found["closing"] = phone.new_messages()
    assert bot.telegram.errors == []
    return found


def draw(pictures: dict[str, list[Json]]) -> None:
    """Write docs/images/mediators-*.png."""
    template = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True).get_template("chat.html")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1})
        for name, messages in pictures.items():
            html = Path(folder) / f"{name}.html"
            html.write_text(template.render(messages=messages, fonts=FONTS.as_uri()), encoding="utf-8")
            page.goto(html.as_uri())
            page.evaluate("document.fonts.ready")
            page.screenshot(path=HERE / f"mediators-{name}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    random.seed(VERDE_31)
    with tempfile.TemporaryDirectory() as state, mediation_bot(Path(state)) as running:
        draw(scenes(running))
