"""Hasty hands: who clicks twice, leaves while something is under way, or signs out meanwhile. Nothing is done twice, nothing that is
shown once is lost, and nobody is led away from where they have gone."""

import re

import pytest
from conftest import sign_in
from harness import receiver as answers
from harness.polling import eventually
from playwright.sync_api import expect

CHANGES = ("POST", "PUT", "DELETE")


def hold_changes(page):
    """Holds back what changes something; the routes, as they come."""
    held = []
    page.route(re.compile(r"/(api|operator)/v1/"), lambda route: held.append(route) if route.request.method in CHANGES else route.continue_())
    return held


def arrives(page, held):
    eventually(lambda: held or page.wait_for_timeout(10), what="the request")
    assert len(held) == 1
    return held[0]


def goes_on(page, held):
    """Lets the request through, and waits for its answer."""
    route = arrives(page, held)
    with page.expect_response(route.request.url):
        route.continue_()
    page.unroute_all()


def leave_for(page, name, heading):
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    return page.url


def fill_in(page, receiver):
    page.get_by_label("Name", exact=True).fill("Kitchen")
    page.get_by_label("URL").fill(receiver.url())
    page.get_by_label("contact.created").check()


def confirm(page, name):
    page.get_by_role("button", name=name).click()
    page.get_by_role("dialog").get_by_role("button", name=name).click()


def test_a_secret_finds_who_has_gone_on(server, account, receiver, open_page):
    page = open_page(server, account.key, "#/webhooks/new")
    fill_in(page, receiver)
    held = hold_changes(page)
    page.get_by_role("button", name="Create webhook").click()
    arrives(page, held)
    address = leave_for(page, "Events", "Events")
    goes_on(page, held)
    dialog = page.get_by_role("dialog", name="Kitchen is ready")
    first = dialog.get_by_test_id("secret").inner_text()
    dialog.get_by_role("button", name="I have stored it").click()
    expect(dialog).to_be_hidden()
    assert page.url == address

    webhook = account.get("/webhooks").data[0]
    page.goto(page.url.split("#")[0] + f"#/webhooks/{webhook['id']}")
    held = hold_changes(page)
    confirm(page, "Regenerate secret")
    arrives(page, held)
    page.keyboard.press("Escape")
    address = leave_for(page, "Events", "Events")
    goes_on(page, held)
    dialog = page.get_by_role("dialog", name="The new secret of Kitchen")
    assert dialog.get_by_test_id("secret").inner_text() != first
    dialog.get_by_role("button", name="I have stored it").click()
    assert page.url == address


def test_a_key_finds_who_has_gone_on(server, account, open_page):
    page = open_page(server, server.operator_token, "#/accounts?create=1")
    page.get_by_label("Name").fill("Left behind")
    held = hold_changes(page)
    page.keyboard.press("Enter")
    arrives(page, held)
    page.keyboard.press("Escape")
    address = leave_for(page, "Nodes", "Nodes")
    goes_on(page, held)
    dialog = page.get_by_role("dialog", name="Account Left behind is ready")
    expect(dialog.get_by_test_id("api-key")).to_have_text(re.compile("^sk_live_"))
    dialog.get_by_role("button", name="I have stored it").click()
    assert page.url == address

    page.goto(page.url.split("#")[0] + f"#/accounts/{account.id}")
    held = hold_changes(page)
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a new key").click()
    arrives(page, held)
    page.keyboard.press("Escape")
    address = leave_for(page, "Nodes", "Nodes")
    goes_on(page, held)
    expect(page.get_by_role("dialog", name="The new key of Acme").get_by_test_id("api-key")).to_be_visible()
    page.get_by_role("button", name="I have stored it").click()
    assert page.url == address


def test_a_secret_is_not_shown_to_who_signs_in_next(server, receiver, open_page):
    first, second = server.account("First"), server.account("Second")
    page = open_page(server, first.key, "#/webhooks/new")
    fill_in(page, receiver)
    held = hold_changes(page)
    page.get_by_role("button", name="Create webhook").click()
    arrives(page, held)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, second.key)
    leave_for(page, "Webhooks", "Webhooks")
    expect(page.get_by_text("No webhooks yet")).to_be_visible()
    address = page.url
    goes_on(page, held)
    assert len(first.get("/webhooks").data) == 1
    page.get_by_role("link", name="Events", exact=True).click()  # what the answer brings about is there by then
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert address.endswith("#/webhooks")


