"""A hub of weights on this machine, which answers as far as `hf_hub_download` asks."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def fake_hub(files: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve files by `repository/name`; yields the hub's address, and a list of what it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self._answer(with_content=False)

        def do_GET(self):
            self._answer(with_content=True)

        def _answer(self, *, with_content: bool):
            repository, _, rest = self.path.strip("/").partition("/resolve/")
            revision, _, name = rest.partition("/")
            asked.append(f"{self.command} {repository}/{name}")
            content = files.get(f"{repository}/{name}")
            self.send_response(404 if content is None else 200)
            if content is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            else:
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            commit = hashlib.sha1(repr(sorted(files)).encode()).hexdigest()
            self.send_header("X-Repo-Commit", commit if revision == "main" else revision)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if with_content and content:
                self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
