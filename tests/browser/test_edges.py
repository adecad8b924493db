"""What goes wrong around the dashboard: answers that come late or not at all, wrong clocks, hasty hands."""

import datetime
import json
import re

import pytest
from conftest import settle, sign_in
from harness import receiver as answers
from harness.polling import eventually
from playwright.sync_api import expect

LIST = re.compile(r"/deliveries\?")
STREAM = re.compile(r"/deliveries/stream")
DETAIL = re.compile(r"/deliveries/[0-9a-f-]{36}$")
EVENTS = {"Content-Type": "text/event-stream"}
CATALOGUE = re.compile(r"/events\?include=schema")


def to(page, path):
    page.goto(page.url.split("#")[0] + path)


def event_of(number, entry):
    return f"id: 1-{number}\nevent: delivery\ndata: {json.dumps(entry)}\n\n"


def streams(page, *bodies):
    """Each stream says what is there for it and ends; more of them are not answered. The requests, as they come."""
    asked = []

    def answer(route):
        asked.append(route)
        if len(asked) <= len(bodies):
            route.fulfill(body=bodies[len(asked) - 1], headers=EVENTS)

    page.route(STREAM, answer)
    return asked


@pytest.fixture
def waiting(make_server, make_receiver):
    """A server with one delivery that has failed once and waits for an hour."""
    server = make_server("--retry-schedule", "1h", "--rate-limit", "1000000")
    server.account_of_it = server.account()
    server.receiver = make_receiver(answers.status(500))
    server.webhook = server.account_of_it.webhook(server.receiver.url(), name="Kitchen")
    server.account_of_it.publish()
    server.entry = eventually(lambda: next((one for one in server.account_of_it.deliveries(server.webhook)
                                            if one["attempt_number"] == 1), None), what="the first attempt")
    return server


def test_an_older_page_does_not_undo_what_the_stream_said(waiting, open_page):
    page = open_page(waiting)
    page.clock.install()
    sign_in(page, waiting.account_of_it.key)
    held = []

    def hold_the_second(route):
        held.append((route, route.fetch()))
        if len(held) != 2:
            route.fulfill(response=held[-1][1])

    page.route(LIST, hold_the_second)
    delivered = {**waiting.entry, "status": "delivered", "response_status_code": 200}
    asked = streams(page, "id: 1-0\n\n", event_of(1, delivered))
    to(page, f"#/deliveries?webhook={waiting.webhook['id']}")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("contact.created")
    eventually(lambda: len(held) == 2 or page.clock.fast_forward(300), what="the page that is read again")
    with page.expect_response(STREAM) as streamed:
        eventually(lambda: len(asked) == 2 or page.clock.fast_forward(300), what="the stream that says more")
    streamed.value.finished()
    page.clock.fast_forward(300)  # what came is shown, or waits
    with page.expect_response(LIST):
        held[1][0].fulfill(response=held[1][1])  # says that it is pending
    page.clock.fast_forward(300)
    expect(row).to_contain_text("Delivered")


def test_a_stream_that_falls_silent_is_opened_again(waiting, open_page):
    page = open_page(waiting)
    page.clock.install()
    sign_in(page, waiting.account_of_it.key)
    asked = []
    page.route(STREAM, lambda route: asked.append(route))  # and says nothing
    to(page, f"#/deliveries?webhook={waiting.webhook['id']}")
    eventually(lambda: len(asked) == 1 or page.wait_for_timeout(10), what="the stream")
    page.clock.fast_forward("00:46")
    eventually(lambda: page.clock.fast_forward(2000) or len(asked) == 2, what="another stream")


def test_a_delivery_that_ends_while_it_is_opened(waiting, open_page):
    """The list knows of the end before what the drawer reads does: its answer is one from a moment ago."""
    account = waiting.account_of_it
    path = f"/webhooks/{waiting.webhook['id']}/deliveries/{waiting.entry['delivery_id']}"
    before = account.get(path).json
    waiting.receiver.answer_with(answers.status(200))
    account.post(f"{path}/retry")
    account.settled(waiting.webhook, "delivered")
    page = open_page(waiting)
    page.clock.install()
    sign_in(page, account.key)
    to(page, f"#/deliveries?webhook={waiting.webhook['id']}")
    expect(page.locator("tbody tr").first).to_contain_text("Delivered")
    asked = []
    page.route(DETAIL, lambda route: (asked.append(route), route.fulfill(json=before) if len(asked) == 1 else route.continue_()))
    page.locator("tbody a").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Pending")
    page.clock.fast_forward("00:06")
    expect(drawer).to_contain_text("Delivered at attempt 2.")
    # And then it is left alone.
    page.clock.fast_forward("00:06")
    settle(page)
    count = len(asked)
    page.clock.fast_forward("00:30")
    settle(page)
    assert len(asked) == count


