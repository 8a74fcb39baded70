"""A stand-in for a PPS web node: `/` is 200 while its database takes writes, else 503. The console's lab has a better one.

`python web_node.py CONNECTION-FILE ADDRESS PORT`; the file holds libpq's keywords. That other one never leaves 127/8.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg


class Sessions:
    """One session that stays open, as a service's pool does, and is opened anew when it broke."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo, self._open, self._lock = conninfo, None, threading.Lock()

    def status(self) -> int:
        with self._lock:
            try:
                if self._open is None or self._open.closed:
                    self._open = psycopg.connect(self._conninfo, autocommit=True)
                return 503 if self._open.execute("SELECT pg_is_in_recovery()").fetchone()[0] else 200
            except psycopg.Error:
                self._open = None
                return 503


def main() -> None:
    sessions = Sessions(Path(sys.argv[1]).read_text())

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(sessions.status())
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((sys.argv[2], int(sys.argv[3])), Page)
    sessions.status()
    server.serve_forever()


if __name__ == "__main__":
    main()
