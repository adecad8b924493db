"""What holds on every screen: access, themes, sizes, hostile text, many rows, a path prefix."""

import json
import re
import sqlite3
import time

import pytest
from conftest import ROOT, inspect, settle, sign_in
from harness import receiver as answers
from harness.polling import eventually, quickest
from harness.server import LOCAL, Skyhook
from harness.stores import PostgresServer, PostgresStore
from playwright.sync_api import expect

MARKUP = '<img src=x onerror="alert(1)"><b>bold</b>'
RIGHT_TO_LEFT = "\u202egnp.exe \u05e9\u05dc\u05d5\u05dd"


def publish_batch(server, account, count, event="contact.created"):
    body = {"events": [{"account_id": account.id, "event": event, "data": {"id": number}}
                       for number in range(count)]}
    assert server.operator("POST", "/events", body).status == 202


def durations(busy):
    """As src/store/sqlite/histogram.h keeps them, bucket and count: around 20 ms in quiet hours, two
    or three times that in busy ones, with a tail."""
    middle = 68 + round(6 * busy)
    return bytes([middle - 2, 6, middle, 20, middle + 3, 8, middle + 9, 2, middle + 14, 1])


def age(server, account, webhooks):
    """Gives webhooks that have real deliveries of this minute a past of 30 days, so that charts have
    something to show; the first of them had every event of the account."""
    insert = "INSERT OR IGNORE INTO rollups VALUES (?, ?, ?, ?, ?, ?)"
    assert server.stop() == 0
    database = sqlite3.connect(next(server.directory.rglob("*.db")))
    now = int(time.time() // 60)
    for webhook, (base, bad) in webhooks.items():
        for ago in range(3, 30 * 24 * 60):
            hour = (now - ago) / 60 % 24
            day = max(0.08, 1 - abs(hour - 13) / 11)
            wave = 0.75 + ((now - ago) * 7919 % 53) / 106
            delivered = int(base * day * wave)
            failed_attempts = round(delivered * bad * ((now - ago) * 104729 % 31) / 15)
            database.execute(insert, (webhook, now - ago, delivered, failed_attempts, failed_attempts // 4,
                                      durations(day * wave)))
            if webhook == next(iter(webhooks)):
                database.execute(insert, (-account.id, now - ago, delivered + failed_attempts // 4, 0, 0, b""))
    # It is only in single minutes, as that of a store from before there were spans.
    database.execute("UPDATE counters SET value = ? WHERE name = 'spans_from'", ((now // 240 + 2) * 240,))
    database.commit()
    database.close()
    server.start()


EVENT_TYPES = """
[[event_types]]
name = "invoice.paid"
description = "An invoice is paid"
schema = '{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "total": {"type": "number"}}}'
example = '{"id": 5012, "customer": {"name": "Amina Haddad", "plan": "pro"}, "total": 49.5}'
check = true
[[event_types]]
name = "invoice.overdue"
description = "An invoice was not paid in time"
example = '{"id": 5012, "days": 14}'
"""
ALL_OPTIONS = {"headers": {"X-Api-Key": "s3cr3t"}, "rate_limit": 5, "ordered": True, "filter": {"customer": {"plan": ["pro", "team"]}},
               "retry_schedule": ["30s", "5m", "1h"], "timeout": "10s", "ed25519": True}


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    """A server as it looks in daily use: several accounts, good and bad receivers, a past."""
    directory = tmp_path_factory.mktemp("lively")
    (directory / "skyhook.toml").write_text(EVENT_TYPES)
    told = answers.Receiver()
    server = Skyhook(directory, [
        *LOCAL, "--config", str(directory / "skyhook.toml"), "--retry-schedule", "1s,10m,30m", "--timeout", "2s", "--rate-limit", "1000000",
        "--operator-webhook", told.url("/ops"), "--operator-webhook-secret", "whsec_" + "A" * 43 + "="]).start()
    receivers = [answers.Receiver(answers.status(200, delay=0.02, body=b'{"received":true}')),
                 answers.Receiver(answers.status(500, body=b"<html><h1>Internal Server Error</h1></html>",
                                                 headers=[("Content-Type", "text/html"), ("Server", "nginx")])),
                 answers.Receiver(answers.status(200, delay=0.05), answers.status(503), answers.status(200, delay=0.05)),
                 answers.Receiver(answers.status(410)), told]
    account = server.account("Harbour Hotels")
    server.operator("PUT", f"/accounts/{account.id}", {"first_attempt_target": "500ms"})
    everything = [one["event"] for one in account.get("/webhooks/events").data if not one["event"].startswith("invoice.")]
    good = account.webhook(receivers[0].url("/hooks/skylight"), everything, "Booking engine")
    bad = account.webhook(receivers[1].url("/webhooks/in"), ["booking.created", "ticket.created"], "Billing")
    poor = account.webhook(receivers[2].url("/crm"), ["contact.created", "contact.updated"], "CRM sync")
    idle = account.webhook(receivers[0].url("/old"), ["ticket.replied"], "Old importer", is_active=False)
    gone = account.webhook(receivers[3].url("/partner"), ["message.sent"], "Legacy partner")
    ledger = account.webhook(receivers[0].url("/ledger"), ["invoice.*"], "Ledger", options=ALL_OPTIONS)
    lost = account.webhook(receivers[1].url("/stock"), ["contact.deleted"], "Warehouse", options={"retry_schedule": []})
    for number in range(4):
        for event in everything:
            account.publish(event, {"id": 1000 + number, "name": "Amina Haddad", "vip": True})
        # One that answered 410 gets no further event: how many come too soon for that is no matter of chance here.
        eventually(lambda: not account.get(f"/webhooks/{gone['id']}").data["is_active"], what="the end of the one that is gone")
    others = [server.account(name) for name in ("Northwind Clinics", "Blue Door Bakery", "Old Customer")]
    for other in others[:2]:
        hook = other.webhook(receivers[0].url("/other"), everything, "Production")
        other.publish("message.received")
        other.settled(hook, "delivered")
    server.operator("PUT", f"/accounts/{others[2].id}", {"is_active": False})
    account.settled(good, "delivered", 44)
    account.settled(lost, "failed", 4)
    eventually(lambda: all(entry["attempt_number"] >= 2 for entry in account.deliveries(bad)), what="two attempts")
    age(server, account, {good["id"]: (60, 0.03), poor["id"]: (24, 0.2)})
    server.main = account
    server.webhooks = {"good": good, "bad": bad, "poor": poor, "idle": idle, "gone": gone, "ledger": ledger, "lost": lost}
    yield server
    server.close()
    for one in receivers:
        one.close()


def test_signing_in_is_open_to_all(lively, open_page):
    inspect(open_page(lively), "sign-in")


@pytest.mark.parametrize("name, path, ready", [
    ("overview", "#/", "Needs attention"),
    ("overview-events", "#/?chart=events&range=7d", "Needs attention"),
    ("overview-latency", "#/?chart=latency&range=7d", "Needs attention"),
    ("overview-table", "#/?chart=table&range=30d", "Needs attention"),
    ("webhooks", "#/webhooks", "Booking engine"),
    ("webhook", "#/webhooks/{poor}", "CRM sync"),
    ("webhook-new", "#/webhooks/new", "contact.created"),
    ("webhook-edit", "#/webhooks/{good}/edit", "Save changes"),
    ("webhook-set", "#/webhooks/{ledger}", "one after the other, in order"),
    ("deliveries", "#/deliveries?webhook={good}", "Load older|This is the whole log"),
    ("deliveries-no-match", "#/deliveries?webhook={good}&event=webhook.test", "Nothing matches"),
    ("catalogue", "#/events", "A new contact is added"),
    ("not-found", "#/nowhere", "There is no such page"),
])
def test_screens_of_an_account(lively, open_page, name, path, ready):
    path = path.format(**{key: hook["id"] for key, hook in lively.webhooks.items()})
    page = open_page(lively, lively.main.key, path)
    page.get_by_text(re.compile(ready)).first.wait_for()
    if name in ("overview", "overview-events", "overview-latency", "webhook", "webhook-set"):
        page.locator("canvas").wait_for()
    inspect(page, name, at_end=name == "webhook-set")


def test_the_options_of_a_webhook_that_has_them_all(lively, open_page):
    page = open_page(lively, lively.main.key, f"#/webhooks/{lively.webhooks['ledger']['id']}/edit")
    page.get_by_label("Certificate", exact=True).wait_for()
    inspect(page, "webhook-options", at_end=True)


def test_the_drawer_of_a_delivery(lively, open_page):
    page = open_page(lively, lively.main.key, f"#/deliveries?webhook={lively.webhooks['bad']['id']}&status=pending")
    page.locator("tbody a").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Response,").first.click()
    expect(dialog).to_contain_text("The receiver failed with an error of its own (500)")
    inspect(page, "delivery")
    # The address holds it all: opened anew, it shows the same.
    other = open_page(lively, lively.main.key, page.url.split("/", 3)[3])
    expect(other.get_by_role("dialog")).to_contain_text("Attempt 2")


def test_dialogs_of_an_account(lively, open_page, receiver):
    page = open_page(lively, lively.main.key, f"#/deliveries?webhook={lively.webhooks['lost']['id']}")
    page.get_by_role("button", name="Recover failed").click()
    expect(page.get_by_role("dialog")).to_contain_text("failed in this time and will be sent again")
    inspect(page, "recover")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Replay events").click()
    expect(page.get_by_role("dialog")).to_contain_text("4 events go out, each as a new delivery.")
    inspect(page, "replay")
    page.get_by_role("dialog").get_by_role("button", name="Custom").click()
    inspect(page, "replay-custom")
    page.goto(page.url.split("#")[0] + f"#/deliveries?webhook={lively.webhooks['gone']['id']}&replay=1")
    expect(page.get_by_role("dialog")).to_contain_text("This webhook is off")
    expect(page.get_by_role("button", name="Replay 4")).to_be_disabled()
    inspect(page, "replay-off")

    page = open_page(lively, lively.main.key, "#/events?type=invoice.paid")
    page.get_by_label("JSON Schema").wait_for()
    inspect(page, "event-type")

    page = open_page(lively, lively.main.key, "#/webhooks/new")
    page.get_by_label("Name").fill("Warehouse")
    page.get_by_label("URL").fill(receiver.url())
    page.get_by_label("contact.created").check()
    page.get_by_role("button", name="Create webhook").click()
    page.get_by_label("Verification code").wait_for()
    inspect(page, "secret")
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_role("dialog", name="Test delivery")).to_contain_text("The receiver accepted it.")
    inspect(page, "test-delivery")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="I have stored it").click()
    page.get_by_role("button", name="Delete webhook").click()
    inspect(page, "delete")
    page.get_by_role("dialog").get_by_label("Type the name to confirm").fill("Warehouse")
    page.get_by_role("dialog").get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_role("heading", name="Webhooks")).to_be_visible()


@pytest.mark.parametrize("name, path, ready", [
    ("operator-overview", "#/", "Harbour Hotels"),
    ("operator-accounts", "#/accounts", "Northwind Clinics"),
    ("operator-account", "#/accounts/{account}", "Booking engine"),
    ("operator-target", "#/accounts/{account}", "Target for first attempts"),
    ("operator-events", "#/accounts/1", "Here is what Skyhook tells you"),
    ("operator-deliveries", "#/accounts/{account}/deliveries?webhook={bad}", "This is the whole log"),
    ("operator-publish", "#/publish?account={account}&event=booking.created", "Restore example"),
    ("operator-catalogue", "#/events", "A new contact is added"),
    ("operator-nodes", "#/nodes", "This server works alone"),
    ("operator-new-account", "#/accounts?create=1", "Create account"),
])
def test_screens_of_the_operator(lively, open_page, name, path, ready):
    page = open_page(lively, lively.operator_token, path.format(account=lively.main.id, bad=lively.webhooks["bad"]["id"]))
    page.get_by_text(ready).first.wait_for()
    if name in ("operator-overview", "operator-account", "operator-target", "operator-events"):
        page.locator("canvas").wait_for()
    inspect(page, name, at_end=name == "operator-target")


@pytest.fixture
def two_nodes(tmp_path):
    """Two nodes on one PostgreSQL; the second is killed by the test."""
    store = PostgresStore(tmp_path / "shared", PostgresServer.of_this_run())
    first = Skyhook(tmp_path / "first", LOCAL, store=store)
    second = Skyhook(tmp_path / "second", LOCAL, store=store)
    second.operator_token = first.operator_token
    second.environment["SKYHOOK_OPERATOR_TOKEN"] = first.operator_token
    yield first.start(), second.start()
    for node in (first, second):
        node.close()


def test_nodes_and_their_leases(two_nodes, open_page):
    first, second = two_nodes
    page = open_page(first, first.operator_token, "#/nodes")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_text("Working")).to_have_count(2)
    expect(page.locator("tbody tr", has_text="answers this page")).to_have_count(1)
    inspect(page, "operator-several-nodes")
    second.kill()
    # Its lease ends, and what it owned is taken over.
    expect(page.get_by_text("Working")).to_have_count(1, timeout=30_000)


def test_every_webhook_of_many_has_its_health(server, account, receiver, open_page):
    for number in range(110):
        account.webhook(receiver.url(), ["ticket.created"], f"Number {number}")
    last = account.webhook(receiver.url(), name="The last")
    account.publish()
    account.settled(last, "delivered")
    page = open_page(server, account.key, "#/webhooks")
    expect(page.locator("tbody tr a")).to_have_count(111)
    settle(page)
    expect(page.locator("tbody tr").last).to_contain_text("100%")
    page.get_by_label("Search webhooks").fill("the LAST")
    expect(page.locator("tbody tr a")).to_have_count(1)
    page.get_by_label("Search webhooks").fill("nothing like it")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("tbody tr a")).to_have_count(111)


def test_a_thousand_webhooks_are_shown_in_parts(server, receiver, open_page):
    account = server.account()
    for number in range(201):
        account.webhook(receiver.url(), ["ticket.created"], f"Number {number}")
    page = open_page(server, account.key, "#/webhooks")
    expect(page.get_by_text("200 of 201")).to_be_visible()
    expect(page.locator("tbody tr a")).to_have_count(200)
    # What is searched for is found among all of them.
    page.get_by_label("Search webhooks").fill("number 200")
    expect(page.locator("tbody tr a")).to_have_text(["Number 200"])
    page.get_by_label("Search webhooks").fill("")
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("tbody tr a")).to_have_count(201)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()