def whole_log(account, webhook):
    entries, before = [], 2**53 - 1
    while before is not None:
        answer = account.get(f"/webhooks/{webhook['id']}/deliveries?before_id={before}&per_page=100")
        entries += answer.data
        before = answer.json["meta"]["next_before_id"]
    return entries


def test_more_changes_at_once_than_can_wait(waiting, open_page):
    """The page keeps 500 that are not shown yet; past that it reads the log itself."""
    account, webhook = waiting.account_of_it, waiting.webhook
    page = open_page(waiting)
    page.clock.install()
    sign_in(page, account.key)
    listed = []
    page.on("requestfinished", lambda request: listed.append(request) if LIST.search(request.url) else None)
    asked = streams(page, "id: 1-0\n\n")
    to(page, f"#/deliveries?webhook={webhook['id']}")
    eventually(lambda: len(listed) == 2 or page.clock.fast_forward(300), what="the page that is read again, for the stream begins")
    eventually(lambda: len(asked) == 2 or page.clock.fast_forward(300), what="the stream that will say more")
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)  # nothing is shown while it comes
    account.publish_many(600)
    entries = whole_log(account, webhook)
    assert len(entries) == 601
    with page.expect_response(STREAM) as streamed:
        asked[1].fulfill(body="".join(event_of(n, one) for n, one in enumerate(reversed(entries), 1)), headers=EVENTS)
    streamed.value.finished()
    page.evaluate("fetch('healthz').then(answer => answer.text())")  # what came before it is read
    newest = page.locator("tbody tr", has_text=entries[0]["delivery_id"])
    eventually(lambda: newest.count() or page.clock.fast_forward(1000), what="the newest of all")


def test_what_is_out_of_date_says_so(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), name="Kitchen")
    page = open_page(server, expect=["503", "404"])
    page.clock.install()
    sign_in(page, account.key)
    to(page, f"#/webhooks/{webhook['id']}")
    expect(page.get_by_role("heading", name="Kitchen")).to_be_visible()
    page.route(re.compile("/api/v1/"), lambda route: route.fulfill(
        status=503, json={"success": False, "message": "The store cannot be reached."}))
    page.clock.fast_forward("00:20")
    expect(page.get_by_text("What you see may be out of date. The store cannot be reached.")).to_be_visible()
    expect(page.get_by_role("heading", name="Kitchen")).to_be_visible()
    page.unroute_all(behavior="wait")
    page.clock.fast_forward("00:20")
    expect(page.get_by_text("What you see may be out of date.")).to_be_hidden()
    # What somebody else has deleted is not shown any longer.
    assert account.delete(f"/webhooks/{webhook['id']}").status == 204
    page.clock.fast_forward("00:20")
    expect(page.get_by_text("It was deleted, or there never was one.").first).to_be_visible()


def test_a_proxy_that_finds_no_server(server, account, open_page):
    page = open_page(server, account.key, expect=["502"])
    page.route(re.compile("/api/v1/|healthz"), lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    to(page, "#/webhooks")
    expect(page.get_by_text("The server cannot be reached. Trying again…")).to_be_visible()
    page.unroute_all(behavior="wait")
    expect(page.get_by_text("No webhooks yet")).to_be_visible()
    expect(page.get_by_text("The server cannot be reached. Trying again…")).to_be_hidden()


def test_an_answer_that_takes_long_says_nothing_of_the_clock(server, account, open_page):
    page = open_page(server)
    page.clock.install()
    sign_in(page, account.key)
    expect(page.get_by_role("heading", name="Create your first webhook")).to_be_visible()
    held = []
    page.route(CATALOGUE, lambda route: held.append((route, route.fetch())))
    page.get_by_role("link", name="Events", exact=True).click()
    eventually(lambda: held or page.wait_for_timeout(10), what="the request")
    page.clock.fast_forward("00:10")
    held[0][0].fulfill(response=held[0][1])
    # Otherwise everything would be read anew, by another time.
    expect(page.locator("tbody tr", has_text="contact.created")).to_be_visible()
    page.clock.fast_forward(100)
    settle(page)
    assert len(held) == 1


@pytest.mark.parametrize("hours", [-6, 6])
def test_a_browser_whose_clock_is_wrong(server, account, receiver, open_page, hours):
    webhook = account.webhook(receiver.url())
    account.publish()
    account.settled(webhook, "delivered")
    page = open_page(server)
    page.clock.install(time=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours))
    sign_in(page, account.key)
    to(page, "#/?range=1h")
    expect(page.locator(".figure", has_text="Success rate")).to_contain_text("100%")
    page.reload()
    expect(page.locator(".figure", has_text="Success rate")).to_contain_text("100%")
    to(page, "#/webhooks")
    expect(page.locator("tbody tr").first).to_contain_text(re.compile(r"just now|\d+ s ago"))


