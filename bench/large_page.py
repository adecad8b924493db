#!/usr/bin/env python3
"""How fast the dashboard shows a large store, and a small one: from the click to the last word, in a real browser.

    bench/large_page.py DIRECTORY… [--skyhook PROGRAM]

Each DIRECTORY is a data directory that `store_bench DIRECTORY fill …` made. Run by the Python that has Playwright
(scripts/python-environment.sh prints it); the browser's own cost is in the figures, so that two directories of different sizes, measured in
turn in one run, are what can be compared.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import time
import urllib.request

from playwright.sync_api import sync_playwright

TOKEN = "op_large_page_0123456789abcdefghijklmnopq"
CHROMIUM = os.environ.get("SKYHOOK_CHROMIUM", "/usr/bin/chromium")
ROUNDS = 9
LOADED = "!document.querySelector('.bone, [aria-busy=true]')"
SCREENS = {
    "overview, 24 h": ("#/", "canvas"),
    "overview, 30 d": ("#/?range=30d", "canvas"),
    "webhooks": ("#/webhooks", "tbody a"),
    "deliveries, the first page": ("#/deliveries?webhook={webhook}", "tbody a"),
    "deliveries, failed": ("#/deliveries?webhook={webhook}&status=failed", ".more, .state"),
    "deliveries, one event, 7 d": ("#/deliveries?webhook={webhook}&event=contact.created&within=7d", ".more, .state"),
    "one delivery": ("#/deliveries?webhook={webhook}&open={delivery}", "dialog [aria-label=Payload]"),
}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Server:
    def __init__(self, program, directory):
        self.port = free_port()
        environment = dict(os.environ, SKYHOOK_OPERATOR_TOKEN=TOKEN, SKYHOOK_RATE_LIMIT="0", SKYHOOK_LOG="error")
        self.process = subprocess.Popen([program, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", directory],
                                        env=environment)
        deadline = time.monotonic() + 60
        while not self.is_ready():
            assert self.process.poll() is None and time.monotonic() < deadline, "the server does not get ready"
            time.sleep(0.02)

    def is_ready(self):
        try:
            urllib.request.urlopen(f"{self.base}readyz", timeout=5).read()
            return True
        except OSError:
            return False

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}/"

    def call(self, method, path, token):
        request = urllib.request.Request(self.base + path, method=method, headers={"Authorization": "Bearer " + token})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        self.process.wait()


# How long the page's requests waited for the server, all together.
WAITED = """performance.getEntriesByType('resource').filter(one => one.name.includes('/api/') && !one.name.endsWith('/stream'))
  .reduce((sum, one) => sum + one.responseStart - one.requestStart, 0)"""


class Viewer:
    """A signed-in page of one server."""

    def __init__(self, browser, server):
        key = server.call("POST", "operator/v1/accounts/1/regenerate-key", TOKEN)["data"]["api_key"]
        webhooks = server.call("GET", "api/v1/webhooks", key)["data"]
        most = max(webhooks, key=lambda one: one["delivery_logs_count"])
        newest = server.call("GET", f"api/v1/webhooks/{most['id']}/deliveries?per_page=1", key)["data"][0]
        self.rows = sum(one["delivery_logs_count"] for one in webhooks)
        self.base = server.base
        self.places = {"webhook": most["id"], "delivery": newest["delivery_id"]}
        self.page = browser.new_page()
        self.page.goto(server.base)
        self.page.get_by_label("API key or operator token").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.locator("canvas").wait_for()
        self.took = {name: [] for name in SCREENS}
        self.waited = {name: [] for name in SCREENS}

    def look_at(self, name):
        path, sign = SCREENS[name]
        self.page.goto("about:blank")  # so that nothing is remembered
        started = time.monotonic()
        self.page.goto(self.base + path.format(**self.places))
        self.page.locator(sign).first.wait_for()
        self.page.wait_for_function(LOADED)
        self.took[name].append((time.monotonic() - started) * 1e3)
        self.waited[name].append(self.page.evaluate(WAITED))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directories", nargs="+")
    parser.add_argument("--skyhook", default="build/skyhook")
    options = parser.parse_args()
    servers = [Server(options.skyhook, directory) for directory in options.directories]
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"])
            viewers = [Viewer(browser, server) for server in servers]
            for _ in range(ROUNDS):
                for name in SCREENS:
                    for viewer in viewers:
                        viewer.look_at(name)
            browser.close()
    finally:
        for server in servers:
            server.stop()
    print(f"{'until all is there (of it waiting for the server), ms':56}" + "".join(f"{viewer.rows:>12,} rows" for viewer in viewers))
    for name in SCREENS:
        figures = [f"{statistics.median(viewer.took[name]):.0f} ({statistics.median(viewer.waited[name]):.0f})" for viewer in viewers]
        print(f"{name:56}" + "".join(f"{figure:>17}" for figure in figures))


if __name__ == "__main__":
    main()
