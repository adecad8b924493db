"""Recover and replay: what is counted is what goes out, and what can be stopped stops."""

import json
import re

import pytest
from conftest import inspect, settle
from harness import receiver as answers
from harness.polling import eventually
from playwright.sync_api import expect

REPLAY = re.compile(r"/replay$")
RECOVER = re.compile(r"/recover$")
STREAM = re.compile(r"/deliveries/stream")


def hold(page, path, which):
    """Holds back those requests that `which` wants; for each the route, as they come."""
    held = []

    def judge(route):
        if which(route.request):
            held.append(route)
        else:
            route.continue_()

    page.route(path, judge)
    return held


def arrives(page, held, count=1):
    eventually(lambda: len(held) >= count or page.wait_for_timeout(10), what="the request")
    return held[count - 1]


def is_work(request):
    return "dry_run" not in request.post_data


def begins_later(request):
    return is_work(request) and json.loads(request.post_data)["after_id"] > 0


@pytest.fixture
def past(server, receiver):
    """An account with 2,003 events before its webhook, which take three requests to replay."""
    account = server.account()
    account.publish_many(2003)
    account.webhook_of_it = account.webhook(receiver.url(), name="Kitchen")
    return account


def logged(account):
    return account.get(f"/webhooks/{account.webhook_of_it['id']}/deliveries").json["meta"]["total"]


def ask_to_replay(page):
    page.get_by_role("button", name="Replay events").click()
    page.get_by_role("button", name="Replay 2,003").click()


def test_a_replay_stops_and_goes_on(server, past, open_page):
    page = open_page(server, past.key, f"#/deliveries?webhook={past.webhook_of_it['id']}")
    held = hold(page, REPLAY, begins_later)
    dialog = page.get_by_role("dialog")
    ask_to_replay(page)
    request = arrives(page, held)
    expect(dialog).to_contain_text("1,000 of 2,003 queued")
    expect(dialog.get_by_role("progressbar", name="Queued")).to_have_attribute("value", "1000")
    expect(dialog.get_by_role("button", name="Cancel")).to_have_count(0)
    inspect(page, "replay-running")
    dialog.get_by_role("button", name="Stop").click()
    request.continue_()  # it was on its way, and counts
    expect(dialog).to_contain_text("Stopped. 2,000 of 2,003 were queued, and go out.")
    assert (logged(past), len(held)) == (2000, 1)
    inspect(page, "replay-stopped")
    dialog.get_by_role("button", name="Go on").click()
    arrives(page, held, 2).continue_()
    expect(page.get_by_text("2,003 new deliveries go out.")).to_be_visible()
    expect(dialog).to_be_hidden()
    assert logged(past) == 2003


def test_leaving_a_replay_stops_it_and_says_how_far_it_came(server, past, open_page):
    page = open_page(server, past.key, f"#/deliveries?webhook={past.webhook_of_it['id']}")
    held = hold(page, REPLAY, begins_later)
    ask_to_replay(page)
    request = arrives(page, held)
    page.mouse.click(5, 400)  # beside it: no way to leave by mistake
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    request.continue_()
    expect(page.get_by_text("Stopped. 2,000 of 2,003 were queued, and go out.")).to_be_visible()
    assert (logged(past), len(held)) == (2000, 1)


def test_a_replay_that_fails_on_its_way_goes_on_from_there(server, past, open_page):
    page = open_page(server, past.key, f"#/deliveries?webhook={past.webhook_of_it['id']}", expect=["503"])
    held = hold(page, REPLAY, begins_later)
    dialog = page.get_by_role("dialog")
    ask_to_replay(page)
    arrives(page, held).fulfill(status=503, json={"success": False, "message": "The store cannot be reached."})
    expect(dialog).to_contain_text("The store cannot be reached.")
    expect(dialog).to_contain_text("Stopped. 1,000 of 2,003 were queued, and go out.")
    page.unroute(REPLAY)
    dialog.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("2,003 new deliveries go out.")).to_be_visible()
    assert logged(past) == 2003


