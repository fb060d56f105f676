"""The Telegram edge: every update becomes an Incoming, every Reply a message."""

from __future__ import annotations

import asyncio
import html
import logging
from typing import Any

from telegram import (
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
    Update,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, Forbidden, TelegramError
from telegram.ext import (
    AIORateLimiter,
    Application,
    CallbackQueryHandler,
    ContextTypes,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot.catalog.loader import catalog
from bot.gateway.gateway import Gateway
from bot.gateway.model import SHARE_LOCATION, Blocked, Incoming, Reply
from bot.i18n import N_, languages, translations
from bot.i18n.languages import offered
from bot.places import gazetteer
from bot.settings import Settings

log = logging.getLogger(__name__)
CHANNEL = "telegram"
LONGEST_MESSAGE = 4000  # Telegram takes 4,096 characters; the title and markup need a few
BUTTONS_PER_ROW = 2
COMMANDS = ["help", "human", "language", "place", "privacy", "forget"]


def build(settings: Settings) -> Application:
    """python-telegram-bot's application, without its own polling: updates are stored before they are acknowledged."""
    assert settings.telegram_token
    builder = Application.builder().token(settings.telegram_token).updater(None)
    builder = builder.base_url(f"{settings.telegram_api_url}/bot").base_file_url(
        f"{settings.telegram_api_url}/file/bot"
    )
    return builder.rate_limiter(AIORateLimiter(max_retries=5)).build()


def add_handlers(application: Application, gateway: Gateway) -> None:
    """All that the bot listens to, in one place."""
    application.bot_data["gateway"] = gateway
    private = filters.ChatType.PRIVATE
    application.add_handler(MessageHandler(~private & filters.StatusUpdate.NEW_CHAT_MEMBERS, leave_group))
    application.add_handler(MessageHandler(private & filters.UpdateType.EDITED_MESSAGE, ignore))
    application.add_handler(MessageHandler(private & filters.COMMAND, command))
    application.add_handler(MessageHandler(private & filters.TEXT, text))
    application.add_handler(MessageHandler(private & filters.LOCATION, location))
    application.add_handler(MessageHandler(private & ~filters.StatusUpdate.ALL, other))
    application.add_handler(CallbackQueryHandler(button))
    application.add_handler(TypeHandler(Update, ignore))
    application.add_error_handler(failed)


async def failed(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Remember that this update was not stored, so that it is not acknowledged."""
    context.bot_data["failed"] = context.error


async def ignore(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """An edited question was answered as it was; the person can ask again."""


async def leave_group(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """The bot talks to one person at a time: what people need is private."""
    chat = update.effective_chat
    assert chat
    tr = translations(offered(update.effective_user.language_code if update.effective_user else None))
    await chat.send_message(tr("I only answer in private chats. Write to me there."))
    await chat.leave()


async def command(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """/start with a desk or an ambito behind it, and the other commands."""
    assert update.message and update.message.text
    name, _, argument = update.message.text.partition(" ")
    name = name.partition("@")[0].lower()
    if name == "/start":
        await _receive(update, context, "payload", "/start")
        if target := deep_link(argument.strip()):
            await _receive(update, context, "payload", target, suffix="-link")
    elif name.removeprefix("/") in COMMANDS:
        await _receive(update, context, "payload", name)
    else:
        await _receive(update, context, "text", update.message.text)


def deep_link(argument: str) -> str | None:
    """The payload behind a link on a desk's door: a service's id, or an ambito's."""
    if argument in catalog().services:
        return f'/ask_details{{"service":"{argument}"}}'
    comuni = [c for c in gazetteer().comuni.values() if c.ambito and c.ambito in catalog().names_of_ambito(argument)]
    if comuni:
        seat = max(comuni, key=lambda c: c.population)
        return f'/inform_place{{"place":"{seat.code}"}}'
    return None


async def text(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """A question, or a part of one."""
    assert update.message and update.message.text
    await _receive(update, context, "text", update.message.text)


async def location(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """A shared location, rounded to about a hundred metres before anything is stored."""
    assert update.message and update.message.location
    where = update.message.location
    await _receive(update, context, "location", f"{where.latitude:.3f},{where.longitude:.3f}")


async def other(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Voice, photo, sticker and so on: the person hears that only text can be read."""
    await _receive(update, context, "other", "")


async def button(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """A button under one of the bot's messages."""
    query = update.callback_query
    assert query
    await _receive(update, context, "payload", query.data or "")
    try:
        await query.answer()
    except TelegramError:
        log.info("a button could not be acknowledged to Telegram")


async def _receive(update: Update, context: ContextTypes.DEFAULT_TYPE, kind: str, body: str, suffix: str = "") -> None:
    user, chat = update.effective_user, update.effective_chat
    assert user and chat
    gateway: Gateway = context.bot_data["gateway"]
    hint = user.language_code
    await gateway.receive(Incoming(CHANNEL, str(chat.id), f"{update.update_id}{suffix}", kind, body, hint))


async def take(application: Application, update: Update) -> None:
    """Handle one update; raises when it could not be stored, and then it must not be acknowledged."""
    application.bot_data.pop("failed", None)
    await application.process_update(update)
    if error := application.bot_data.pop("failed", None):
        raise error


async def poll(application: Application) -> None:
    """Long polling: an update is acknowledged, by the next call's offset, only after it was stored."""
    offset, pause = 0, 1.0
    while True:
        try:
            for update in await application.bot.get_updates(
                offset=offset, timeout=25, allowed_updates=Update.ALL_TYPES
            ):
                await take(application, update)
                offset = update.update_id + 1
            pause = 1.0
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.warning("Telegram or the database is away (%s); trying again in %.0f s", type(error).__name__, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30)


async def announce(application: Application) -> None:
    """Tell Telegram the commands that people see in the menu; a failure is no reason not to run."""
    words = {
        "help": N_("Menu"),
        "human": N_("A person"),
        "language": N_("Language"),
        "place": N_("My town"),
        "privacy": N_("Privacy"),
        "forget": N_("Delete everything"),
    }
    try:
        for code in (None, *languages()):
            tr = translations(code)
            commands = [BotCommand(name, tr(words[name])) for name in COMMANDS]
            await application.bot.set_my_commands(commands, language_code=code)
    except TelegramError as error:
        log.warning("the commands could not be announced: %s", type(error).__name__)


class TelegramChannel:
    """How replies reach people on Telegram."""

    def __init__(self, application: Application) -> None:
        self._bot = application.bot

    async def send(self, address: str, reply: Reply) -> None:
        """Deliver one reply, split where Telegram's limit asks for it."""
        chat_id = int(address)
        try:
            if reply.venue:
                await self._bot.send_venue(chat_id, **reply.venue)
                return
            parts = split(reply.text)
            for part in parts[:-1]:
                await self._say(chat_id, part, reply.title if part is parts[0] else None, None)
            title = reply.title if len(parts) == 1 else None
            await self._say(chat_id, parts[-1], title, inline_keyboard(reply.buttons))
            if ask := next((b for b in reply.buttons if b["payload"] == SHARE_LOCATION), None):
                keyboard = [[KeyboardButton(ask["title"], request_location=True)]]
                markup = ReplyKeyboardMarkup(keyboard, resize_keyboard=True, one_time_keyboard=True)
                await self._bot.send_message(chat_id, ask["title"], reply_markup=markup)
        except Forbidden as error:
            raise Blocked from error
        except BadRequest as error:
            if "chat not found" in str(error).lower():
                raise Blocked from error
            raise

    async def tell(self, address: str, reply: Reply) -> None:
        """On Telegram nothing is kept on our side anyway."""
        await self.send(address, reply)

    async def _say(self, chat_id: int, body: str, title: str | None, markup: Any) -> None:
        parts = [f"<b>{html.escape(title)}</b>"] if title else []
        parts += [html.escape(body)] if body else []
        await self._bot.send_message(
            chat_id,
            "\n".join(parts),
            parse_mode=ParseMode.HTML,
            reply_markup=markup,
            disable_web_page_preview=True,
        )

    async def typing(self, address: str) -> None:
        """The three dots; never an error."""
        try:
            await self._bot.send_chat_action(int(address), ChatAction.TYPING)
        except TelegramError:
            log.debug("typing could not be shown")


def split(text: str) -> list[str]:
    """Pieces that Telegram takes, cut at line ends where there are any."""
    pieces = []
    while len(text) > LONGEST_MESSAGE:
        at = text.rfind("\n", 1, LONGEST_MESSAGE)
        at = at if at > 0 else LONGEST_MESSAGE
        pieces.append(text[:at])
        text = text[at:].lstrip("\n")
    return [*pieces, text]


def inline_keyboard(buttons: list[dict[str, str]]) -> InlineKeyboardMarkup | None:
    """Two buttons to a row; web addresses open, everything else comes back as callback data."""
    keys = []
    for one in buttons:
        payload = one["payload"]
        if payload == SHARE_LOCATION:
            continue
        if payload.startswith("http"):
            keys.append(InlineKeyboardButton(one["title"], url=payload))
        else:
            keys.append(InlineKeyboardButton(one["title"], callback_data=payload))
    rows = [keys[i : i + BUTTONS_PER_ROW] for i in range(0, len(keys), BUTTONS_PER_ROW)]
    return InlineKeyboardMarkup(rows) if rows else None
