"""The plainest bot on the same library: it sends back what it gets. `python -m benchmarks.echo_bot TOKEN URL`."""

import sys

from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters


async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Send it back."""
    assert update.message and update.message.text
    await update.message.reply_text(update.message.text)


if __name__ == "__main__":
    application = Application.builder().token(sys.argv[1]).base_url(f"{sys.argv[2]}/bot").build()
    application.add_handler(MessageHandler(filters.TEXT, echo))
    application.run_polling(allowed_updates=Update.ALL_TYPES)