@pytest.mark.parametrize("path, shown", [
    ("#/?range=7d&chart=latency", [("button", "7 d"), ("button", "Latency")]),
    ("#/webhooks?search=crm", [("link", "CRM sync")]),
    ("#/webhooks/{poor}?range=1h", [("button", "1 h")]),
    ("#/webhooks/{good}/edit", [("button", "Save changes")]),
    ("#/deliveries?webhook={bad}&status=pending&event=ticket.created&within=24h", [("button", "Pending")]),
    ("#/deliveries?webhook={gone}&recover=1", [("button", "Recover 1")]),
    ("#/deliveries?webhook={lost}&replay=1", [("button", "Replay 4")]),
    ("#/events?search=overdue&type=invoice.overdue", [("dialog", "invoice.overdue")]),
])
def test_an_address_holds_the_state_of_its_screen(lively, open_page, path, shown):
    path = path.format(**{key: hook["id"] for key, hook in lively.webhooks.items()})
    page = open_page(lively, lively.main.key, path)
    page.reload()  # as somebody else would open it
    for role, name in shown:
        found = page.get_by_role(role, name=name, exact=True)
        expect(found).to_be_visible()
        if role == "button" and found.get_attribute("aria-pressed") is not None:
            expect(found).to_have_attribute("aria-pressed", "true")
    if "event=" in path:
        expect(page.get_by_label("Event")).to_have_value("ticket.created")
        expect(page.get_by_label("Time")).to_have_value("24h")
        expect(page.locator("tbody tr")).to_have_count(4)


