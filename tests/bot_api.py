"""A strict Telegram Bot API server on loopback: what Telegram would refuse, it refuses."""

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

Json = dict[str, Any]

TOKEN = "123456:TEST"
BOT = {"id": 123456, "is_bot": True, "first_name": "Ponte", "username": "ponte_test_bot"}
#: Methods that send a file by its id, the parameter that holds it, and whether they take a caption.
FILES = {
    "sendPhoto": ("photo", True), "sendVoice": ("voice", True), "sendDocument": ("document", True),
    "sendAudio": ("audio", True), "sendVideo": ("video", True), "sendAnimation": ("animation", True),
    "sendVideoNote": ("video_note", False), "sendSticker": ("sticker", False),
}  # fmt: skip
SEND_METHODS = {
    "sendMessage", "editMessageText", "editMessageReplyMarkup", "editMessageCaption", "sendVenue", "sendLocation",
    "deleteMessage", *FILES,
}  # fmt: skip
CHAT_ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
}  # fmt: skip
ENTITY_TYPES = {
    "b": "bold", "i": "italic", "u": "underline", "s": "strikethrough", "a": "text_link", "code": "code",
    "pre": "pre", "tg-spoiler": "spoiler", "blockquote": "blockquote",
}  # fmt: skip
TAG = re.compile(r"""<(/?)([a-zA-Z][\w-]*)((?:\s+[\w-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+))?)*)\s*>""")
HREF = re.compile(r"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|(\S+))""")
# Telegram knows only these named entities and leaves any other as it stands.
CHARACTER = re.compile(r"&(?:(lt|gt|amp|quot)|#(\d{1,7})|#x([\da-fA-F]{1,6}));")
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
DEFAULT_STATUS_TEXT = {500: "Internal Server Error", 502: "Bad Gateway"}


