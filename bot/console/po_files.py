"""The translations: how far each language is, its .po file to take away, and the corrected one brought back."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.core import UnknownLocaleError
from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import PoFileError, read_po, write_po
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from bot.console import accounts
from bot.console.files import one_writer, replace
from bot.console.pages import Asked, Refused, endpoint
from bot.database.tables import sessions
from bot.i18n import N_, SOURCE_LANGUAGE, Translations, languages
from bot.i18n.check import as_list, glossary, glossary_strays, wrong_forms, wrong_placeholders
from bot.i18n.identify import identify
from bot.i18n.translations import FIRST_STRONG_ISOLATE, POP_ISOLATE, babel_code, catalog_files
from bot.settings import ROOT

LONGEST_FILE, WIDTH, MOST_SHOWN = 1_000_000, 120, 200
#: So many messages whose language can be told must change before most of them may say that it is the wrong one.
FEWEST_TOLD = 10
CONSOLE = N_("Operators' console")
#: Where a sentence stands, and what that part is called; the first that fits.
GROUPS = {
    "services_catalog/guides/": N_("Guides"),
    "services_catalog/": N_("Names of needs, documents and the like"),
    "bot/catalog/": N_("Cards and hours"),
    "bot/mediation/": N_("Mediation"),
    "domain.yml": N_("Conversation"),
    "actions/": N_("Conversation"),
    "bot/": N_("Chat"),
}
OTHER = N_("Other")
#: No language has so many, and as many would be held in memory.
_TOO_MANY_FORMS = re.compile(rb"nplurals\s*=\s*\d\d")
_BASE = re.compile(rb"X-Ponte-File: ([0-9a-f]{16})")


@lru_cache
def groups() -> dict[str, str]:
    """English message to the part of the bot that it stands in, from the sources themselves."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found: dict[str, str] = {}
    keywords: Any = {"tr": None, "N_": None, "plural": (1, 2)}
    for path, _, message, *_ in extract_from_dir(str(ROOT), methods, options, keywords):
        part = next((label for start, label in GROUPS.items() if path.replace(os.sep, "/").startswith(start)), OTHER)
        found.setdefault(as_list(message)[0], part)
    return found


@dataclass
class State:
    """How much of one group is translated."""

    translated: int = 0
    messages: int = 0


def states(path: Path, code: str) -> dict[str, State]:
    """Group to state, for one file."""
    counted: dict[str, State] = {}
    for message in _messages(_read(path.read_bytes(), babel_code(code))):
        part = CONSOLE if path.stem == "console" else groups().get(as_list(message.id)[0], OTHER)
        state = counted.setdefault(part, State())
        state.messages += 1
        state.translated += all(as_list(message.string)) and not message.fuzzy
    return counted


def _messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def _read(raw: bytes, locale: str | None = None) -> Catalog:
    return read_po(io.BytesIO(raw), locale=locale, abort_invalid=True)


def digest(raw: bytes) -> str:
    """Two files with the same one are the same."""
    return hashlib.sha256(raw).hexdigest()[:16]


def to_download(raw: bytes) -> bytes:
    """The file, marked with which one it is, so that a change made meanwhile is noticed when it comes back."""
    mark = f'"X-Ponte-File: {digest(raw)}\\n"\n'.encode()
    return raw.replace(b'"Language: ', mark + b'"Language: ', 1)


@dataclass
class Brought:
    """What a file that was brought back says: the changes, what is wrong with them, and what it does not say."""

    changes: dict[str, Any] = field(default_factory=dict)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)  # message, its translation, why
    same: int = 0
    left: int = 0
    unknown: int = 0


class NotThisFile(Exception):
    """The file as a whole cannot be taken; the message says why."""


def compare(raw: bytes, current: Catalog, code: str, tr: Translations) -> Brought:
    """Look at every message; raises NotThisFile."""
    theirs = _catalog_of(raw, code, tr)
    brought = Brought()
    for message in _messages(current):
        new = theirs.get(message.id, message.context)  # type: ignore[arg-type]
        if new is None or new.fuzzy or not any(as_list(new.string)):
            brought.left += 1
        elif as_list(new.string) == as_list(message.string):
            brought.same += 1
        elif reasons := _reasons(new, message, current, code, tr):
            shown = " | ".join(as_list(new.string))
            brought.wrong.append((as_list(message.id)[-1], shown, " ".join(reasons)))
        else:
            brought.changes[as_list(message.id)[0]] = new.string
    known = {as_list(message.id)[0] for message in _messages(current)}
    brought.unknown = sum(as_list(message.id)[0] not in known for message in _messages(theirs))
    _is_the_language(brought, code, tr)
    return brought


