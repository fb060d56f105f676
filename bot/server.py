"""The gateway process: Telegram, web chat and the work between them and Rasa."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from telegram import Update
from telegram.ext import Application

from bot import trial
from bot.database.leases import Leases
from bot.database.migrate import migrate
from bot.gateway import people
from bot.gateway.gateway import Gateway
from bot.gateway.model import Channel
from bot.gateway.rasa import Rasa
from bot.mediation import topics
from bot.settings import Settings, settings
from bot.telegram_app import app as telegram_app
from bot.web.app import WebChannel, create_app

log = logging.getLogger(__name__)
HOUR = 3600


async def _expire_every_hour(gateway: Gateway) -> None:
    while True:
        try:
            gateway.wake(await asyncio.to_thread(people.expire))
        except Exception as error:
            log.warning("old conversations could not be erased: %s", type(error).__name__)
        await asyncio.sleep(HOUR)


@contextlib.asynccontextmanager
async def _telegram_running(
    application: Application, config: Settings, secret: str, leases: Leases
) -> AsyncIterator[None]:
    """Poll, or ask Telegram to call the webhook; try for as long as Telegram is away."""
    started = asyncio.create_task(_start_telegram(application, config, secret, leases))
    try:
        yield
    finally:
        started.cancel()
        await asyncio.gather(started, return_exceptions=True)
        if application.running:
            await application.stop()
        with contextlib.suppress(Exception):
            await application.shutdown()


async def _start_telegram(application: Application, config: Settings, secret: str, leases: Leases) -> None:
    while True:
        try:
            await application.initialize()
            await application.start()
            if config.telegram_webhook_url:
                # One at a time, or Telegram may deliver two messages of a person in the wrong order.
                url = config.telegram_webhook_url
                await application.bot.set_webhook(url, secret_token=secret, max_connections=1)
            else:
                await application.bot.delete_webhook()
            break
        except Exception as error:
            log.warning("Telegram cannot be reached (%s); trying again", type(error).__name__)
            await asyncio.sleep(5)
    work = [telegram_app.announce(application)]  # a call for each language, so people do not wait for it
    if not config.telegram_webhook_url:
        work.append(telegram_app.poll(application, leases))
    await asyncio.gather(*work)


def make_app() -> Starlette:
    """Everything wired together, from the settings."""
    config = settings()
    rasa = Rasa(config.rasa_url, f"http://127.0.0.1:{config.actions_port}")
    web = WebChannel()
    channels: dict[str, Channel] = {"web": web, trial.CHANNEL: web}
    leases = Leases()
    gateway = Gateway(rasa, channels, leases)
    secret = hashlib.sha256(config.secret + b"telegram webhook").hexdigest()
    application = telegram_app.build(config) if config.telegram_token else None
    if application:
        channels[telegram_app.CHANNEL] = telegram_app.TelegramChannel(application)
        if config.staff_group:
            channels[topics.CHANNEL] = telegram_app.TopicChannel(application, config.staff_group)
        telegram_app.add_handlers(application, gateway)

    async def webhook(update: Any) -> None:
        assert application
        await telegram_app.take(application, Update.de_json(update, application.bot))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        migrate()
        expiry = asyncio.create_task(_expire_every_hour(gateway))
        async with contextlib.AsyncExitStack() as stack:
            if application:
                await stack.enter_async_context(_telegram_running(application, config, secret, leases))
            gateway.start()
            yield
            await gateway.close()
        expiry.cancel()
        await rasa.close()

    uses_webhook = application is not None and config.telegram_webhook_url is not None
    return create_app(gateway, web, rasa.is_ready, webhook if uses_webhook else None, secret, lifespan)


def serve() -> None:
    """Run until a signal ends it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines would carry the bot's token
    config = settings()
    uvicorn.run(
        make_app(),
        host=config.web_host,
        port=config.web_port,
        log_level="warning",
        ws="none",
        timeout_graceful_shutdown=3,
    )
