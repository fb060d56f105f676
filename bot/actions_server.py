"""The action server on loopback; rasa-sdk's own command listens on every address."""

from __future__ import annotations

import logging
import sys

from rasa_sdk.endpoint import create_app

from bot.demand import counting


def main(port: int) -> None:
    """Serve the actions package."""
    logging.basicConfig(level=logging.WARNING)
    counting.start()
    app = create_app("actions")
    app.run("127.0.0.1", port, workers=1, access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