def _catalog_of(raw: bytes, code: str, tr: Translations) -> Catalog:
    if _TOO_MANY_FORMS.search(raw):
        raise NotThisFile(tr("There are too many plural forms in the header of this file."))
    try:
        theirs = _read(raw.removeprefix(b"\xef\xbb\xbf"))
    except (PoFileError, ValueError, LookupError, UnknownLocaleError) as error:
        raise NotThisFile(tr("This is not a .po file that can be read: %(reason)s", reason=str(error)[:200])) from error
    if not _messages(theirs):
        raise NotThisFile(tr("There is no message in this file."))
    named = (theirs.locale_identifier or "").replace("-", "_").split("_")[0]
    if named not in (code, babel_code(code)):
        wanted = tr.language_name(code)
        raise NotThisFile(
            tr(
                'The header of this file says language "%(found)s", and this page is for %(wanted)s ("%(code)s").',
                found=named or "-",
                wanted=wanted,
                code=babel_code(code),
            )
        )
    return theirs


def _reasons(new: Message, old: Message, current: Catalog, code: str, tr: Translations) -> list[str]:
    """What is wrong with one translation, in words."""
    if isinstance(new.id, str) != isinstance(old.id, str) or wrong_forms(new, current):
        wanted = current.num_plurals if not isinstance(old.id, str) else 1
        return [tr("It needs %(count)s plural forms.", count=wanted)]
    if not all(as_list(new.string)):
        return [tr("A plural form is empty.")]
    found = []
    if wrong_placeholders(Message(old.id, new.string, flags=old.flags)):
        names = re.findall(r"%\(\w+\)[sd]", as_list(old.id)[-1])
        found.append(tr("It must have these placeholders, as they are: %(names)s", names=" ".join(names) or "-"))
    checked = Message(old.id, new.string)
    for term, forms in glossary_strays(checked, glossary(code)):
        allowed = ", ".join(map(_isolated, forms))
        found.append(tr('For "%(term)s" the glossary has: %(forms)s', term=term, forms=allowed))
    return found


def _isolated(text: str) -> str:
    """A word of whatever direction, kept in order inside a sentence of the console."""
    return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}"


def _is_the_language(brought: Brought, code: str, tr: Translations) -> None:
    told = Counter(filter(None, (identify(as_list(text)[-1], code) for text in brought.changes.values())))
    if told.total() >= FEWEST_TOLD and told[code] * 2 < told.total():
        other = tr.language_name(told.most_common(1)[0][0])
        raise NotThisFile(tr("Most of what is new in this file looks like %(language)s.", language=other))


def changed(raw: bytes, changes: dict[str, Any], code: str) -> bytes:
    """The file with the changes in it, in the order that it had."""
    catalog = _read(raw, babel_code(code))
    for message in _messages(catalog):
        if (new := changes.get(as_list(message.id)[0])) is not None:
            message.string = new
            message.flags.discard("fuzzy")
    out = io.BytesIO()
    write_po(out, catalog, width=WIDTH)
    written = out.getvalue()
    if b"POT-Creation-Date" not in raw:
        written = re.sub(rb'"POT-Creation-Date:[^\n]*\n', b"", written)
    return written


# The pages


def _overseer(asked: Asked) -> None:
    if asked.who.role not in accounts.OVERSEERS:
        raise Refused(403, asked.tr("This page is not for your role."))


def _file(asked: Asked) -> tuple[str, Path]:
    """The language and the file in the address."""
    _overseer(asked)
    code, domain = asked.path["code"], asked.path["domain"]
    paths = {path.stem: path for path in catalog_files(code)} if code in languages() else {}
    if domain not in paths:
        raise Refused(404, asked.tr("There is no such translation."))
    return code, paths[domain]


def _may_bring(asked: Asked) -> bool:
    return asked.who.role == "administrator"


