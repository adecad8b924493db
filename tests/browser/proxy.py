"""A reverse proxy in front of a server, at a path prefix, that can fall silent."""

import http.client
import http.server
import threading


class Proxy:
    """Passes on what is asked for below `prefix`. While `silent` is set it takes requests, and answers none of them, ever."""

    def __init__(self, upstream, prefix=""):
        self.silent = threading.Event()
        self._closing = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler(upstream, prefix))
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}{prefix}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self, upstream, prefix):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                if proxy.silent.is_set():
                    proxy._closing.wait()
                    self.close_connection = True
                    return
                if not self.path.startswith(prefix + "/"):
                    self.send_error(404)
                    return
                connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=30)
                length = int(self.headers.get("Content-Length") or 0)
                connection.request(self.command, self.path[len(prefix):], self.rfile.read(length), dict(self.headers))
                answer = connection.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "date"):
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    while chunk := answer.read1(65536):
                        self.wfile.write(chunk)
                        self.wfile.flush()
                except ConnectionError:
                    pass  # whoever asked has gone

            do_GET = do_POST = do_PUT = do_DELETE = forward

            def log_message(self, *_):
                """Nothing to say."""

        return Handler
