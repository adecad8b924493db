"""Fixtures: Debian's Chromium, driven against the real binary with real deliveries.

Every page is watched: an error on its console, an uncaught exception, or a request to any other
origin fails the test.
"""

import os
import pathlib
import sys

import pytest
from playwright.sync_api import expect, sync_playwright

TESTS = pathlib.Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
sys.path.insert(0, str(TESTS / "contract"))

from harness import receiver as receivers  # noqa: E402
from harness.polling import eventually  # noqa: E402
from harness.server import BINARY, LOCAL, Skyhook  # noqa: E402
from proxy import Proxy  # noqa: E402

# Guards against hanging, and says nothing of speed: a busy machine takes its time.
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)

CHROMIUM = os.environ.get("SKYHOOK_CHROMIUM", "/usr/bin/chromium")
# The last ones keep the browser from calling home, which a test machine may not reach.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = BINARY.parent / "test-logs" / "screens"
# The pictures that the documentation shows, renewed where SKYHOOK_SCREENSHOTS is set.
DOCUMENTED = ROOT / "docs" / "screenshots"
IN_BOTH_THEMES = {"overview", "delivery", "operator-overview"}
ON_A_PHONE = {"overview", "deliveries", "delivery"}
UNDOCUMENTED = {"overview-table", "operator-catalogue", "replay-custom", "replay-off", "webhook-set"}
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 380, "height": 780}


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not there: build it, or set SKYHOOK_BINARY", returncode=2)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield instance
        instance.close()


@pytest.fixture
def open_page(browser, make_proxy):
    """Opens the dashboard of a server; signed in where a key is given. `expect`: parts of console
    messages that the test brings about on purpose, such as a refused key. A page is closed before the proxies are."""
    opened = []

    def make(server, key=None, path="#/", viewport=None, scheme="light", expect=(), base=None):
        base = base or f"http://127.0.0.1:{server.port}/"
        origin = base.split("/", 3)
        origin = "/".join(origin[:3]) + "/"
        context = browser.new_context(viewport=viewport or DESKTOP, color_scheme=scheme,
                                      locale="en-GB", timezone_id="Europe/Berlin")
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin[:-1])
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.problems = []

        def on_console(message):
            if message.type not in ("error", "warning"):
                return
            if not any(part in message.text for part in expect):
                page.problems.append(f"console {message.type}: {message.text}")

        page.on("console", on_console)
        page.on("pageerror", lambda error: page.problems.append(f"uncaught: {error}"))
        page.on("request", lambda request: None if request.url.startswith(base) else
                page.problems.append(f"a request to {request.url}"))
        page.on("dialog", lambda dialog: (page.problems.append("a dialog"), dialog.dismiss()))
        if key:
            page.goto(base + "#/")
            sign_in(page, key)
            page.goto(base + path)
        else:
            page.goto(base + path)
        opened.append((context, page))
        return page

    yield make
    for context, page in opened:
        problems = page.problems
        context.close()
        assert problems == []


def sign_in(page, key):
    page.get_by_label("API key or operator token").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Main").wait_for()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Retries after two seconds, once; attempts last at most two seconds."""
    instance = Skyhook(
        tmp_path_factory.mktemp("server"),
        [*LOCAL, "--retry-schedule", "2s", "--timeout", "2s", "--rate-limit", "1000000"]).start()
    yield instance
    instance.close()


@pytest.fixture
def make_server(tmp_path):
    made = []

    def make(*arguments):
        made.append(Skyhook(tmp_path / f"server-{len(made) + 1}", [*LOCAL, *arguments]).start())
        return made[-1]

    yield make
    for instance in made:
        instance.close()


@pytest.fixture
def account(server):
    return server.account()


@pytest.fixture
def make_receiver():
    made = []

    def make(*answers):
        made.append(receivers.Receiver(*answers))
        return made[-1]

    yield make
    for instance in made:
        instance.close()


@pytest.fixture
def make_proxy():
    made = []

    def make(server, prefix=""):
        made.append(Proxy(server.port, prefix))
        return made[-1]

    yield make
    for instance in made:
        instance.close()


@pytest.fixture
def receiver(make_receiver):
    return make_receiver()


def axe(page):
    """The violations that axe-core finds in what is shown, by rule and place."""
    # Evaluated over the debugging protocol: the page's own policy would refuse the script.
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa',"
                          " 'wcag22aa', 'best-practice']})")
    return [(one["id"], node["html"][:200], node["failureSummary"]) for one in found["violations"]
            for node in one["nodes"]]


# Nothing is loading, and nothing moves that will ever stand still. Work whose progress a dialog shows goes on for as long as it takes.
STILL = """!document.querySelector('.bone, [aria-busy=true]:not(dialog:has(progress) *)') && document.getAnimations().every(
  one => one.playState === 'finished' || one.effect.getTiming().iterations === Infinity)"""


def settle(page):
    """Until what is loading is there and what moves stands still, in a frame drawn after the call."""
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    eventually(lambda: page.evaluate(STILL), what="a page that stands still")


def show(page, scheme, size):
    """The page in that theme and size, once it stands still in them."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    page.mouse.move(0, 0)  # on nothing that would change under it
    expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    eventually(lambda: page.evaluate("innerWidth") == size["width"], what="the size")
    settle(page)


def keep(page, name, documented):
    picture = page.screenshot()
    (SCREENS / f"{name}.png").write_bytes(picture)
    if documented and os.environ.get("SKYHOOK_SCREENSHOTS"):
        (DOCUMENTED / f"{name}.png").write_bytes(picture)


def inspect(page, name, at_end=False):
    """No violation, nothing cut off, in both themes and on a phone; keeps a picture of each. Leaves the page light and wide.
    `at_end`: what is at the end of a long page."""
    SCREENS.mkdir(parents=True, exist_ok=True)

    def place():
        if at_end:
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            settle(page)

    for scheme in ("light", "dark"):
        show(page, scheme, DESKTOP)
        place()
        assert axe(page) == [], f"{name}, {scheme}"
        keep(page, f"{name}-{scheme}", name not in UNDOCUMENTED and (scheme == "light" or name in IN_BOTH_THEMES))
    show(page, "light", PHONE)
    place()
    assert axe(page) == [], f"{name}, phone"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{name}: wider than a phone"
    keep(page, f"{name}-phone", name in ON_A_PHONE)
    show(page, "light", DESKTOP)