def overview(asked: Asked) -> Response:
    """Every language: how much of each part is translated, and whether it was reviewed."""
    _overseer(asked)
    tr = asked.tr
    rows, parts = [], list(dict.fromkeys(GROUPS.values()))
    for code, language in languages().items():
        for path in catalog_files(code) if code != SOURCE_LANGUAGE else []:
            state = states(path, code)
            parts += [part for part in state if part not in (*parts, CONSOLE)]
            rows.append(
                {
                    "code": code,
                    "domain": path.stem,
                    "name": tr.language_name(code) + (f" ({tr(CONSOLE)})" if path.stem == "console" else ""),
                    "reviewed_by": language.reviewed_by,
                    "states": state,
                    "translated": sum(one.translated for one in state.values()),
                    "messages": sum(one.messages for one in state.values()),
                }
            )
    return asked.page("translations.html", rows=rows, parts=[(part, tr(part)) for part in parts])


def one(asked: Asked) -> Response:
    """One file: its parts, and the form to bring it back."""
    code, path = _file(asked)
    return _one(asked, code, path)


def _one(asked: Asked, code: str, path: Path, status: int = 200, **values: Any) -> Response:
    tr = asked.tr
    return asked.page(
        "translation.html",
        status,
        **{
            "code": code,
            "language": languages()[code],
            "name": tr.language_name(code),
            "domain": path.stem,
            "states": [(tr(part), state) for part, state in states(path, code).items()],
            "seen": digest(path.read_bytes()),
            "may_bring": _may_bring(asked),
            "saved": asked.request.query_params.get("saved", ""),
            "message": "",
            "brought": None,
            "conflict": [],
            "over": "",
            "most_shown": MOST_SHOWN,
            **values,
        },
    )


def download(asked: Asked) -> Response:
    """The file as it now is."""
    code, path = _file(asked)
    headers = {"Content-Disposition": f'attachment; filename="ponte-{path.stem}-{code}.po"'}
    return Response(to_download(path.read_bytes()), media_type="text/x-gettext-translation", headers=headers)


def bring(asked: Asked) -> Response:
    """Take in a corrected file, all of it or nothing."""
    code, path = _file(asked)
    tr, given = asked.tr, asked.form.get("file")
    if not _may_bring(asked):
        with sessions().begin() as session:
            accounts.audit(session, asked.who.name, "refused", None, f"translations {code}")
        raise Refused(403, tr("This page is not for your role."))
    raw = given.file.read() if isinstance(given, UploadFile) else b""
    if not raw:
        return _one(asked, code, path, 422, message=tr("Choose a file first."))
    try:
        with one_writer("translations"):
            return _take_in(asked, code, path, raw)
    except OSError as error:
        reason = error.strerror or ""
        told = tr("The file could not be written (%(reason)s). Nothing was changed; try again later.", reason=reason)
        return _one(asked, code, path, 507, message=told)


def _take_in(asked: Asked, code: str, path: Path, raw: bytes) -> Response:
    tr, before = asked.tr, path.read_bytes()
    current = _read(before, babel_code(code))
    try:
        brought = compare(raw, current, code, tr)
    except NotThisFile as reason:
        return _one(asked, code, path, 422, message=str(reason))
    if brought.wrong:
        return _one(asked, code, path, 422, brought=brought)
    said = {as_list(message.id)[0]: message.string for message in _messages(current)}
    marked = _BASE.search(raw)
    base = marked[1].decode() if marked else asked.said("seen")
    if base != digest(before) and asked.said("over") != digest(before) and brought.changes:
        differs = [
            (message, " | ".join(as_list(said[message])), " | ".join(as_list(new)))
            for message, new in brought.changes.items()
        ]
        return _one(asked, code, path, 409, brought=brought, conflict=differs, over=digest(before))
    if not brought.changes:
        return _one(asked, code, path, brought=brought)
    replace(path, changed(before, brought.changes, code))
    with sessions().begin() as session:
        old = {message: said[message] for message in brought.changes}
        accounts.audit(
            session, asked.who.name, "translate", None, f"{code} {path.stem}", _plain(old), _plain(brought.changes)
        )
    return RedirectResponse(f"/console/translations/{code}/{path.stem}?saved={len(brought.changes)}", 303)


def _plain(texts: dict[str, Any]) -> dict[str, Any]:
    return {message: text if isinstance(text, str) else list(text) for message, text in texts.items()}


def routes() -> list[Route | Mount]:
    """Everything about translations."""
    file = "/translations/{code}/{domain}"
    return [
        Route("/translations", endpoint(overview), methods=["GET"]),
        Route(file, endpoint(one), methods=["GET"]),
        Route(file, endpoint(bring, longest_upload=LONGEST_FILE), methods=["POST"]),
        Route(f"{file}/download", endpoint(download), methods=["GET"]),
    ]
