"""Rasa's server on loopback, without its command line: telemetry off, no message text in the logs."""

from __future__ import annotations

import argparse
import logging

from bot.rasa_hooks.without_tensorflow import is_needed, leave_out
from bot.settings import ROOT


def main() -> None:
    """Load the model and serve the REST channel."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--endpoints", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()

    if not is_needed(ROOT / "config.yml"):
        leave_out()
    from rasa.core.run import serve_application
    from rasa.core.utils import AvailableEndpoints
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    from bot.demand import counting
    from bot.rasa_hooks.action_answers import validate_fast

    validate_fast()
    counting.start()
    configure_structlog(logging.WARNING)
    configure_logging_and_warnings(log_level=logging.WARNING, warn_only_once=True, filter_repeated_logs=True)
    serve_application(
        given.model,
        channel="rest",
        interface="127.0.0.1",
        port=given.port,
        endpoints=AvailableEndpoints.read_endpoints(given.endpoints),
    )


if __name__ == "__main__":
    main()
