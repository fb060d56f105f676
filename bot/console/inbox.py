"""The inbox: referrals that wait or are answered, for mediators at a desk and for coordinators."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from anyio import from_thread
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from bot.catalog.hours import ROME
from bot.catalog.model import vocabulary
from bot.console import accounts
from bot.console.pages import Asked, Refused, endpoint
from bot.database.tables import Account, Audit, Copy, Inbound, Mediator, Note, Outbound, Person, Referral, sessions
from bot.gateway.gateway import Gateway
from bot.gateway.model import Reply
from bot.i18n import N_, Translations
from bot.mediation import cases, relay, states, words
from bot.mediation.codes import CHOSEN_OUTCOMES, codes
from bot.mediation.mail import DELETED, Mail, mail
from bot.mediation.referrals import by_number, hold, person_of, waits_since
from bot.mediation.routing import active, circle_of, colleagues, may_look
from bot.places import gazetteer

LONGEST_TEXT = 4000
SAME_LOOK = timedelta(minutes=10)  # a page that stays open is looked at once
STATES = {states.WAITING: N_("Waiting for a mediator"), states.TAKEN: N_("With a mediator")}
KINDS = {
    "photo": N_("Photo"),
    "voice": N_("Voice message"),
    "document": N_("Document"),
    "audio": N_("Sound"),
    "video": N_("Video"),
    "animation": N_("Animation"),
    "video_note": N_("Video message"),
    "sticker": N_("Sticker"),
}


@dataclass(frozen=True)
class Worker:
    """Who works at the inbox: an account, and the mediator that it is, if any."""

    account: Account
    mediator: Mediator | None

    @property
    def actor(self) -> str:
        """For the audit; a mediator is the same one as in Telegram."""
        return f"mediator:{self.mediator.id}" if self.mediator else f"console:{self.account.name}"

    @property
    def oversees(self) -> bool:
        """Coordinators see every open referral and may move it, as they do in Telegram."""
        return self.account.role in accounts.OVERSEERS or bool(self.mediator and self.mediator.is_coordinator)

    def sees(self, referral: Referral) -> bool:
        """Whether the card is theirs to look at."""
        is_open = referral.state != states.CLOSED
        return is_open and (self.oversees or bool(self.mediator and may_look(self.mediator, referral)))

    def has(self, referral: Referral) -> bool:
        """Whether they are the one who writes with the person."""
        return referral.state == states.TAKEN and bool(self.mediator and self.mediator.id == referral.mediator_id)

    def moves(self, referral: Referral) -> bool:
        """Whether they may pass it on, close it and write notes."""
        return referral.state != states.CLOSED and (self.oversees or self.has(referral))

    def takes(self, referral: Referral) -> bool:
        """Whether they may take it, if they are the first to."""
        waits = referral.state == states.WAITING
        return waits and bool(self.mediator and circle_of(self.mediator, referral) is not None)


def _worker(asked: Asked, session: Session) -> Worker:
    """Only people with a part in mediation come in; a mediator, once they opened their invitation in Telegram."""
    account = asked.who
    if accounts.INBOX not in accounts.sections(account):
        raise Refused(403, asked.tr("The requests are for mediators and coordinators."))
    mediator = next((one for one in active(session) if one.id == account.mediator_id), None)
    if mediator is None and account.role not in accounts.OVERSEERS:
        raise Refused(403, asked.tr("Open your invitation in Telegram first: there the bot knows you as a mediator."))
    return Worker(account, mediator)


# The queue


@dataclass(frozen=True)
class Row:
    """One referral of the queue."""

    referral: Referral
    holder: str
    is_mine: bool
    waits: str
    since: datetime | None


def queue(asked: Asked) -> Response:
    """What this person may see, who has waited longest on top."""
    query = asked.request.query_params
    wanted = {name: query.get(name, "").strip() for name in ("state", "language", "need", "ambito", "mine")}
    with sessions()() as session:
        worker = _worker(asked, session)
        listed = session.scalars(sa.select(Referral).where(Referral.state != states.CLOSED).order_by(Referral.id))
        seen = [one for one in listed if worker.sees(one)]
        names = {one.id: one.name for one in session.scalars(sa.select(Mediator))}
    rows = [_row(asked, worker, one, names) for one in seen if _is_wanted(one, worker, wanted)]
    rows.sort(key=lambda row: (row.since is None, row.since or row.referral.consented_at))
    asked.script = "refresh.js"
    tr = asked.tr
    labels = {code: tr(label) for code, label in _need_labels(seen).items()}
    return asked.page(
        "inbox.html",
        rows=rows,
        wanted=wanted,
        worker=worker,
        states={code: tr(label) for code, label in STATES.items()},
        needs=dict(sorted(labels.items(), key=lambda pair: pair[1])),
        languages={code: tr.language_name(code) for code in sorted({one.language for one in seen})},
        ambiti={name: name for name in sorted({one.ambito for one in seen if one.ambito})},
        comune=lambda one: comune.name if (comune := gazetteer().comuni.get(one.comune or "")) else "",
    )


def _need_labels(referrals: list[Referral]) -> dict[str, str]:
    return {one.need: vocabulary().label("needs", one.need) for one in referrals if one.need}


def _is_wanted(referral: Referral, worker: Worker, wanted: dict[str, str]) -> bool:
    fields = ("state", "language", "need", "ambito")
    fits = all(wanted[name] in ("", getattr(referral, name)) for name in fields)
    return fits and (not wanted["mine"] or worker.has(referral))


def _row(asked: Asked, worker: Worker, referral: Referral, names: dict[int, str]) -> Row:
    since = waits_since(referral)
    holder = names.get(referral.mediator_id, "") if referral.mediator_id else ""
    return Row(referral, holder, worker.has(referral), waited(since, asked.now, asked.tr), since)


def waited(since: datetime | None, now: datetime, tr: Translations) -> str:
    """How long, rounded down."""
    if since is None:
        return ""
    minutes = max(int((now - since).total_seconds() // 60), 0)
    hours, days = minutes // 60, minutes // (24 * 60)
    if days:
        return tr("%(days)d d %(hours)d h", days=days, hours=hours % 24)
    if hours:
        return tr("%(hours)d h %(minutes)d min", hours=hours, minutes=minutes % 60)
    return tr("%(minutes)d min", minutes=minutes)


# One referral


@dataclass(frozen=True)
class Line:
    """One message of the conversation, as the page shows it."""

    id: int
    is_mine: bool
    at: datetime
    marker: str
    text: str
    place: str
    state: str


def case(asked: Asked) -> Response:
    """The card, the conversation for whoever has it, and what this person may do."""
    try:
        with sessions().begin() as session:
            worker = _worker(asked, session)
            referral = _seen(worker, by_number(session, asked.path["number"]))
            _note_look(session, worker, referral, asked)
            return _page(asked, session, worker, referral)
    except NotTheirs:
        raise _refused(asked) from None


class NotTheirs(Exception):
    """The referral is not this person's to see, or there is none."""