class Refused(Exception):
    """A call the Bot API answers with "ok": false."""

    def __init__(self, description: str, code: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = f"Bad Request: {description}" if code == 400 else description


def utf16_length(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def unescape(text: str) -> str:
    """Decode the character references Telegram knows."""

    def character(match: re.Match[str]) -> str:
        name, decimal, hexadecimal = match.groups()
        return NAMED[name] if name else chr(int(decimal) if decimal else int(hexadecimal, 16))

    return CHARACTER.sub(character, text)


def parse_html(source: str) -> tuple[str, list[Json]]:
    """The plain text of a message in parse mode HTML, and its entities."""
    text, at = "", 0
    entities: list[Json] = []
    open_tags: list[tuple[str, Json]] = []

    def refuse(problem: str) -> Refused:
        return Refused(f"can't parse entities: {problem}")

    while at < len(source):
        if source[at] != "<":
            end = source.find("<", at)
            end = len(source) if end < 0 else end
            text += unescape(source[at:end])
            at = end
            continue
        where = f"at byte offset {len(source[:at].encode())}"
        if not (match := TAG.match(source, at)):
            name = re.match(r"[\w-]*", source[at + 1 :])
            raise refuse(f'Unsupported start tag "{name.group() if name else ""}" {where}')
        closing, tag, attributes = match[1], match[2].lower(), match[3]
        if not closing:
            if tag not in ENTITY_TYPES:
                raise refuse(f'Unsupported start tag "{tag}" {where}')
            entity: Json = {"type": ENTITY_TYPES[tag], "offset": utf16_length(text)}
            if tag == "a":
                href = HREF.search(attributes)
                entity["url"] = unescape(next(filter(None, href.groups()), "")) if href else ""
            open_tags.append((tag, entity))
        elif not open_tags:
            raise refuse(f"Unexpected end tag {where}")
        else:
            opened, entity = open_tags.pop()
            if opened != tag:
                raise refuse(f'Unmatched end tag {where}, expected "</{opened}>", found "</{tag}>"')
            entity["length"] = utf16_length(text) - entity["offset"]
            # Telegram silently makes no link of an <a> without a usable address.
            if entity["length"] and entity.get("url") != "":
                entities.append(entity)
        at = match.end()
    if open_tags:
        raise refuse(f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}"')
    return text, sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def trim(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Drop the white space around a text, as Telegram does, and move its entities along."""
    shift = utf16_length(text) - utf16_length(text.lstrip())
    text = text.strip()
    size = utf16_length(text)
    moved = []
    for entity in entities:
        start = max(entity["offset"] - shift, 0)
        end = min(entity["offset"] + entity["length"] - shift, size)
        if end > start:
            moved.append({**entity, "offset": start, "length": end - start})
    return text, moved


def json_value(parameters: Json, name: str) -> Any:
    """A parameter which forms carry as JSON text, and JSON bodies as it is."""
    value = parameters.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:
        raise Refused(f"can't parse {name} JSON object") from None


def flag(parameters: Json, name: str) -> bool:
    """A boolean parameter."""
    return str(parameters.get(name, "")).lower() in {"true", "1", "yes"}


def number(parameters: Json, name: str, default: int = 0) -> int:
    """An integer parameter."""
    try:
        return int(parameters.get(name, default))
    except (TypeError, ValueError):
        raise Refused(f'can\'t parse "{name}": expected an integer') from None


def coordinates(parameters: Json) -> Json:
    """The location a call names."""
    location = {}
    for name, limit in (("latitude", 90), ("longitude", 180)):
        try:
            location[name] = float(parameters[name])
        except KeyError:
            raise Refused(f"{name} is empty") from None
        except (TypeError, ValueError):
            raise Refused(f"wrong {name} specified") from None
        if not abs(location[name]) <= limit:
            raise Refused(f"wrong {name} specified")
    return location


def caption_of(parameters: Json) -> Json:
    """The caption of a file, if it has one."""
    if not str(parameters.get("caption", "")).strip():
        return {}
    text, entities = message_text(parameters, "caption", 1024)
    return {"caption": text, **({"caption_entities": entities} if entities else {})}


def message_text(parameters: Json, name: str = "text", longest: int = 4096) -> tuple[str, list[Json]]:
    """The text of a message and its entities, once Telegram finds nothing wrong with them."""
    text, mode = str(parameters.get(name, "")), parameters.get("parse_mode")
    if mode and str(mode).lower() != "html":
        raise Refused("unsupported parse_mode")
    entities = json_value(parameters, "entities") or []
    text, entities = trim(*(parse_html(text) if mode else (text, entities)))
    if not text:
        raise Refused("message text is empty")
    if utf16_length(text) > longest:
        raise Refused("message is too long" if name == "text" else "message caption is too long")
    return text, entities


def file_of(kind: str, file_id: str) -> Json:
    """A file as Telegram describes it."""
    sizes = {"width": 90, "height": 67}
    parts: dict[str, Json] = {
        "photo": {**sizes, "file_size": 1101},
        "voice": {"duration": 3, "mime_type": "audio/ogg"},
        "document": {"file_name": "lettera.pdf", "mime_type": "application/pdf"},
        "audio": {"duration": 3},
        "video": {**sizes, "duration": 3},
        "animation": {**sizes, "duration": 3},
        "video_note": {"length": 240, "duration": 3},
        "sticker": {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False},
    }
    emoji = {"emoji": "🙂"} if kind == "sticker" else {}
    return {"file_id": file_id, "file_unique_id": f"unique-{file_id}", **parts[kind], **emoji}


def check_inline_button(button: Any) -> None:
    """Refuse an inline button Telegram would not show."""
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise Refused('can\'t parse inline keyboard button: Field "text" must be of type String')
    if not button["text"].strip():
        raise Refused("inline keyboard button text must be non-empty")
    actions = set(button) - {"text", "style", "icon_custom_emoji_id"}
    if not actions:
        raise Refused("text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise Refused("BUTTON_TYPE_INVALID")
    if "callback_data" in button and not 1 <= len(str(button["callback_data"]).encode()) <= 64:
        raise Refused("BUTTON_DATA_INVALID")
    if "url" in button:
        url = urlsplit(str(button["url"]))
        if url.scheme not in {"http", "https", "tg"}:
            problem = "Unsupported URL protocol"
        elif not url.netloc or " " in button["url"]:
            problem = "Wrong HTTP URL"
        else:
            return
        raise Refused(f"inline keyboard button URL '{button['url']}' is invalid: {problem}")


def check_reply_button(button: Any, private: bool) -> None:
    """Refuse a button of a reply keyboard Telegram would not show."""
    text = button if isinstance(button, str) else button.get("text") if isinstance(button, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise Refused('can\'t parse keyboard button: Field "text" must be of type String')
    if not private and isinstance(button, dict) and (button.get("request_location") or button.get("request_contact")):
        kind = "location" if button.get("request_location") else "phone number"
        raise Refused(f"{kind} can be requested in private chats only")


def reply_markup(parameters: Json, private: bool = True, inline_only: bool = False) -> Json | None:
    """The checked keyboard of a call."""
    markup = json_value(parameters, "reply_markup")
    if not markup:
        return None
    if not isinstance(markup, dict):
        raise Refused("object expected as reply markup")
    rows = markup.get("inline_keyboard", markup.get("keyboard", []))
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refused("can't parse reply keyboard markup: Array of Array expected")
    if sum(map(len, rows)) > 100:
        raise Refused("REPLY_MARKUP_TOO_LONG")
    if "inline_keyboard" in markup:
        for row in rows:
            for button in row:
                check_inline_button(button)
        return markup if any(rows) else None
    if inline_only:
        raise Refused("inline keyboard expected")
    if "keyboard" in markup:
        for row in rows:
            for button in row:
                check_reply_button(button, private)
        if not any(rows):
            raise Refused("REPLY_MARKUP_INVALID")
    elif not (markup.get("remove_keyboard") or markup.get("force_reply")):
        raise Refused("can't parse reply keyboard markup JSON object")
    return markup


async def read_parameters(request: Request) -> Json:
    """The parameters of a call from its query and its form, multipart or JSON body."""
    parameters: Json = dict(request.query_params)
    body, kind = await request.body(), request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        try:
            content = json.loads(body or b"{}")
        except ValueError:
            raise Refused("can't parse JSON object") from None
        if not isinstance(content, dict):
            raise Refused("JSON object expected")
        parameters |= {name: value for name, value in content.items() if value is not None}
    elif kind.startswith("multipart/form-data"):
        form = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        for part in form.iter_parts():
            content, name = part.get_payload(decode=True), part.get_param("name", header="content-disposition")
            parameters[name] = content if part.get_filename() else content.decode()
    else:
        parameters |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    return parameters


class BotApiServer:
    """Telegram, as far as one bot sees it; the tests play its users."""

    token = TOKEN

    def __init__(self) -> None:
        self.url = ""
        self.errors: list[Json] = []
        self.answered_callbacks: list[Json] = []
        self.chat_actions: list[Json] = []
        self.commands: list[Json] = []
        self.left_chats: set[int] = set()
        self.blocked_by: set[int] = set()
        self.deleted: list[tuple[int, int]] = []
        self._files: set[str] = set()
        self._lost = 0
        self.topics: dict[int, Json] = {}
        self._group_rate: dict[int, list[float]] = {}
        self._chats: dict[int, Json] = {}
        self._users: dict[int, Json] = {}
        self._messages: dict[tuple[int, int], Json] = {}
        self._sent: dict[int, list[Json]] = {}
        self._marks: dict[int, int] = {}
        self._last_from_user: dict[int, int] = {}
        self._callback_ids: set[str] = set()
        self._updates: list[Json] = []
        self._allowed_updates: list[str] = []
        self._update_ids, self._message_ids, self._query_ids = count(1000), count(1), count(1)
        self._file_ids = count(1)
        self._poll = 0
        self._webhook = ""
        self._failures: list[tuple[int, int | None]] = []
        self._paused = self._stopping = False
        self._changed = threading.Condition(threading.RLock())
        self._methods: dict[str, Callable[[Json], Any]] = {
            "getMe": self._get_me,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "sendMessage": self._send_message,
            "editMessageText": self._edit_message_text,
            "editMessageReplyMarkup": self._edit_message_reply_markup,
            "sendVenue": self._send_venue,
            "sendLocation": self._send_location,
            "sendChatAction": self._send_chat_action,
            "answerCallbackQuery": self._answer_callback_query,
            "setMyCommands": self._set_my_commands,
            "leaveChat": self._leave_chat,
            "editMessageCaption": self._edit_message_caption,
            "deleteMessage": self._delete_message,
            "createForumTopic": self._create_forum_topic,
            "closeForumTopic": partial(self._end_forum_topic, "closed"),
            "deleteForumTopic": partial(self._end_forum_topic, "deleted"),
            **{method: partial(self._send_file, method) for method in FILES},
        }

    # The server

    def start(self) -> Self:
        """Serve on a free port until `stop`."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._stopping = False
        app = Starlette(routes=[Route("/bot{token}/{method}", self._answer, methods=["GET", "POST"])])
        # Without ws, or uvicorn looks for a newer websockets than Rasa allows.
        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the Bot API server did not start")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Close the server; what was sent stays readable."""
        self._stopping = self._server.should_exit = True
        self._thread.join(10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    async def _answer(self, request: Request) -> JSONResponse:
        """Answer one call, or refuse it as Telegram does."""
        method = request.path_params["method"]
        if self._paused:
            return self._failure(502)
        parameters: Json = {}
        try:
            parameters = await read_parameters(request)
            if request.path_params["token"] != self.token:
                raise Refused("Unauthorized", 401)
            if method == "getUpdates":
                return await self._get_updates(request, parameters)
            if method not in self._methods:
                raise Refused("Not Found", 404)
            with self._changed:
                if method in SEND_METHODS and self._failures:
                    return self._failure(*self._failures.pop(0))
                result = self._methods[method](parameters)
                self._changed.notify_all()
                if method in SEND_METHODS and self._lost:
                    self._lost -= 1
                    return self._failure(502)
            return JSONResponse({"ok": True, "result": result})
        except ClientDisconnect:  # a gateway was killed while it spoke
            return self._failure(502)
        except Refused as refused:
            problem = {"ok": False, "error_code": refused.code, "description": refused.description}
            self.errors.append({"method": method, "parameters": parameters, **problem})
            return JSONResponse(problem, refused.code)

    @staticmethod
    def _failure(status: int, retry_after: int | None = None) -> JSONResponse:
        """An answer of Telegram in trouble, which is no fault of the bot."""
        answer: Json = {"ok": False, "error_code": status, "description": DEFAULT_STATUS_TEXT.get(status, "Error")}
        if status == 429:
            retry_after = retry_after or 1
            answer["description"] = f"Too Many Requests: retry after {retry_after}"
        if retry_after:
            answer["parameters"] = {"retry_after": retry_after}
        return JSONResponse(answer, status)

    # Methods of the API

    async def _get_updates(self, request: Request, parameters: Json) -> JSONResponse:
        """Long poll: confirm what lies before the offset, then wait for something to give."""
        if self._webhook:
            raise Refused(
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first", 409,
            )  # fmt: skip
        offset, limit = number(parameters, "offset"), number(parameters, "limit", 100)
        deadline = time.monotonic() + min(number(parameters, "timeout"), 50)
        allowed = json_value(parameters, "allowed_updates")
        with self._changed:
            self._poll += 1
            poll = self._poll
            if allowed is not None:
                self._allowed_updates = allowed
            if offset < 0:
                del self._updates[:offset]
            else:
                self._updates = [update for update in self._updates if update["update_id"] >= offset]
        while True:
            if self._paused:
                return self._failure(502)
            if poll != self._poll and not await request.is_disconnected():
                raise Refused(
                    "Conflict: terminated by other getUpdates request; "
                    "make sure that only one bot instance is running", 409,
                )  # fmt: skip
            with self._changed:
                ready = self._updates[: min(max(limit, 1), 100)]
            if ready or self._stopping or time.monotonic() >= deadline or await request.is_disconnected():
                return JSONResponse({"ok": True, "result": ready})
            await asyncio.sleep(0.02)

    def _get_me(self, parameters: Json) -> Json:
        return {
            **BOT, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False,
        }  # fmt: skip

    def _set_webhook(self, parameters: Json) -> bool:
        url = str(parameters.get("url", ""))
        if url and urlsplit(url).scheme != "https":
            raise Refused("bad webhook: An HTTPS URL must be provided for webhook")
        self._webhook = url
        return True

    def _delete_webhook(self, parameters: Json) -> bool:
        self._webhook = ""
        if flag(parameters, "drop_pending_updates"):
            self._updates.clear()
        return True

    def _chat(self, parameters: Json) -> Json:
        """The chat a call names, if the bot may speak there."""
        if not parameters.get("chat_id"):
            raise Refused("chat_id is empty")
        try:
            chat = self._chats[int(parameters["chat_id"])]
        except (KeyError, TypeError, ValueError):
            raise Refused("chat not found") from None
        if chat["id"] in self.left_chats:
            raise Refused(f"Forbidden: bot is not a member of the {chat['type']} chat", 403)
        if chat["id"] in self.blocked_by:
            raise Refused("Forbidden: bot was blocked by the user", 403)
        return chat

    def _send(self, method: str, parameters: Json, content: Json) -> Json:
        """Put a new message of the bot into its chat."""
        chat = self._chat(parameters)
        message: Json = {
            "message_id": next(self._message_ids), "from": BOT, "chat": chat, "date": int(time.time()), **content,
        }  # fmt: skip
        if chat["id"] < 0:
            message |= self._in_topic(chat["id"], parameters)
        reply = json_value(parameters, "reply_parameters") or {}
        if reply.get("message_id"):
            if original := self._messages.get((chat["id"], int(reply["message_id"]))):
                message["reply_to_message"] = original
            elif not reply.get("allow_sending_without_reply"):
                raise Refused("message to be replied not found")
        markup = reply_markup(parameters, chat["type"] == "private")
        return self._store(method, message, markup)

    def _in_topic(self, group: int, parameters: Json) -> Json:
        """Where in a group a message goes; Telegram takes 20 messages a minute there."""
        recent = [at for at in self._group_rate.get(group, []) if time.monotonic() - at < 60]
        if len(recent) >= 20:
            self.errors.append({"method": "send", "description": "more than 20 messages a minute in a group"})
        self._group_rate[group] = [*recent, time.monotonic()]
        thread = number(parameters, "message_thread_id")
        if not thread:
            return {}
        if self.topics.get(thread, {}).get("state", "deleted") == "deleted":
            raise Refused("message thread not found")
        return {"message_thread_id": thread, "is_topic_message": True}

    def _create_forum_topic(self, parameters: Json) -> Json:
        chat, name = self._chat(parameters), str(parameters.get("name", ""))
        if chat["type"] != "supergroup" or not 1 <= len(name) <= 128:
            raise Refused("the chat is not a forum" if name else "topic name is empty")
        thread = next(self._message_ids)
        self.topics[thread] = {"name": name, "state": "open"}
        return {"message_thread_id": thread, "name": name, "icon_color": 7322096}

    def _end_forum_topic(self, state: str, parameters: Json) -> bool:
        self._chat(parameters)
        topic = self.topics.get(number(parameters, "message_thread_id"))
        if not topic or topic["state"] in (state, "deleted"):
            raise Refused("TOPIC_NOT_MODIFIED")
        topic["state"] = state
        return True

    def _store(self, method: str, message: Json, markup: Json | None) -> Json:
        """Keep a message of the bot and show it to the tests; the result of the call."""
        message.pop("reply_markup", None)
        # Telegram gives back inline keyboards only; the tests want to see the others too.
        if markup and "inline_keyboard" in markup:
            message["reply_markup"] = markup
        chat_id = message["chat"]["id"]
        self._messages[chat_id, message["message_id"]] = message
        shown = {**message, "method": method, "at": time.perf_counter(), **({"reply_markup": markup} if markup else {})}
        self._sent.setdefault(chat_id, []).append(shown)
        return message

    def _send_message(self, parameters: Json) -> Json:
        self._chat(parameters)
        text, entities = message_text(parameters)
        return self._send("sendMessage", parameters, {"text": text, **({"entities": entities} if entities else {})})

    def _send_file(self, method: str, parameters: Json) -> Json:
        kind, has_caption = FILES[method]
        file_id = parameters.get(kind)
        if file_id not in self._files:
            raise Refused("wrong file identifier/HTTP URL specified")
        content: Json = {kind: [file_of(kind, file_id)] if kind == "photo" else file_of(kind, file_id)}
        return self._send(method, parameters, content | (caption_of(parameters) if has_caption else {}))

    def _delete_message(self, parameters: Json) -> bool:
        chat = self._chat(parameters)
        message_id = number(parameters, "message_id")
        old = self._messages.pop((chat["id"], message_id), None)
        if not old:
            raise Refused("message to delete not found")
        self.deleted.append((chat["id"], message_id))
        return True

    def _send_location(self, parameters: Json) -> Json:
        return self._send("sendLocation", parameters, {"location": coordinates(parameters)})

    def _send_venue(self, parameters: Json) -> Json:
        location = coordinates(parameters)
        for name in ("title", "address"):
            if not str(parameters.get(name, "")).strip():
                raise Refused(f"venue {name} must be non-empty")
        venue = {"location": location, "title": parameters["title"], "address": parameters["address"]}
        return self._send("sendVenue", parameters, {"location": location, "venue": venue})

    def _edit(self, method: str, parameters: Json, content: Json) -> Json:
        """Change a message of the bot, to something it was not."""
        chat = self._chat(parameters)
        old = self._messages.get((chat["id"], number(parameters, "message_id")))
        if not old:
            raise Refused("message to edit not found")
        if old["from"] != BOT:
            raise Refused("message can't be edited")
        markup = reply_markup(parameters, inline_only=True)
        if "text" in content and "text" not in old:
            raise Refused("there is no text in the message to edit")
        kept = {name: value for name, value in old.items() if name != "entities" or not content}
        message = {**kept, **content, "edit_date": int(time.time())}
        parts = ("text", "entities", "caption", "caption_entities")
        if markup == old.get("reply_markup") and all(message.get(part) == old.get(part) for part in parts):
            raise Refused(
                "message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message"
            )
        return self._store(method, message, markup)

    def _edit_message_text(self, parameters: Json) -> Json:
        self._chat(parameters)
        text, entities = message_text(parameters)
        return self._edit("editMessageText", parameters, {"text": text, **({"entities": entities} if entities else {})})

    def _edit_message_caption(self, parameters: Json) -> Json:
        old = self._messages.get((self._chat(parameters)["id"], number(parameters, "message_id")), {})
        if "text" in old:
            raise Refused("there is no caption in the message to edit")
        return self._edit("editMessageCaption", parameters, caption_of(parameters))

    def _edit_message_reply_markup(self, parameters: Json) -> Json:
        return self._edit("editMessageReplyMarkup", parameters, {})

    def _send_chat_action(self, parameters: Json) -> bool:
        chat = self._chat(parameters)
        if parameters.get("action") not in CHAT_ACTIONS:
            raise Refused("wrong parameter action in request")
        self.chat_actions.append({"chat_id": chat["id"], "action": parameters["action"]})
        return True

    def _answer_callback_query(self, parameters: Json) -> bool:
        if parameters.get("callback_query_id") not in self._callback_ids:
            raise Refused("query is too old and response timeout expired or query ID is invalid")
        if utf16_length(str(parameters.get("text", ""))) > 200:
            raise Refused("MESSAGE_TOO_LONG")
        self.answered_callbacks.append(parameters)
        return True

    def _set_my_commands(self, parameters: Json) -> bool:
        commands = json_value(parameters, "commands")
        if not isinstance(commands, list):
            raise Refused("can't parse commands: expected an Array of BotCommand")
        if len(commands) > 100:
            raise Refused("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not re.fullmatch(r"/?[a-z0-9_]{1,32}", str(command.get("command", ""))):
                raise Refused("BOT_COMMAND_INVALID")
            if not 1 <= utf16_length(str(command.get("description", "")).strip()) <= 256:
                raise Refused("BOT_COMMAND_DESCRIPTION_INVALID")
        if not re.fullmatch(r"([a-z]{2})?", str(parameters.get("language_code", ""))):
            raise Refused("LANG_CODE_INVALID")
        self.commands.append({**parameters, "commands": commands})
        return True

    def _leave_chat(self, parameters: Json) -> bool:
        chat = self._chat(parameters)
        if chat["type"] == "private":
            raise Refused("chat member status can't be changed in private chats")
        self.left_chats.add(chat["id"])
        return True

    # The people of the tests

    def _push(self, kind: str, content: Json) -> int:
        """Queue an update for the bot, unless it asked not to get its kind."""
        update_id = next(self._update_ids)
        if not self._allowed_updates or kind in self._allowed_updates:
            self._updates.append({"update_id": update_id, kind: content})
        return update_id

    def _receive(
        self, chat_id: int, content: Json, chat_type: str = "private", edited: bool = False, reply_to: int | None = None
    ) -> int:
        """Put a message of the user of this chat into it, or in place of their last one."""
        user = self._users.setdefault(
            chat_id, {"id": abs(chat_id), "is_bot": False, "first_name": "Test", "language_code": "en"}
        )
        name = {"first_name": user["first_name"]} if chat_type == "private" else {"title": "Test"}
        chat = self._chats.setdefault(chat_id, {"id": chat_id, "type": chat_type, **name})
        message: Json = {"chat": chat, "date": int(time.time()), **content}
        if chat_type != "channel":
            message["from"] = user
        if edited and chat_id in self._last_from_user:
            message |= {"message_id": self._last_from_user[chat_id], "edit_date": message["date"]}
        else:
            message |= {"message_id": next(self._message_ids)} | ({"edit_date": message["date"]} if edited else {})
        if reply_to:
            message["reply_to_message"] = {
                part: value for part, value in self._messages[chat_id, reply_to].items() if part != "reply_to_message"
            }
        self._last_from_user[chat_id] = message["message_id"]
        self._messages[chat_id, message["message_id"]] = {"from": user, **message}
        kind = "channel_post" if chat_type == "channel" else "message"
        return self._push(f"edited_{kind}" if edited else kind, message)

    def send_text(
        self,
        chat_id: int,
        text: str,
        language_code: str = "en",
        first_name: str = "Test",
        edited: bool = False,
        chat_type: str = "private",
        reply_to: int | None = None,
    ) -> int:
        """A user writes to the bot; the id of the update."""
        with self._changed:
            self._users[chat_id] = {
                "id": abs(chat_id), "is_bot": False, "first_name": first_name, "language_code": language_code,
            }  # fmt: skip
            content: Json = {"text": text}
            if command := re.match(r"/\w+(@\w+)?", text):
                content["entities"] = [{"type": "bot_command", "offset": 0, "length": command.end()}]
            return self._receive(chat_id, content, chat_type, edited, reply_to)

    def send_location(self, chat_id: int, lat: float, lon: float) -> int:
        """A user shares where they are."""
        with self._changed:
            return self._receive(chat_id, {"location": {"latitude": lat, "longitude": lon}})

    def send_file(self, chat_id: int, kind: str, caption: str | None = None, edited: bool = False) -> str:
        """A user sends a photo, voice, document, audio, video, animation, video_note or sticker; its file id."""
        with self._changed:
            file_id = f"{kind}-{next(self._file_ids)}"
            self._files.add(file_id)
            content: Json = {kind: [file_of(kind, file_id)] if kind == "photo" else file_of(kind, file_id)}
            self._receive(chat_id, content | ({"caption": caption} if caption else {}), edited=edited)
            return file_id

    def send_voice(self, chat_id: int) -> str:
        """A user sends a voice message."""
        return self.send_file(chat_id, "voice")

    def send_photo(self, chat_id: int) -> str:
        """A user sends a picture."""
        return self.send_file(chat_id, "photo")

    def send_sticker(self, chat_id: int) -> str:
        """A user sends a sticker."""
        return self.send_file(chat_id, "sticker")

    def last_from(self, chat_id: int) -> int:
        """The id of the user's last message."""
        return self._last_from_user[chat_id]

    def write_in_topic(self, group: int, thread: int, user_id: int, text: str) -> int:
        """A member of a group writes in one of its topics; the id of the message."""
        with self._changed:
            user = {"id": user_id, "is_bot": False, "first_name": "Staff", "language_code": "it"}
            self._users[group] = user
            content = {"text": text, "message_thread_id": thread, "is_topic_message": True}
            self._receive(group, content, "supergroup")
            return self._last_from_user[group]

    def press(self, chat_id: int, data: str, user_id: int | None = None) -> int:
        """A user presses the button with this data under the newest message that has it."""
        with self._changed:
            of_chat = [message for (chat, _), message in self._messages.items() if chat == chat_id]
            for message in sorted(of_chat, key=lambda message: message["message_id"], reverse=True):
                rows = message.get("reply_markup", {}).get("inline_keyboard", [])
                if any(button.get("callback_data") == data for row in rows for button in row):
                    query_id = f"query-{next(self._query_ids)}"
                    self._callback_ids.add(query_id)
                    return self._push("callback_query", {
                        "id": query_id, "message": message,
                        "from": {**self._users[chat_id], **({"id": user_id} if user_id else {})},
                        "chat_instance": str(chat_id), "data": data,
                    })  # fmt: skip
        raise LookupError(f"no button {data!r} in chat {chat_id}")

    # What the tests see and steer

    def messages(self, chat_id: int) -> list[Json]:
        """What the bot sent to a chat, edits too, in order; `method` says how, `at` when."""
        with self._changed:
            return list(self._sent.get(chat_id, []))

    def mark(self, chat_id: int) -> None:
        """Let `wait_for` see only what the bot sends from here on."""
        with self._changed:
            self._marks[chat_id] = len(self._sent.get(chat_id, []))

    def wait_for(self, chat_id: int, predicate: Callable[[Json], bool], timeout: float = 20) -> Json:
        """The first message of the bot since the mark that satisfies the predicate."""

        def found() -> Json | None:
            return next(filter(predicate, self._sent.get(chat_id, [])[self._marks.get(chat_id, 0) :]), None)

        with self._changed:
            if message := self._changed.wait_for(found, timeout):
                return message
            sent = self._sent.get(chat_id, [])[self._marks.get(chat_id, 0) :]
        raise TimeoutError(f"no such message in chat {chat_id} after {timeout} s, but {sent}")

    def fail_next(self, status: int, times: int = 1, retry_after: int | None = None) -> None:
        """Fail the next calls that send or edit a message."""
        with self._changed:
            self._failures += [(status, retry_after)] * times

    def lose_next(self, times: int = 1) -> None:
        """Carry out the next calls that send something, but let their answers be lost."""
        with self._changed:
            self._lost += times

    def pause(self) -> None:
        """Answer everything with 502 until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """End a `pause`."""
        self._paused = False
