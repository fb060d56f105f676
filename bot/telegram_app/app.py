"""The Telegram edge: every update becomes an Incoming, every Reply a message."""

from __future__ import annotations

import asyncio
import html
import json
import logging
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from telegram import (
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    Message,
    ReplyKeyboardMarkup,
    ReplyParameters,
    Update,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, Forbidden, NetworkError, TelegramError
from telegram.ext import (
    AIORateLimiter,
    Application,
    CallbackQueryHandler,
    ContextTypes,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot.database.leases import Leases
from bot.gateway.deep_links import deep_link
from bot.gateway.gateway import Gateway
from bot.gateway.model import MEDIA, SHARE_LOCATION, Blocked, Incoming, Reply, Unacceptable
from bot.i18n import N_, languages, translations
from bot.i18n.languages import offered
from bot.mediation import topics
from bot.mediation.desk import JOIN
from bot.mediation.mediators import LINK_PREFIX
from bot.mediation.words import TITLE
from bot.settings import Settings, settings

log = logging.getLogger(__name__)
CHANNEL = "telegram"
LONGEST_MESSAGE = 4000  # Telegram takes 4,096 characters; the title and markup need a few
LONGEST_CAPTION = 1000
BUTTONS_PER_ROW = 2
LONG_TITLE = 24  # characters; a longer one has a row to itself
COMMANDS = ["help", "human", "language", "place", "privacy", "stop", "forget"]
WITHOUT_CAPTION = {"sticker", "video_note"}


def build(config: Settings) -> Application:
    """python-telegram-bot's application, without its own polling: updates are stored before they are acknowledged."""
    assert config.telegram_token
    builder = Application.builder().token(config.telegram_token).updater(None)
    builder = builder.base_url(f"{config.telegram_api_url}/bot").base_file_url(f"{config.telegram_api_url}/file/bot")
    return builder.rate_limiter(AIORateLimiter(max_retries=5)).build()


def add_handlers(application: Application, gateway: Gateway) -> None:
    """All that the bot listens to, in one place."""
    application.bot_data["gateway"] = gateway
    private = filters.ChatType.PRIVATE
    if group := settings().staff_group:
        staff = filters.Chat(group)
        application.add_handler(MessageHandler(staff & filters.StatusUpdate.ALL, ignore))
        application.add_handler(MessageHandler(staff & filters.UpdateType.EDITED_MESSAGE, edited))
        application.add_handler(MessageHandler(staff & filters.Regex(r"^/delete\b"), delete))
        application.add_handler(MessageHandler(staff & filters.TEXT, text))
        application.add_handler(MessageHandler(staff & filters.LOCATION, location))
        application.add_handler(MessageHandler(staff, other))
    application.add_handler(MessageHandler(~private & filters.StatusUpdate.NEW_CHAT_MEMBERS, leave_group))
    application.add_handler(MessageHandler(private & filters.UpdateType.EDITED_MESSAGE, edited))
    application.add_handler(MessageHandler(private & filters.COMMAND, command))
    application.add_handler(MessageHandler(private & filters.TEXT, text))
    application.add_handler(MessageHandler(private & filters.LOCATION, location))
    application.add_handler(MessageHandler(private & ~filters.StatusUpdate.ALL, other))
    application.add_handler(CallbackQueryHandler(button))
    application.add_handler(TypeHandler(Update, ignore))
    application.add_error_handler(failed)


async def failed(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Remember that this update was not stored, so that it is not acknowledged; one that never will be is let go."""
    error = context.error
    if isinstance(error, (SQLAlchemyError, OSError, NetworkError)) and not isinstance(error, BadRequest):
        context.bot_data["failed"] = error
    else:
        log.error("an update could not be handled: %s", type(error).__name__)


async def ignore(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Of no concern to the bot."""


async def edited(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """A changed text or caption follows to the other side of a mediation."""
    message = update.edited_message
    assert message
    await _receive(update, context, "edit", message.text or message.caption or "")


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
        if argument.startswith(LINK_PREFIX):
            await _receive(update, context, "payload", JOIN + argument.strip())
            return
        await _receive(update, context, "payload", "/start")
        if target := deep_link(argument.strip()):
            await _receive(update, context, "payload", target, suffix="-link")
    elif name.removeprefix("/") in (*COMMANDS, "delete"):
        await _receive(update, context, "payload", name)
    else:
        await _receive(update, context, "text", update.message.text)


async def delete(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """/delete in the staff group."""
    await _receive(update, context, "payload", "/delete")


async def text(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """A question, or a part of one."""
    assert update.message and update.message.text
    await _receive(update, context, "text", update.message.text)


async def location(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """A shared location; where a person is, is rounded before it is stored."""
    assert update.message and update.message.location
    where = update.message.location
    await _receive(update, context, "location", f"{where.latitude:.6f},{where.longitude:.6f}")


async def other(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Voice, photo, sticker and so on: a mediator gets them, the bot can read only text."""
    message = update.message
    assert message
    for kind in MEDIA:
        if found := getattr(message, kind):
            file = found[-1] if kind == "photo" else found
            body = {"file_id": file.file_id, "caption": message.caption}
            await _receive(update, context, kind, json.dumps(body, ensure_ascii=False))
            return
    if message.contact:
        name = " ".join(filter(None, [message.contact.first_name, message.contact.last_name]))
        await _receive(update, context, "contact", f"{name} {message.contact.phone_number}")
    else:
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
    user, chat, message = update.effective_user, update.effective_chat, update.effective_message
    assert user and chat
    gateway: Gateway = context.bot_data["gateway"]
    # A button's message may itself be a reply, which says nothing about the press.
    answered = message.reply_to_message if message and not update.callback_query else None
    channel, address = CHANNEL, str(chat.id)
    if chat.id == settings().staff_group:
        thread = message.message_thread_id if message else None
        found = await asyncio.to_thread(topics.address_of, thread) if thread else None
        if found is None:
            return  # staff among themselves
        channel, address = topics.CHANNEL, found
    incoming = Incoming(
        channel=channel,
        address=address,
        external_id=f"{update.update_id}{suffix}",
        kind=kind,
        body=body,
        language_hint=user.language_code,
        message_id=message.message_id if message else None,
        reply_to=answered.message_id if answered else None,
        reply_name=name_over(answered) if answered else None,
        author=str(user.id),
    )
    if not await gateway.receive(incoming):
        await _slow_down(update, context)


def name_over(message: Message) -> str | None:
    """The pseudonym in the title of a message that came to a mediator."""
    first = (message.text or message.caption or "").split("\n")[0]
    return first.removeprefix(TITLE)[:32] if first.startswith(TITLE) else None


async def _slow_down(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Nothing is refused unseen; a burst is told once."""
    chat, user = update.effective_chat, update.effective_user
    assert chat and user
    told: dict[int, float] = context.bot_data.setdefault("slowed", {})
    now = asyncio.get_running_loop().time()
    if now - told.get(chat.id, -60) < 10:
        return
    told[chat.id] = now
    tr = translations(offered(user.language_code))
    try:
        await chat.send_message(tr("You write very fast. Wait a minute, please."))
    except TelegramError:
        log.info("somebody could not be asked to slow down")


async def take(application: Application, update: Update) -> None:
    """Handle one update; raises when it could not be stored, and then it must not be acknowledged."""
    application.bot_data.pop("failed", None)
    await application.process_update(update)
    if error := application.bot_data.pop("failed", None):
        raise error


async def poll(application: Application, leases: Leases) -> None:
    """Long polling: an update is acknowledged, by the next call's offset, only after it was stored.

    Telegram answers one poller, so of several gateways the one with the lease polls.
    """
    offset, pause = 0, 1.0
    while True:
        try:
            if not await asyncio.to_thread(leases.take, "telegram poll"):
                offset = 0
                await asyncio.sleep(1)
                continue
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
        "stop": N_("End the conversation with a mediator"),
        "forget": N_("Delete everything"),
    }
    try:
        for code in (None, *languages()):
            tr = translations(code)
            commands = [BotCommand(name, tr(words[name])) for name in COMMANDS]
            await application.bot.set_my_commands(commands, language_code=code)
    except TelegramError as error:
        log.warning("the commands could not be announced: %s", type(error).__name__)


Where = dict[str, Any]  # the chat, and in the staff group the topic


class TelegramChannel:
    """How replies reach people on Telegram."""

    def __init__(self, application: Application) -> None:
        self._bot = application.bot

    async def send(self, address: str, reply: Reply) -> int | None:
        """Deliver one reply, split where Telegram's limit asks for it."""
        try:
            return (await self._send(await self._where(address), reply)).message_id
        except Forbidden as error:
            raise Blocked from error
        except BadRequest as error:
            if "chat not found" in str(error).lower():
                raise Blocked from error
            raise Unacceptable from error

    def _chat(self, address: str) -> int:
        return int(address)

    async def _where(self, address: str) -> Where:
        return {"chat_id": self._chat(address)}

    async def _send(self, where: Where, reply: Reply) -> Message:
        markup = inline_keyboard(reply.buttons)
        answers = ReplyParameters(reply.reply_to, allow_sending_without_reply=True) if reply.reply_to else None
        if reply.venue:
            return await self._bot.send_venue(**where, **reply.venue)
        if reply.media:
            return await self._send_media(where, reply, markup, answers)
        if reply.location:
            if reply.title:
                await self._say(where, "", reply.title, None, None)
            return await self._bot.send_location(
                **where, **reply.location, reply_markup=markup, reply_parameters=answers
            )
        parts = split(reply.text)
        for part in parts[:-1]:
            await self._say(where, part, reply.title if part is parts[0] else None, None, answers)
        title = reply.title if len(parts) == 1 else None
        sent = await self._say(where, parts[-1], title, markup, answers)
        if ask := next((b for b in reply.buttons if b["payload"] == SHARE_LOCATION), None):
            keyboard = [[KeyboardButton(ask["title"], request_location=True)]]
            asking = ReplyKeyboardMarkup(keyboard, resize_keyboard=True, one_time_keyboard=True)
            await self._bot.send_message(**where, text=ask["title"], reply_markup=asking)
        return sent

    async def _send_media(self, where: Where, reply: Reply, markup: Any, answers: ReplyParameters | None) -> Message:
        """By Telegram's file id: the file itself never comes here."""
        assert reply.media
        kind, file_id = reply.media["kind"], reply.media["file_id"]
        send = getattr(self._bot, f"send_{kind}")
        common = {**where, kind: file_id, "reply_markup": markup, "reply_parameters": answers}
        caption = formatted(reply.text, reply.title)
        if kind in WITHOUT_CAPTION or len(caption) > LONGEST_CAPTION:
            if caption:
                await self._say(where, reply.text, reply.title, None, answers)
            return await send(**common)
        return await send(caption=caption or None, parse_mode=ParseMode.HTML, **common)

    async def edit(self, address: str, message_id: int, reply: Reply) -> None:
        """Change a message that was delivered."""
        markup, text = inline_keyboard(reply.buttons), formatted(reply.text, reply.title)
        common: dict[str, Any] = {
            "chat_id": self._chat(address),
            "message_id": message_id,
            "parse_mode": ParseMode.HTML,
        }
        try:
            if reply.media:
                await self._bot.edit_message_caption(caption=text, **common)
            else:
                await self._bot.edit_message_text(
                    text[:4096], reply_markup=markup, disable_web_page_preview=True, **common
                )
        except Forbidden as error:
            raise Blocked from error
        except BadRequest:
            log.debug("a message could not be edited: it is gone, or reads like this already")

    async def delete(self, address: str, message_id: int) -> None:
        """Take a message back; Telegram allows it for 48 hours."""
        try:
            await self._bot.delete_message(self._chat(address), message_id)
        except Forbidden as error:
            raise Blocked from error
        except BadRequest:
            log.debug("a message could not be deleted: it is gone, or too old")

    async def tell(self, address: str, reply: Reply) -> None:
        """On Telegram nothing is kept on our side anyway."""
        await self.send(address, reply)

    async def _say(
        self, where: Where, body: str, title: str | None, markup: Any, answers: ReplyParameters | None
    ) -> Message:
        return await self._bot.send_message(
            **where,
            text=formatted(body, title),
            parse_mode=ParseMode.HTML,
            reply_markup=markup,
            reply_parameters=answers,
            disable_web_page_preview=True,
        )

    async def typing(self, address: str) -> None:
        """The three dots; never an error."""
        try:
            await self._bot.send_chat_action(int(address), ChatAction.TYPING)
        except TelegramError:
            log.debug("typing could not be shown")


class TopicChannel(TelegramChannel):
    """How mediators of a staff group are reached: an address is a referral, and each has its topic."""

    def __init__(self, application: Application, group: int) -> None:
        super().__init__(application)
        self._group = group

    async def send(self, address: str, reply: Reply) -> int | None:
        """Into the topic, which is made when there is none or staff deleted it."""
        if reply.topic:
            await self._end(address, reply.topic)
            return None
        try:
            return await super().send(address, reply)
        except Unacceptable as error:
            if "thread not found" not in str(error.__cause__).lower():
                raise
            await asyncio.to_thread(topics.remember_thread, int(address), None)
            return await super().send(address, reply)

    def _chat(self, address: str) -> int:
        return self._group

    async def _where(self, address: str) -> Where:
        thread, name = await asyncio.to_thread(topics.thread_of, int(address))
        if thread is None:
            thread = (await self._bot.create_forum_topic(self._group, name)).message_thread_id
            await asyncio.to_thread(topics.remember_thread, int(address), thread)
        return {"chat_id": self._group, "message_thread_id": thread}

    async def _end(self, address: str, how: str) -> None:
        thread, _ = await asyncio.to_thread(topics.thread_of, int(address))
        if thread is None:
            return
        try:
            if how == "close":
                await self._bot.close_forum_topic(self._group, thread)
            else:
                await self._bot.delete_forum_topic(self._group, thread)
        except BadRequest:
            log.debug("a topic could not be ended: it is gone, or was closed already")
        if how == "delete":
            await asyncio.to_thread(topics.remember_thread, int(address), None)

    async def typing(self, address: str) -> None:
        """Staff see who answers; nothing is shown."""


def formatted(body: str, title: str | None) -> str:
    """A message in Telegram's HTML."""
    parts = [f"<b>{html.escape(title)}</b>"] if title else []
    return "\n".join(parts + ([html.escape(body)] if body else []))


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
    """Two short buttons to a row; web addresses open, everything else comes back as callback data."""
    keys = []
    for one in buttons:
        payload = one["payload"]
        if payload == SHARE_LOCATION:
            continue
        if payload.startswith("http"):
            keys.append(InlineKeyboardButton(one["title"], url=payload))
        else:
            keys.append(InlineKeyboardButton(one["title"], callback_data=payload))
    rows: list[list[InlineKeyboardButton]] = []
    for key in keys:
        if rows and len(rows[-1]) < BUTTONS_PER_ROW and len(key.text) <= LONG_TITLE >= len(rows[-1][-1].text):
            rows[-1].append(key)
        else:
            rows.append([key])
    return InlineKeyboardMarkup(rows) if rows else None