def test_a_span_of_time_is_typed_in(lively, open_page):
    hook = lively.webhooks["good"]
    page = open_page(lively, lively.main.key, f"#/deliveries?webhook={hook['id']}")
    page.get_by_label("Time").select_option("custom")
    expect(page.locator("tbody tr")).to_have_count(44)
    page.get_by_label("Until").fill("2020-01-01T00:00:00")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    assert "until=2019-12-31T23" in page.url  # Berlin's midnight
    page.get_by_label("Until").fill("2100-01-01T00:00:00")
    expect(page.locator("tbody tr")).to_have_count(44)


# The sum of all shifts, as browsers measure them, of which 0.1 is called good.
SHIFT_LIMIT = 0.01
SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (!entry.hadRecentInput) {
        window.shifts.push([entry.value, entry.sources.map((one) => one.node && (one.node.className || one.node.nodeName))]);
      }
    }
  }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("path", ["#/", "#/webhooks", "#/webhooks/{poor}", "#/deliveries?webhook={good}",
                                  "#/webhooks/new", "#/events"])
def test_nothing_jumps_while_it_loads(lively, open_page, path):
    path = path.format(**{key: hook["id"] for key, hook in lively.webhooks.items()})
    page = open_page(lively, lively.main.key)
    page.add_init_script(SHIFTS)
    # Answers come one after another, late.
    delays = iter(range(150, 3000, 150))

    def late(route):
        page.wait_for_timeout(next(delays, 0))
        route.continue_()

    page.route(re.compile("/api/v1/(?!.*stream)"), late)
    page.goto(page.url.split("#")[0] + path)
    page.reload()
    settle(page)
    if path in ("#/",) or "poor" in path:
        page.locator("canvas").wait_for()
    shifts = page.evaluate("window.shifts")
    page.unroute_all(behavior="ignoreErrors")  # answers that are late still
    assert sum(value for value, _ in shifts) < SHIFT_LIMIT, shifts