def test_a_webhook_is_edited_as_it_is_now(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), name="Before")
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}")
    expect(page.get_by_role("heading", name="Before")).to_be_visible()
    account.put(f"/webhooks/{webhook['id']}", {"name": "Since"})
    page.get_by_role("link", name="Edit").first.click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Since")


def test_a_name_is_typed_as_it_is_shown(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), name="Two  spaces\nand a line")
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}")
    page.get_by_role("button", name="Delete webhook").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type the name to confirm").fill("Two spaces and a line")
    dialog.get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_text("No webhooks yet")).to_be_visible()


def test_a_refusal_is_told_to_who_closed_its_question(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), name="Kitchen")
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}", expect=["500"])
    held = []
    page.route(re.compile(r"/regenerate-secret$"), lambda route: held.append(route))
    page.get_by_role("button", name="Regenerate secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Regenerate secret").click()
    eventually(lambda: held or page.wait_for_timeout(10), what="the request")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    held[0].fulfill(status=500, json={"success": False, "message": "An unexpected error occurred."})
    expect(page.get_by_text("An unexpected error occurred.")).to_be_visible()


def test_a_secret_is_not_lost_by_back(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url())
    page = open_page(server, account.key, "#/webhooks")
    page.goto(page.url + f"/{webhook['id']}")
    page.get_by_role("button", name="Regenerate secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Regenerate secret").click()
    secret, here = page.get_by_test_id("secret"), page.url
    shown = secret.inner_text()
    page.evaluate("window.steps = 0; addEventListener('popstate', () => steps++)")
    for step in (1, 2):
        page.evaluate("history.back()")
        page.wait_for_function("step => steps === step", arg=step)
        assert (page.url, secret.inner_text()) == (here, shown)
    page.get_by_role("button", name="I have stored it").click()
    expect(secret).to_be_hidden()
    page.go_back()
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()


def test_a_secret_is_not_lost_by_a_click_beside_it(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), name="Kitchen")
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}")
    page.get_by_role("button", name="Regenerate secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Regenerate secret").click()
    secret = page.get_by_test_id("secret")
    expect(secret).to_be_visible()
    page.mouse.click(5, 400)
    page.get_by_role("button", name="Send test").last.click()
    test = page.get_by_role("dialog", name="Test delivery")
    expect(test).to_contain_text("The receiver accepted it.")
    expect(test.get_by_role("link")).to_have_count(0)  # nothing leads away
    test.get_by_role("button", name="Done").click()
    expect(secret).to_be_visible()
    page.get_by_role("button", name="I have stored it").click()
    expect(secret).to_be_hidden()


def test_copying_where_it_is_not_allowed(waiting, open_page):
    page = open_page(waiting, waiting.account_of_it.key, f"#/deliveries?webhook={waiting.webhook['id']}")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    page.locator("tbody a").first.click()
    button = page.get_by_role("dialog").get_by_role("button", name="Copy", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    copied = page.get_by_role("dialog").get_by_role("button", name="Copied", exact=True)
    expect(copied).to_be_focused()
    assert waiting.entry["delivery_id"] in page.evaluate("navigator.clipboard.readText()")
    expect(button).to_be_visible()
    page.evaluate("() => { document.execCommand = () => false; }")
    button.click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Not allowed")).to_be_visible()


def test_what_was_done_is_told_above_a_drawer(waiting, open_page):
    page = open_page(waiting, waiting.account_of_it.key, f"#/deliveries?webhook={waiting.webhook['id']}")
    page.locator("tbody a").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Try now").click()
    expect(page.locator(".toasts:popover-open")).to_have_text("One more attempt is on its way.")


def test_a_year_is_typed_digit_by_digit(server, account, receiver, open_page):
    account.webhook(receiver.url())
    page = open_page(server, account.key, "#/deliveries?within=custom&from=2026-11-01T00:00:00Z")
    field = page.get_by_label("From")
    field.focus()
    page.keyboard.type("02042025")
    expect(field).to_have_value(re.compile("^2025-02-04T01:00"))
    page.keyboard.type("1130")  # the year is full: on to the hour
    expect(field).to_have_value(re.compile("^2025-02-04T11:30"))
    expect(page).to_have_url(re.compile("from=2025-02-04T10"))


def test_what_is_wrong_with_a_span_is_said(server, account, receiver, open_page):
    account.webhook(receiver.url())
    page = open_page(server, account.key, "#/deliveries?recover=1", expect=["422"])
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Custom").click()
    dialog.get_by_label("Until").fill("2020-01-01T00:00:00")
    expect(dialog.locator(".preview")).to_contain_text("until field must be")


def test_a_key_with_characters_that_no_key_has(server, open_page):
    page = open_page(server)
    page.get_by_label("API key or operator token").fill("sk_live_…")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not a key")


def test_what_is_chosen_is_seen_in_forced_colours(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url())
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}")
    page.emulate_media(forced_colors="active")
    ground = "one => getComputedStyle(one).backgroundColor"
    chosen, other = page.get_by_role("button", name="24 h"), page.get_by_role("button", name="7 d")
    expect(chosen).to_be_visible()
    assert chosen.evaluate(ground) != other.evaluate(ground)
    assert page.locator(".switch .track").evaluate("one => getComputedStyle(one).borderTopStyle") == "solid"


