"""Back leads to the screen before, or closes what is open over a screen; nothing else is an entry of the history."""

import re

import pytest
from conftest import sign_in
from playwright.sync_api import expect


def entries(page):
    return page.evaluate("history.length")


@pytest.fixture
def delivered(server, account, receiver):
    """A webhook with three deliveries, the newest first."""
    webhook = account.webhook(receiver.url(), name="Kitchen")
    for number in range(3):
        account.publish(data={"n": number})
    account.settled(webhook, "delivered", 3)
    return account.deliveries(webhook)


@pytest.fixture
def page(server, account, delivered, open_page):
    """At the log, which was reached from the list of webhooks."""
    page = open_page(server, account.key, "#/webhooks")
    page.get_by_role("link", name="Deliveries", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(3)
    return page


def test_back_closes_a_drawer(page, delivered):
    drawer, log = page.get_by_role("dialog"), page.url
    before = entries(page)
    page.locator("tbody a").first.click()
    expect(drawer).to_contain_text(delivered[0]["delivery_id"])
    for one in delivered[1:]:
        page.keyboard.press("j")
        expect(drawer).to_contain_text(one["delivery_id"])
    assert entries(page) == before + 1
    page.go_back()
    expect(drawer).to_be_hidden()
    assert page.url == log
    page.go_forward()
    expect(drawer).to_contain_text(delivered[2]["delivery_id"])
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()


def test_what_is_opened_and_closed_again_leaves_no_trace(page):
    before, log = entries(page), page.url
    for open_one in (lambda: page.locator("tbody a").first.click(),
                     lambda: page.locator("tbody tr").nth(1).locator("td").last.click(),
                     lambda: page.get_by_role("button", name="Recover failed").click(),
                     lambda: page.get_by_role("button", name="Replay events").click()):
        open_one()
        expect(page.get_by_role("dialog")).to_be_visible()
        # In haste, twice: the second must not leave the screen.
        page.evaluate("""() => {
          const close = document.querySelector("dialog button[aria-label=Close]");
          close.click();
          close.click();
        }""")
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert page.url == log
        assert entries(page) == before + 1
    page.go_back()
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()


def test_filters_and_ranges_are_no_steps_back(page):
    before = entries(page)
    page.get_by_role("button", name="Delivered", exact=True).click()
    page.get_by_label("Event").select_option("contact.created")
    page.get_by_label("Time").select_option("custom")
    page.get_by_label("Until").fill("2020-01-01T00:00:00")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    assert entries(page) == before
    page.get_by_role("button", name="Delivered", exact=True).click()
    page.locator("tbody a").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Delivered", exact=True)).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()


def test_a_drawer_that_somebody_came_to_by_its_address(server, account, delivered, open_page):
    page = open_page(server, account.key, "#/webhooks")
    address = f"#/deliveries?webhook={account.get('/webhooks').data[0]['id']}&open="
    page.goto(page.url.split("#")[0] + address + delivered[1]["delivery_id"])
    expect(page.get_by_role("dialog")).to_contain_text(delivered[1]["delivery_id"])
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("tbody tr")).to_have_count(3)
    assert "open=" not in page.url
    # Also after a reload it is the same entry, and closes as it would have.
    page.locator("tbody a").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.reload()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.go_back()
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()


def test_what_is_no_more_is_not_led_back_to(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), name="Kitchen")
    page = open_page(server, account.key, "#/webhooks")
    page.get_by_role("link", name="Kitchen").click()
    page.get_by_role("button", name="Delete webhook").click()
    page.get_by_label("Type the name to confirm").fill("Kitchen")
    page.get_by_role("dialog").get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_text("No webhooks yet")).to_be_visible()
    page.get_by_role("link", name="New webhook").first.click()
    page.get_by_label("Name").fill("Bar")
    page.get_by_label("URL").fill(receiver.url())
    page.get_by_label("contact.created").check()
    page.get_by_role("button", name="Create webhook").click()
    page.get_by_role("button", name="I have stored it").click()
    expect(page.get_by_role("heading", name="Bar")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="Bar")).to_be_visible()
    assert page.url.endswith("#/webhooks")
    page.go_back()
    assert f"webhooks/{webhook['id']}" not in page.url


def test_the_operators_dialogs_close_by_back_too(server, open_page):
    page = open_page(server, server.operator_token, "#/accounts")
    page.get_by_role("button", name="New account").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("heading", name="Accounts", exact=True)).to_be_visible()
    page.get_by_role("link", name="Events", exact=True).click()
    expect(page.locator("tbody tr").first).to_be_visible()


def test_an_event_of_the_catalogue_closes_by_back(make_server, tmp_path, open_page):
    (tmp_path / "skyhook.toml").write_text(
        '[[event_types]]\nname = "invoice.paid"\ndescription = "Paid"\nexample = \'{"id": 5012}\'\n')
    server = make_server("--config", str(tmp_path / "skyhook.toml"))
    page = open_page(server)
    sign_in(page, server.account().key)
    page.get_by_role("link", name="Events", exact=True).click()
    before = entries(page)
    for _ in range(2):
        page.get_by_role("link", name="invoice.paid").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
    assert entries(page) == before + 1
    # With a key held it is a link as any other, to a tab of its own.
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="invoice.paid").click(modifiers=["Control"])
    assert re.search(r"#/events\?type=invoice\.paid$", opened.value.url)
    expect(page.get_by_role("dialog")).to_be_hidden()