FIRST_VIEW_LIMIT = 150 * 1024  # bytes on the wire, gzipped
FIRST_VIEW_SAID = re.compile(r"First view: (\d+) KiB gzipped, (\d+) with the chart's library")


def test_the_first_view_is_small(lively, browser):
    """Everything that the overview with its chart takes, fonts included, as a client that knows gzip alone."""
    context = browser.new_context(extra_http_headers={"Accept-Encoding": "gzip"})
    page = context.new_page()
    sizes = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    base = f"http://127.0.0.1:{lively.port}/"
    page.goto(base)
    page.get_by_label("API key or operator token").fill(lively.main.key)
    page.get_by_role("button", name="Sign in").click()
    page.locator("canvas").wait_for()
    settle(page)
    files = {url: size for url, size in sizes.items() if "/api/" not in url and size}
    assert any("woff2" in url for url in files) and any("plot" in url for url in files), files
    total, plot = sum(files.values()), sum(size for url, size in files.items() if "plot" in url)
    assert 50_000 < total < FIRST_VIEW_LIMIT, files
    said = FIRST_VIEW_SAID.search((ROOT / "docs" / "decisions" / "dashboard.md").read_text()).groups()
    assert [int(kib) for kib in said] == pytest.approx([(total - plot) / 1024, total / 1024], abs=2)
    context.close()