def _seen(worker: Worker, referral: Referral | None) -> Referral:
    if referral is None or not worker.sees(referral):
        raise NotTheirs
    return referral


def _refused(asked: Asked) -> Refused:
    """That it is another's is not told apart from there being none."""
    _audit_refusal(asked)
    return Refused(404, asked.tr("This request is not one of yours: somebody else has it, or it is closed."))


def _audit_refusal(asked: Asked) -> None:
    with sessions().begin() as session:
        accounts.audit(session, asked.who.name, "refused", service=f"request {asked.path['number'][:20]}")


def _note_look(session: Session, worker: Worker, referral: Referral, asked: Asked) -> None:
    """Note who looked; a page that refreshes itself is one look for a while."""
    if "refresh" in asked.request.query_params:
        same = sa.select(Audit.id).where(
            Audit.actor == worker.actor,
            Audit.action == "look",
            Audit.referral_id == referral.id,
            Audit.at > asked.now - SAME_LOOK,
        )
        if session.scalar(same.limit(1)):
            return
    states.audit(session, worker.actor, "look", referral.id, now=asked.now)


def _page(
    asked: Asked, session: Session, worker: Worker, referral: Referral, status: int = 200, message: str = ""
) -> Response:
    tr, has, outcomes = asked.tr, worker.has(referral), codes()["outcomes"]
    holder = session.get(Mediator, referral.mediator_id) if referral.mediator_id else None
    since = waits_since(referral)
    notes = session.scalars(sa.select(Note).where(Note.referral_id == referral.id).order_by(Note.id)).all()
    asked.script = "refresh.js"
    return asked.page(
        "case.html",
        status,
        referral=referral,
        holder=holder,
        worker=worker,
        title=words.title(referral),
        summary=words.summary(referral, tr),
        state=tr(STATES[referral.state]),
        waits=waited(since, asked.now, tr),
        lines=_conversation(session, referral, tr) if has else [],
        notes=[(note, _author(session, note)) for note in notes] if worker.moves(referral) else [],
        phrases={code: tr(label) for code, label in codes()["phrases"].items()},
        outcomes={code: tr(outcomes[code]) for code in CHOSEN_OUTCOMES},
        others=[one for one in colleagues(session, referral)] if worker.moves(referral) else [],
        longest=LONGEST_TEXT,
        rome=ROME,
        once=secrets.token_urlsafe(12),
        typed={name: asked.said(name) for name in ("text", "note")},
        message=message,
    )


