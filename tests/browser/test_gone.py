"""What a page that is open shows when what it is about goes away: the server, the webhook, the account's right to be there."""

import re

import pytest
from conftest import settle, sign_in
from harness.polling import eventually
from playwright.sync_api import expect

AWAY = "The server cannot be reached. Trying again…"
OF_AN_ACCOUNT = {
    "#/": "Needs attention", "#/webhooks": "Kitchen", "#/webhooks/{webhook}": "Latest deliveries", "#/webhooks/{webhook}/edit": "Save changes",
    "#/webhooks/new": "A new contact is added", "#/deliveries?webhook={webhook}": "This is the whole log",
    "#/deliveries?webhook={webhook}&open={delivery}": "1 attempt", "#/deliveries?webhook={webhook}&recover=1": "Nothing failed in this time.",
    "#/deliveries?webhook={webhook}&replay=1": "1 event goes out", "#/events": "A new contact is added",
}
OF_THE_OPERATOR = {
    "#/": "All accounts", "#/accounts": "Acme", "#/accounts/{account}": "Target for first attempts",
    "#/accounts/{account}/deliveries?webhook={webhook}": "This is the whole log", "#/publish": "Restore example",
    "#/events": "A new contact is added", "#/nodes": "This server works alone",
}


@pytest.fixture
def one_delivered(make_server, receiver):
    server = make_server("--rate-limit", "0")
    server.main = server.account()
    webhook = server.main.webhook(receiver.url(), name="Kitchen")
    server.main.publish()
    [delivery] = server.main.settled(webhook, "delivered")
    server.names = {"webhook": webhook["id"], "delivery": delivery["delivery_id"], "account": server.main.id}
    return server


@pytest.mark.parametrize("who, screens", [("account", OF_AN_ACCOUNT), ("operator", OF_THE_OPERATOR)], ids=["account", "operator"])
def test_every_screen_waits_for_the_server(one_delivered, open_page, who, screens):
    """It was never read before: it says why there is nothing, and is there as soon as the server is."""
    server = one_delivered
    key = server.main.key if who == "account" else server.operator_token
    pages = {}
    for path in screens:
        page = pages[path] = open_page(server, expect=["ERR_", "Failed to load resource"])
        page.goto(page.url.split("#")[0] + "#/nowhere")
        sign_in(page, key)
        settle(page)
    assert server.stop() == 0
    for path, page in pages.items():
        page.goto(page.url.split("#")[0] + path.format(**server.names))
        expect(page.get_by_text(AWAY)).to_be_visible()
        expect(page.get_by_role("heading", name="The server cannot be reached").or_(page.get_by_text("The server cannot be reached.", exact=True)).first).to_be_visible()
    server.start()
    for path, page in pages.items():
        expect(page.get_by_text(AWAY)).to_be_hidden()
        expect(page.get_by_text(screens[path]).first).to_be_visible()
        expect(page.get_by_text("cannot be reached")).to_have_count(0)


def test_a_change_that_the_server_may_have_got(one_delivered, open_page):
    server = one_delivered
    page = open_page(server, server.main.key, f"#/webhooks/{server.names['webhook']}/edit", expect=["ERR_", "Failed to load resource"])
    page.get_by_label("Name", exact=True).fill("Bar")
    assert server.stop() == 0
    page.get_by_role("button", name="Save changes").click()
    said = "The server cannot be reached. It may do all the same what it was asked to: look before you ask again."
    expect(page.get_by_text(said)).to_be_visible()
    server.start()
    expect(page.get_by_text(AWAY)).to_be_hidden()
    # What was typed is there still, and nothing was sent by itself.
    expect(page.get_by_label("Name", exact=True)).to_have_value("Bar")
    assert server.main.get("/webhooks").data[0]["name"] == "Kitchen"
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Bar")).to_be_visible()


@pytest.mark.parametrize("path", ["#/", "#/webhooks", "#/webhooks/{webhook}", "#/deliveries?webhook={webhook}", "#/events"])
def test_an_account_that_is_switched_off_while_its_page_is_open(one_delivered, open_page, path):
    server = one_delivered
    page = open_page(server, expect=["403"])
    page.clock.install()
    sign_in(page, server.main.key)
    page.goto(page.url.split("#")[0] + path.format(**server.names))
    ready = page.get_by_text(OF_AN_ACCOUNT[path]).first
    expect(ready).to_be_visible()

    def switch(active):
        assert server.operator("PUT", f"/accounts/{server.main.id}", {"is_active": active}).status == 200

    switch(False)
    if path != "#/events":  # which is read once
        # What is there stays, and says that it may be old.
        eventually(lambda: page.clock.fast_forward(3000) or page.get_by_text("This account is inactive.").count(), what="the word of it")
        expect(page.get_by_text("What you see may be out of date. This account is inactive.")).to_be_visible()
        expect(ready).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Not allowed").first).to_be_visible()
    switch(True)
    page.get_by_role("button", name="Try again").first.click()
    expect(ready).to_be_visible()


def test_a_webhook_that_is_deleted_while_its_log_is_open(one_delivered, make_receiver, open_page):
    server = one_delivered
    empty = server.main.webhook(make_receiver().url(), ["ticket.created"], "Empty")
    for webhook, shown in ((server.names["webhook"], "This is the whole log"), (empty["id"], "Nothing delivered yet")):
        page = open_page(server, server.main.key, f"#/deliveries?webhook={webhook}", expect=["404"])
        expect(page.get_by_text(shown)).to_be_visible()
        assert server.main.delete(f"/webhooks/{webhook}").status == 204
        # The stream ends with the server's next word on it, which comes every 15 s.
        expect(page.get_by_text("It was deleted, or there never was one.")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("out of date")).to_have_count(0)


def test_an_address_of_a_webhook_that_never_was(one_delivered, open_page):
    page = open_page(one_delivered, one_delivered.main.key, "#/deliveries?webhook=999&recover=1", expect=["404"])
    expect(page.get_by_text("It was deleted, or there never was one.")).to_be_visible()
    # Nothing on it speaks of another one.
    expect(page.get_by_label("Webhook", exact=True)).to_have_value("999")
    for name in ("Replay events", "Recover failed"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("moment", ["0000-01-01T00:00:00Z", "+275760-09-13T00:00:00Z", "yesterday"])
def test_an_address_with_a_moment_that_nobody_means(one_delivered, open_page, moment):
    page = open_page(one_delivered, one_delivered.main.key, f"#/deliveries?from={moment.replace('+', '%2B')}")
    expect(page.get_by_text("This is the whole log.")).to_be_visible()
    expect(page.get_by_label("Time")).to_have_value("")


def test_an_address_with_an_event_that_is_not_in_the_catalogue(one_delivered, open_page):
    page = open_page(one_delivered, one_delivered.operator_token, "#/publish?event=nope")
    expect(page.get_by_label("Event")).to_have_value("contact.created")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Accepted: 1 delivery.")).to_be_visible()


def test_a_theme_that_is_chosen_in_another_tab(one_delivered, open_page):
    page = open_page(one_delivered)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name=re.compile("^Theme:")).click()
    chosen = other.locator("html").get_attribute("data-theme")
    other.get_by_role("button", name=re.compile("^Theme:")).click()
    expect(other.locator("html")).not_to_have_attribute("data-theme", chosen)
    expect(page.locator("html")).to_have_attribute("data-theme", other.locator("html").get_attribute("data-theme"))