def test_counting_ends_with_its_dialog(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url())
    page = open_page(server, account.key, f"#/deliveries?webhook={webhook['id']}")
    asked = []

    def endless(route):
        asked.append(route)
        if len(asked) != 2:
            route.fulfill(json={"success": True, "data": {"would_replay": 10, "next_after_id": len(asked)}})

    page.route(REPLAY, endless)
    page.get_by_role("button", name="Replay events").click()
    arrives(page, asked, 2)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    with page.expect_response(REPLAY):
        asked[1].fulfill(json={"success": True, "data": {"would_replay": 10, "next_after_id": 2}})
    # The page does what it will with the answer before it shows the next screen.
    page.get_by_role("link", name="Events", exact=True).click()
    expect(page.locator("tbody tr").first).to_be_visible()
    assert len(asked) == 2


@pytest.fixture
def failing(make_server, make_receiver):
    """A server that tries once, and a webhook of it with one delivery that failed."""
    server = make_server("--retry-schedule", "none", "--rate-limit", "1000000")
    server.account_of_it = server.account()
    server.receiver = make_receiver(answers.status(500))
    server.webhook = server.account_of_it.webhook(server.receiver.url(), name="Kitchen")
    fail_one_more(server, 1)
    return server


def fail_one_more(server, count):
    server.account_of_it.publish()
    server.account_of_it.settled(server.webhook, "failed", count)


def ask_to_recover(page):
    page.get_by_role("button", name="Recover failed").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 delivery failed in this time")
    return page.get_by_role("dialog")


def test_a_recovery_goes_on_without_its_dialog(failing, open_page):
    page = open_page(failing, failing.account_of_it.key, f"#/deliveries?webhook={failing.webhook['id']}")
    held = hold(page, RECOVER, is_work)
    failing.receiver.answer_with(answers.status(200))
    dialog = ask_to_recover(page)
    dialog.get_by_role("button", name="Recover 1").click()
    request = arrives(page, held)
    # No word of stopping what the server does in one step.
    expect(dialog).to_contain_text("cannot be stopped")
    for name in ("Cancel", "Stop"):
        expect(dialog.get_by_role("button", name=name)).to_have_count(0)
    dialog.locator("footer").get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Events", exact=True).click()
    expect(page.get_by_role("heading", name="Events", exact=True)).to_be_visible()
    address = page.url
    request.continue_()
    expect(page.get_by_text("1 delivery goes out again.")).to_be_visible()
    failing.account_of_it.settled(failing.webhook, "delivered")
    assert page.url == address


def test_the_count_follows_the_live_stream(failing, open_page):
    page = open_page(failing, failing.account_of_it.key, f"#/deliveries?webhook={failing.webhook['id']}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    dialog = ask_to_recover(page)
    settle(page)
    before = dialog.bounding_box()
    fail_one_more(failing, 2)
    expect(dialog.get_by_role("button", name="Recover 2")).to_be_enabled()
    expect(dialog).to_contain_text("2 deliveries failed in this time")
    assert dialog.bounding_box() == before


def test_the_count_is_taken_anew_where_somebody_comes_back(failing, open_page):
    page = open_page(failing, failing.account_of_it.key)
    page.route(STREAM, lambda route: None)  # no word of changes
    page.goto(page.url.split("#")[0] + f"#/deliveries?webhook={failing.webhook['id']}")
    dialog = ask_to_recover(page)
    fail_one_more(failing, 2)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(dialog.get_by_role("button", name="Recover 2")).to_be_enabled()


def test_nobody_sends_more_than_was_shown(failing, open_page):
    page = open_page(failing, failing.account_of_it.key)
    page.route(STREAM, lambda route: None)  # no word of changes
    page.goto(page.url.split("#")[0] + f"#/deliveries?webhook={failing.webhook['id']}")
    dialog = ask_to_recover(page)
    fail_one_more(failing, 2)
    asked = []
    page.on("request", lambda request: asked.append(request) if RECOVER.search(request.url) and is_work(request) else None)
    dialog.get_by_role("button", name="Recover 1").click()
    expect(dialog).to_contain_text("It was 1 a moment ago. Look once more, and press again.")
    assert asked == []
    dialog.get_by_role("button", name="Recover 2").click()
    expect(page.get_by_text("2 deliveries go out again.")).to_be_visible()