def _author(session: Session, note: Note) -> str:
    mediator = session.get(Mediator, note.mediator_id) if note.mediator_id else None
    return mediator.name if mediator else ""


def _conversation(session: Session, referral: Referral, tr: Translations) -> list[Line]:
    """What this mediator and the person said to each other."""
    person = person_of(session, referral)
    reader = cases.reader_of(Mail(session), session.get(Mediator, referral.mediator_id), referral)
    assert reader
    query = sa.select(Copy).where(Copy.referral_id == referral.id, Copy.sender_id.is_not(None))
    query = query.where((Copy.sender_id == reader.id) | (Copy.recipient_id == reader.id))
    on_its_way = set(session.scalars(sa.select(Outbound.copy_id).where(Outbound.copy_id.is_not(None), ~Outbound.sent)))
    return [
        _line(copy, bool(person and copy.sender_id != person.id), copy.id in on_its_way, tr)
        for copy in session.scalars(query.order_by(Copy.id))
    ]


def _line(copy: Copy, is_mine: bool, is_on_its_way: bool, tr: Translations) -> Line:
    text, place, marker = copy.text or "", "", ""
    if copy.kind == DELETED:
        marker = tr("Deleted")
    elif copy.kind in KINDS:
        marker = tr("%(kind)s: seen on Telegram only", kind=tr(KINDS[copy.kind]))
    elif copy.text is None:
        marker = tr("Seen on Telegram only")
    elif copy.kind == "location":
        latitude, longitude = text.split(",")
        place = f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=17/{latitude}/{longitude}"
    if copy.kind == DELETED or (copy.sent_at and is_mine):
        state = "" if copy.kind == DELETED else tr("delivered")
    elif is_on_its_way:
        state = tr("on its way") if is_mine else ""
    else:
        state = tr("not delivered") if is_mine else ""
    return Line(copy.id, is_mine, copy.created_at, marker, text, place, state)


# What is done to it


class NotDone(Exception):
    """Nothing was changed; the page says why, and keeps what was typed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class NotAllowed(NotDone):
    """A button of an old page, or a forged one."""


@dataclass(frozen=True)
class Step:
    """One thing that somebody does to a referral, in one transaction."""

    asked: Asked
    post: Mail
    worker: Worker
    referral: Referral

    @property
    def gateway(self) -> Gateway:
        """The same one that Telegram's messages come in by."""
        return self.asked.request.app.state.gateway

    def must(self, is_allowed: bool) -> None:
        """Go on only if it is."""
        if not is_allowed:
            told = self.asked.tr("This is not possible any more: the request has moved on meanwhile.")
            raise NotAllowed(409, told)


def act(asked: Asked) -> Response:
    """Do what the button says, and show the referral as it is then."""
    does, number = ACTS.get(asked.said("act")), asked.path["number"]
    recipients: set[int] = set()
    try:
        with mail() as post:
            worker = _worker(asked, post.session)
            referral = _seen(worker, hold(post.session, number))
            if does is None:  # what was typed before the session ended
                return _page(asked, post.session, worker, referral)
            does(Step(asked, post, worker, referral))
            recipients = post.recipients
            is_seen = worker.sees(referral)
    except NotTheirs:
        raise _refused(asked) from None
    except NotDone as reason:
        return _not_done(asked, reason)
    except IntegrityError:  # the same form, sent twice
        is_seen = True
    from_thread.run_sync(asked.request.app.state.gateway.wake, recipients)
    return RedirectResponse(f"{accounts.INBOX}/{number}" if is_seen else accounts.INBOX, 303)


def _not_done(asked: Asked, reason: NotDone) -> Response:
    """The page as the referral is now, with why, and with what was typed."""
    if isinstance(reason, NotAllowed):
        _audit_refusal(asked)
    with sessions()() as session:
        worker = _worker(asked, session)
        referral = by_number(session, asked.path["number"])
        if referral is None or not worker.sees(referral):
            raise Refused(reason.status, reason.message)
        return _page(asked, session, worker, referral, reason.status, reason.message)