def test_what_the_page_is_made_of_is_credited(server, open_page):
    """Each package that is built into the page, with its licence to the letter."""
    page = open_page(server)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Licences").click()
    shown = " ".join(opened.value.locator("body").inner_text().split())
    packages = json.loads((ROOT / "web" / "package.json").read_text())["dependencies"]
    assert len(packages) >= 4
    for package in packages:
        [licence] = (ROOT / "web" / "node_modules" / package).glob("LICENSE*")
        assert " ".join(licence.read_text().split()) in shown, package


def test_states_of_an_empty_account(server, account, open_page):
    page = open_page(server, account.key, "#/")
    expect(page.get_by_text("Create your first webhook")).to_be_visible()
    inspect(page, "overview-empty")
    page.goto(page.url.split("#")[0] + "#/webhooks")
    expect(page.get_by_text("No webhooks yet")).to_be_visible()
    inspect(page, "webhooks-empty")


def test_the_keyboard_alone(lively, open_page):
    page = open_page(lively, lively.main.key, f"#/deliveries?webhook={lively.webhooks['good']['id']}")
    page.reload()  # the focus begins at the top
    page.locator("tbody a").first.wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.locator("tbody a").first.focus()
    page.keyboard.press("ArrowDown")
    second = page.locator("tbody a").nth(1)
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    first_id = dialog.locator("dd code").first.inner_text()
    page.keyboard.press("j")
    expect(dialog.locator("dd code").first).not_to_have_text(first_id)
    page.keyboard.press("k")
    expect(dialog.locator("dd code").first).to_have_text(first_id)
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(second).to_be_focused()


