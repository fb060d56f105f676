"""Nothing contacts an address that the operator did not configure."""

import os
import subprocess
import sys

from tests.conftest import NO_NETWORK

TRY = "import socket; socket.create_connection(('{}', {}), timeout=1)"


def try_to_reach(host, port, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(NO_NETWORK), "PONTE_REFUSED": str(tmp_path / "refused")}
    return subprocess.run(
        [sys.executable, "-c", TRY.format(host, port)], env=environment, capture_output=True, text=True
    )


def test_the_guard_refuses_any_other_address(tmp_path):
    tried = try_to_reach("192.0.2.1", 443, tmp_path)

    assert "is not an address that was configured" in tried.stderr
    assert (tmp_path / "refused").read_text().startswith("socket.getaddrinfo 192.0.2.1")


def test_a_whole_conversation_reaches_only_what_was_configured(running_bot):
    running_bot.telegram.send_text(999, "come rinnovo il permesso di soggiorno? abito a Lodi", language_code="it")
    running_bot.telegram.wait_for(999, lambda message: "Lodi" in message.get("text", ""), timeout=30)

    assert running_bot.refused == []