def _take(step: Step) -> None:
    """First come, first served, wherever the others tap."""
    step.must(step.worker.takes(step.referral))
    assert step.worker.mediator
    step.must(cases.take(step.post, step.referral.id, step.worker.mediator, step.asked.now))


def _once(step: Step) -> None:
    """The mediator's pace is the one that they also have in Telegram; a form that is sent twice counts once."""
    mediator = step.worker.mediator
    author = step.post.session.get(Person, mediator.person_id) if mediator else None
    if author is None:
        return
    if from_thread.run_sync(step.gateway.too_fast, author.channel, author.address):
        raise NotDone(429, step.asked.tr("You write very fast. Wait a minute, please."))
    number = f"console:{step.asked.said('once')[:32]}"
    step.post.session.add(Inbound(person_id=author.id, external_id=number, kind="console", body="", done=True))
    step.post.session.flush()


def _text(step: Step, name: str) -> str:
    """What was typed, without the characters that no text needs."""
    typed = step.asked.said(name).replace("\r\n", "\n")
    text = "".join(c for c in typed if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs")).strip()
    if not text:
        raise NotDone(422, step.asked.tr("Write something first."))
    if len(text) > LONGEST_TEXT:
        raise NotDone(422, step.asked.tr("This is too long: at most %(count)d characters.", count=LONGEST_TEXT))
    return text


def _both_sides(step: Step) -> tuple[Mediator, Person, Person]:
    """The mediator, where they read, and the person."""
    step.must(step.worker.has(step.referral))
    mediator = step.worker.mediator
    author, person = cases.reader_of(step.post, mediator, step.referral), person_of(step.post.session, step.referral)
    assert mediator
    if author is None or person is None:
        raise NotDone(409, step.asked.tr("This person cannot be reached any more."))
    return mediator, author, person


def _say(step: Step) -> None:
    """Write to the person, by the same relay as from Telegram."""
    mediator, author, person = _both_sides(step)
    text = _text(step, "text")
    _once(step)
    relay.from_desk(step.post, step.referral, mediator, author, text, person, step.asked.now)
    states.audit(step.post.session, step.worker.actor, "write", step.referral.id, now=step.asked.now)


def _say_phrase(step: Step) -> None:
    """A ready-made sentence, which the person reads in their language."""
    mediator, author, person = _both_sides(step)
    label = codes()["phrases"].get(step.asked.said("phrase"))
    if label is None:
        raise NotDone(422, step.asked.tr("Choose a phrase first."))
    _once(step)

    def write(tr: Translations) -> Reply:
        return Reply(tr(label), language=tr.code)

    relay.coded(step.post, step.referral, mediator, author, write, person, step.asked.now)
    states.audit(step.post.session, step.worker.actor, "write", step.referral.id, now=step.asked.now)


def _add_note(step: Step) -> None:
    """For the colleagues only."""
    step.must(step.worker.moves(step.referral))
    text, mediator = _text(step, "note"), step.worker.mediator
    _once(step)
    step.post.session.add(Note(referral_id=step.referral.id, mediator_id=mediator.id if mediator else None, text=text))
    states.audit(step.post.session, step.worker.actor, "note", step.referral.id, now=step.asked.now)


def _give(step: Step) -> None:
    """To a colleague, or back to whoever is free."""
    step.must(step.worker.moves(step.referral))
    to, now = step.asked.said("to"), step.asked.now
    if to == "any":
        step.must(cases.hand_back(step.post, step.referral, step.worker.actor, now))
        return
    other = next((one for one in active(step.post.session) if str(one.id) == to), None)
    if other is None:
        raise NotDone(422, step.asked.tr("Choose a mediator first."))
    step.must(cases.give(step.post, step.referral, other, step.worker.actor, now))


def _close(step: Step) -> None:
    """The end, with its code."""
    step.must(step.worker.moves(step.referral))
    outcome = step.asked.said("outcome")
    if outcome not in CHOSEN_OUTCOMES:
        raise NotDone(422, step.asked.tr("Choose how it ended first."))
    step.must(cases.close(step.post, step.referral, outcome, step.worker.actor, step.asked.now))


ACTS: dict[str, Callable[[Step], None]] = {
    "take": _take,
    "say": _say,
    "phrase": _say_phrase,
    "note": _add_note,
    "give": _give,
    "close": _close,
}


def routes() -> list[Route | Mount]:
    """The queue and its referrals."""
    return [
        Route("/inbox", endpoint(queue), methods=["GET"]),
        Route("/inbox/{number}", endpoint(case), methods=["GET"]),
        Route("/inbox/{number}", endpoint(act), methods=["POST"]),
    ]