def tab_to(page, target, limit=30):
    for _ in range(limit):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("the keyboard does not get there")


def test_the_keyboard_through_dialogs(lively, open_page):
    page = open_page(lively, lively.main.key, f"#/deliveries?webhook={lively.webhooks['lost']['id']}")
    dialog = page.get_by_role("dialog")
    opener = page.get_by_role("button", name="Replay events")
    opener.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("4 events")
    expect(dialog.locator(".body")).to_be_focused()  # on what there is to read, not on Close
    tab_to(page, dialog.get_by_role("button", name="7 days"))
    page.keyboard.press("Space")
    expect(dialog.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    tab_to(page, dialog.get_by_role("button", name="Replay 4"))
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    page.goto(page.url.split("#")[0] + "#/events")
    opener = page.get_by_role("link", name="invoice.paid")
    opener.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    tab_to(page, dialog.get_by_label("JSON Schema"))
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_the_focus_stays_above_what_is_always_in_sight(lively, open_page):
    """The end of a form covers what scrolls beneath it (WCAG 2.4.11)."""
    page = open_page(lively, lively.main.key, f"#/webhooks/{lively.webhooks['ledger']['id']}/edit")
    page.get_by_label("Name", exact=True).focus()
    covered = """() => {
      const one = document.activeElement.getBoundingClientRect();
      const bar = document.querySelector(".form-actions");
      return !bar.contains(document.activeElement) && one.top >= bar.getBoundingClientRect().top;
    }"""
    for _ in range(40):
        page.keyboard.press("Tab")
        assert not page.evaluate(covered)


def test_the_theme_is_the_systems_until_it_is_chosen(lively, open_page):
    page = open_page(lively, lively.main.key, scheme="dark")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name=re.compile("^Theme:")).click()
    expect(root).to_have_attribute("data-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-theme", "light")


def test_times_are_local_and_say_the_utc_moment(lively, open_page):
    hook = lively.webhooks["good"]
    created = lively.main.deliveries(hook)[0]["created_at"]
    page = open_page(lively, lively.main.key, f"#/deliveries?webhook={hook['id']}")
    moment = page.locator("tbody time").first
    utc = created.replace("T", " ")[:23] + " UTC"
    expect(moment).to_have_attribute("title", utc)
    hour = time.strftime("%H", time.gmtime(time.time()))
    assert moment.inner_text()[-8:-6] != hour or utc[11:13] != hour  # Berlin is never at UTC