def behind_a_proxy(server, account, open_page, make_proxy):
    """A page, signed in, whose clock is the test's; and what is between it and the server."""
    proxy = make_proxy(server)
    page = open_page(server, base=proxy.base)
    page.clock.install()
    sign_in(page, account.key)
    return page, proxy


def test_a_server_that_takes_requests_and_never_answers(server, account, receiver, open_page, make_proxy):
    webhook = account.webhook(receiver.url(), name="Kitchen")
    page, proxy = behind_a_proxy(server, account, open_page, make_proxy)
    to(page, f"#/webhooks/{webhook['id']}")
    expect(page.get_by_role("heading", name="Kitchen")).to_be_visible()
    proxy.silent.set()
    # What is there stays, and says that it may be old.
    with page.expect_request(re.compile(rf"/webhooks/{webhook['id']}\?")):
        page.clock.fast_forward("00:16")  # it reads itself anew
    page.clock.fast_forward("00:31")
    expect(page.get_by_text("What you see may be out of date. The server has not answered within 30 s.")).to_be_visible()
    expect(page.get_by_role("heading", name="Kitchen")).to_be_visible()
    # What is not there says why, and is asked for again where somebody wants it.
    failure = page.get_by_role("heading", name="The server does not answer")
    with page.expect_request(CATALOGUE):
        page.get_by_role("link", name="Events", exact=True).click()
    expect(page.locator(".bone").first).to_be_visible()
    page.clock.fast_forward("00:29")
    expect(failure).to_be_hidden()
    page.clock.fast_forward("00:02")
    expect(failure).to_be_visible()
    with page.expect_request(CATALOGUE):
        page.get_by_role("button", name="Try again").click()
    expect(failure).to_be_hidden()
    page.clock.fast_forward("00:31")
    expect(failure).to_be_visible()
    proxy.silent.clear()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("tbody tr", has_text="contact.created")).to_be_visible()


def test_a_log_that_is_not_answered_is_asked_for_again(server, account, receiver, open_page, make_proxy):
    account.webhook(receiver.url())
    page, _ = behind_a_proxy(server, account, open_page, make_proxy)
    held = []
    page.route(STREAM, lambda route: None)  # or the page would be read once more for it
    page.route(LIST, lambda route: held.append(route) if not held else route.continue_())
    to(page, "#/deliveries")
    eventually(lambda: held or page.wait_for_timeout(10), what="the request")
    page.clock.fast_forward("00:31")
    expect(page.get_by_role("heading", name="The server does not answer")).to_be_visible()
    page.clock.fast_forward("00:16")
    expect(page.get_by_text("Nothing delivered yet")).to_be_visible()


def test_what_may_take_long_is_waited_for(server, account, receiver, open_page, make_proxy):
    webhook = account.webhook(receiver.url(), name="Kitchen")
    page, proxy = behind_a_proxy(server, account, open_page, make_proxy)
    to(page, f"#/webhooks/{webhook['id']}")
    expect(page.get_by_role("heading", name="Kitchen")).to_be_visible()
    proxy.silent.set()
    dialog = page.get_by_role("dialog")
    with page.expect_request(re.compile("/test$")):
        page.get_by_role("button", name="Send test").click()
    page.clock.fast_forward("05:55")
    expect(dialog).to_contain_text("waiting for the response")
    page.clock.fast_forward("00:06")
    expect(dialog).to_contain_text("The server has not answered within 6 min. It may do all the same what it was asked to: look before you ask again.")
    proxy.silent.clear()
    dialog.get_by_role("button", name="Send again").click()
    expect(dialog).to_contain_text("The receiver accepted it.")
    dialog.get_by_role("button", name="Done").click()
    # Everything else that changes something: half a minute.
    proxy.silent.set()
    page.get_by_role("button", name="Regenerate secret").click()
    with page.expect_request(re.compile("/regenerate-secret$")):
        dialog.get_by_role("button", name="Regenerate secret").click()
    page.clock.fast_forward("00:31")
    expect(dialog).to_contain_text("The server has not answered within 30 s. It may do all the same")
