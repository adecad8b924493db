"""Names as long as the API takes them, in one word: nothing sticks out of its place on any screen, wide or narrow."""

import re

import pytest
from conftest import DESKTOP, PHONE, settle, show
from harness import receiver as answers
from harness.polling import eventually
from harness.server import LOCAL, Skyhook
from playwright.sync_api import expect

EVENT = "a" * 49 + "." + "b" * 50
CATALOGUE = f"""
[[event_types]]
name = "{EVENT}"
description = "{'d' * 300}"
example = '{{"{'k' * 200}": "{'v' * 300}"}}'
"""
# What is wider than its place. Code and tables scroll in their own.
STICKS_OUT = """() => {
  const wide = [...document.querySelectorAll("html, .card, .card > header, .head, dialog[open], dialog[open] > *")].filter((one) => one.scrollWidth > one.clientWidth + 1);
  return wide.map((one) => [one.localName + "." + one.className, one.scrollWidth - one.clientWidth]);
}"""


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A server whose only account and webhook have such names, with one delivery that waits for its second attempt."""
    directory = tmp_path_factory.mktemp("long")
    (directory / "skyhook.toml").write_text(CATALOGUE)
    server = Skyhook(directory, [*LOCAL, "--config", str(directory / "skyhook.toml"), "--retry-schedule", "1h", "--rate-limit", "0"]).start()
    receiver = answers.Receiver(answers.status(500, body=b"x" * 3000, headers=[("X-" + "h" * 90, "v" * 900)]))
    server.main = server.account("W" * 255)
    webhook = server.main.webhook(receiver.url("/" + "u" * 1900), [EVENT, "contact.*"], "N" * 255,
                                  options={"headers": {"X-" + "H" * 90: "s"}, "retry_schedule": ["30d"] * 20})
    server.main.publish(EVENT)
    [delivery] = eventually(lambda: [one for one in server.main.deliveries(webhook) if one["attempt_number"]], what="the first attempt")
    server.names = {"webhook": webhook["id"], "delivery": delivery["delivery_id"], "account": server.main.id, "event": EVENT, "search": "q" * 300}
    yield server
    server.close()
    receiver.close()


def fits(page):
    for size in (DESKTOP, PHONE):
        show(page, "light", size)
        assert page.evaluate(STICKS_OUT) == [], size


@pytest.mark.parametrize("path", [
    "#/", "#/webhooks", "#/webhooks?search={search}", "#/webhooks/{webhook}", "#/webhooks/{webhook}/edit", "#/deliveries?webhook={webhook}",
    "#/deliveries?webhook={webhook}&open={delivery}", "#/deliveries?webhook={webhook}&event=webhook.test", "#/deliveries?webhook={webhook}&recover=1",
    "#/deliveries?webhook={webhook}&replay=1", "#/events", "#/events?type={event}"])
def test_what_an_account_sees(long, open_page, path):
    page = open_page(long, long.main.key, path.format(**long.names))
    settle(page)
    fits(page)


@pytest.mark.parametrize("path", [
    "#/", "#/accounts", "#/accounts?search={search}", "#/accounts/{account}", "#/accounts/{account}/deliveries?webhook={webhook}",
    "#/publish?account={account}&event={event}", "#/events", "#/events?type={event}"])
def test_what_the_operator_sees(long, open_page, path):
    page = open_page(long, long.operator_token, path.format(**long.names))
    settle(page)
    fits(page)


def test_what_is_asked(long, open_page):
    page = open_page(long, long.main.key, f"#/webhooks/{long.names['webhook']}", viewport=PHONE)
    dialog = page.get_by_role("dialog")
    for open_one, shown in ((page.get_by_role("button", name="Delete webhook"), "The name is"),
                            (page.get_by_role("button", name="Regenerate secret"), "knows the new one"),
                            (page.get_by_role("switch"), "New events are not delivered")):
        open_one.click()
        expect(dialog).to_contain_text(shown)
        settle(page)
        assert page.evaluate(STICKS_OUT) == []
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Send test").click()
    expect(dialog).to_contain_text(re.compile("x{300}"))
    settle(page)
    assert page.evaluate(STICKS_OUT) == []