def test_hostile_names_and_payloads_are_text(server, account, receiver, open_page):
    name = f"{MARKUP} {RIGHT_TO_LEFT} \U0001f40d"
    webhook = account.webhook(receiver.url("/" + "x" * 300), name=name)
    big = "y" * (255 * 1024)
    account.publish(data={"html": MARKUP, "reversed": RIGHT_TO_LEFT, "snake": "\U0001f40d",
                          "script": "</script><script>alert(2)</script>"})
    account.publish(data={"big": big})
    account.settled(webhook, "delivered", 2)
    page = open_page(server, account.key, "#/webhooks")
    # As text; what would turn the reading direction is spelled out.
    expect(page.locator("tbody a").first).to_have_text(f"{MARKUP} \\u202egnp.exe \u05e9\u05dc\u05d5\u05dd \U0001f40d")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.goto(page.url.split("#")[0] + f"#/deliveries?webhook={webhook['id']}")
    page.locator("tbody a").nth(1).click()
    payload = page.get_by_role("dialog").get_by_label("Payload")
    expect(payload).to_contain_text(json.dumps(MARKUP))
    expect(payload).to_contain_text("\\u202egnp.exe")
    expect(payload).to_contain_text("</script><script>alert(2)</script>")
    page.keyboard.press("k")
    expect(payload).to_contain_text("yyyyyyyy")
    expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"25\d(\.\d)? KiB"))
    assert page.locator("main img, dialog img, main script, dialog script").count() == 0
    inspect(page, "hostile")


def test_a_hundred_thousand_rows(make_server, open_page):
    server = make_server("--retry-schedule", "", "--timeout", "2s", "--rate-limit", "1000000")
    account = server.account()
    webhook = account.webhook(f"http://127.0.0.1:{answers.closed_port()}/hook")
    for _ in range(100):
        publish_batch(server, account, 1000)
    account.settled(webhook, "failed", 50)
    page = open_page(server, account.key, "#/")
    start = page.url.split("#")[0]

    def opens(path, rows):
        page.goto(start + "#/nowhere")
        expect(page.get_by_text("There is no such page")).to_be_visible()
        started = time.monotonic()
        page.goto(start + path)
        expect(page.locator("tbody tr a")).to_have_count(rows)
        return time.monotonic() - started

    assert quickest(lambda: opens(f"#/deliveries?webhook={webhook['id']}", 50), 3) < 3
    page.get_by_role("button", name="Load older").click()
    expect(page.locator("tbody tr")).to_have_count(100)
    assert quickest(lambda: opens("#/webhooks", 1), 3) < 3


def test_behind_a_path_prefix(server, account, receiver, open_page, make_proxy):
    account.webhook(receiver.url(), name="Prefixed")
    # The page's watch refuses every request outside of the prefix.
    page = open_page(server, account.key, "#/webhooks", base=make_proxy(server, "/some/where").base)
    page.get_by_role("link", name="Prefixed").click()
    page.locator("canvas").wait_for()
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_role("dialog")).to_contain_text("The receiver accepted it.")


def test_too_many_requests_heal_by_themselves(make_server, receiver, open_page):
    server = make_server("--rate-limit", "30")
    account, spent = server.account(), server.account("Spent")
    account.webhook(receiver.url(), name="Patience")
    refusal = eventually(lambda: refused(spent), what="the limit")
    page = open_page(server, expect=["429"])
    page.clock.install()
    sign_in(page, account.key)
    # The server's own refusal, for as long as it is wanted here: a minute may end at any time.
    page.route(re.compile(r"/deliveries\?"), lambda route: route.fulfill(
        status=429, body=refusal.body, headers={"Content-Type": "application/json"}))
    page.get_by_role("link", name="Deliveries").click()
    expect(page.get_by_text("Too many requests").first).to_be_visible()
    page.unroute_all()
    page.clock.fast_forward(refusal.json["retry_after"] * 1000)
    expect(page.get_by_text("Nothing delivered yet")).to_be_visible()


def refused(account):
    answer = account.get("/webhooks/events")
    return answer if answer.status == 429 else None
