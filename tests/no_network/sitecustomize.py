"""Python loads this by itself in every process that has this folder on its path: no connection leaves the machine.

Anything but loopback is refused and noted down in the file that PONTE_REFUSED names.
"""

import os
import sys

ALLOWED = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "", None)


def _refuse_other_addresses(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
    else:
        return
    if host not in ALLOWED:
        with open(os.environ["PONTE_REFUSED"], "a", encoding="utf-8") as noted:
            noted.write(f"{event} {host}\n")
        raise ConnectionRefusedError(f"{host} is not an address that was configured")


sys.addaudithook(_refuse_other_addresses)