@pytest.mark.parametrize("what", ["save", "delete webhook", "delete account"])
def test_nobody_is_led_back(server, account, receiver, open_page, what):
    webhook = account.webhook(receiver.url(), name="Kitchen")
    of_operator = what == "delete account"
    path = {"save": f"#/webhooks/{webhook['id']}/edit", "delete webhook": f"#/webhooks/{webhook['id']}",
            "delete account": f"#/accounts/{account.id}"}[what]
    page = open_page(server, server.operator_token if of_operator else account.key, path)
    held = hold_changes(page)
    if what == "save":
        page.get_by_label("Name", exact=True).fill("Renamed")
        page.get_by_role("button", name="Save changes").click()
    else:
        page.get_by_role("button", name=what.capitalize()).click()
        page.get_by_label("Type the name to confirm").fill("Acme" if of_operator else "Kitchen")
        page.get_by_role("dialog").get_by_role("button", name=what.capitalize()).click()
    arrives(page, held)
    page.keyboard.press("Escape")
    address = leave_for(page, "Events", "Events")
    goes_on(page, held)
    expect(page.get_by_role("status").filter(has_text=re.compile("Saved|was deleted")).first).to_be_visible()
    assert page.url == address


def test_two_clicks_open_and_send_once(make_server, make_receiver, open_page):
    server = make_server("--rate-limit", "1000000", "--retry-schedule", "none")
    account, receiver = server.account(), make_receiver(answers.status(500))
    webhook = account.webhook(receiver.url(), name="Kitchen")
    for _ in range(2):
        account.publish()
    account.settled(webhook, "failed", 2)
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}")
    sent = []
    page.on("request", lambda request: sent.append(request.url.rsplit("/", 1)[1])
            if request.method in CHANGES and "dry_run" not in (request.post_data or "") else None)
    dialog = page.get_by_role("dialog")

    # The second click falls beside what the first has opened, and does not close it.
    page.get_by_role("button", name="Send test").dblclick()
    expect(dialog).to_contain_text("It did not arrive.")
    dialog.get_by_role("button", name="Done").click()
    for opener in ("Regenerate secret", "Delete webhook"):
        page.get_by_role("button", name=opener).dblclick()
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
    assert sent == ["test"]

    page.get_by_role("link", name="All deliveries").click()
    page.locator("tbody a", has_text="contact.created").first.click()
    receiver.answer_with(answers.status(200))
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog).to_contain_text("Delivered at attempt 2.")
    # The second click comes when the button means another thing already.
    dialog.get_by_role("button", name="Send once more").hover()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Recover failed").dblclick()
    dialog.get_by_role("button", name=re.compile("^Recover [12]$")).dblclick()
    expect(page.get_by_text(re.compile("out again.$"))).to_be_visible()
    assert sent == ["test", "retry", "recover"]

    sent.clear()
    page.goto(page.url.split("#")[0] + "#/webhooks/new")
    fill_in(page, receiver)
    page.get_by_role("button", name="Create webhook").dblclick()
    page.get_by_role("button", name="I have stored it").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Bar")
    page.get_by_role("button", name="Save changes").dblclick()
    expect(page.get_by_role("heading", name="Bar")).to_be_visible()
    assert [name.isdecimal() for name in sent] == [False, True]


def test_two_clicks_of_the_operator_publish_once(server, account, receiver, open_page):
    account.webhook(receiver.url())
    page = open_page(server, server.operator_token, f"#/publish?account={account.id}")
    page.get_by_label("Idempotency key").fill(f"order-{account.id}")
    page.get_by_role("button", name="Publish", exact=True).dblclick()
    expect(page.get_by_text("Accepted: 1 delivery.")).to_be_visible()
    # Who publishes once more with the same key is told that nothing was sent.
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Accepted before, with the same key: 1 delivery then, and nothing was sent now.")).to_be_visible()
    assert len(account.deliveries(account.get("/webhooks").data[0])) == 1
