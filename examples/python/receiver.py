"""SECRET=whsec_... python3 receiver.py 3000   (DIALECT=vendor checks X-Skylight-Signature instead)"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from webhook import verify_standard, verify_vendor

SECRET = os.environ["SECRET"]


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))  # raw: parse after it verified
        if os.environ.get("DIALECT") == "vendor":
            good = verify_vendor(SECRET, self.headers["X-Skylight-Signature"], body)
        else:
            good = verify_standard(SECRET, self.headers, body)
        # One write a line: the lines of several threads do not mix.
        sys.stdout.write(("verified " if good else "refused ") + body.decode(errors="replace") + "\n")
        sys.stdout.flush()
        self.send_response(204 if good else 401)
        self.end_headers()

    def log_message(self, *_):
        """The line above is enough."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
