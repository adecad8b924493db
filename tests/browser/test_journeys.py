"""What people do on the dashboard, from beginning to end."""

import json
import re
import subprocess

from conftest import axe, inspect, settle, sign_in
from harness import receiver as answers
from harness.certificates import Authority
from harness.polling import eventually
from playwright.sync_api import expect


def open_first(page):
    page.locator("tbody a").first.click()
    return page.get_by_role("dialog")


def test_signing_in_and_out(server, account, open_page):
    page = open_page(server, expect=["401"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Paste a key first.")
    page.get_by_label("API key or operator token").fill("sk_live_" + "x" * 40)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This key is not accepted")
    page.get_by_label("API key or operator token").fill("something else")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("neither an account's key")

    sign_in(page, f"  {account.key}\n")
    expect(page.get_by_role("heading", name="Create your first webhook")).to_be_visible()
    expect(page.get_by_text(f"Account {account.id}")).to_be_visible()
    # For this tab only, and nowhere else.
    assert page.evaluate("JSON.stringify(localStorage) + document.cookie + location.href").find(account.key) < 0
    page.reload()
    expect(page.get_by_role("heading", name="Create your first webhook")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    page.get_by_label("Stay signed in until this tab closes").uncheck()
    sign_in(page, account.key)
    assert page.evaluate("sessionStorage.length") == 0


REFUSED = "Your key is no longer accepted. Sign in again."


def new_key(server, account):
    answer = server.operator("POST", f"/accounts/{account.id}/regenerate-key")
    assert answer.status == 200
    return answer.data["api_key"]


def test_a_key_that_dies_meanwhile_leads_back_to_the_door(server, account, open_page):
    page = open_page(server, account.key, expect=["401"])
    key = new_key(server, account)
    # By the address: what the page was still reading may have met the dead key first, and then there is no link to click.
    page.goto(page.url.split("#")[0] + "#/webhooks")
    expect(page.get_by_text(REFUSED)).to_be_visible()
    sign_in(page, key)
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()
    expect(page.get_by_text(REFUSED)).to_be_hidden()


def test_a_page_that_is_left_alone_notices_that_its_key_died(server, account, open_page):
    page = open_page(server, expect=["401"])
    page.clock.install()
    sign_in(page, account.key)
    expect(page.get_by_role("heading", name="Create your first webhook")).to_be_visible()
    new_key(server, account)
    page.clock.fast_forward("00:20")  # it reads itself anew more often than that
    expect(page.get_by_text(REFUSED)).to_be_visible()


def test_what_comes_late_for_one_key_is_not_another_keys(server, open_page):
    """A reading that is under way while somebody else signs in: neither what it brings nor its refusal is theirs."""
    first, second = server.account("First"), server.account("Second")
    first.webhook("https://example.com/", name="Of the first")
    page = open_page(server, expect=["401"])
    held = []
    page.route(re.compile(r"/api/v1/(webhooks|stats)(\?|$)"),
               lambda route: held.append(route) if len(held) < 3 else route.continue_())
    sign_in(page, first.key)
    eventually(lambda: len(held) == 3 or page.wait_for_timeout(10), what="what the overview reads")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, second.key)
    expect(page.get_by_role("heading", name="Create your first webhook")).to_be_visible()
    # The list arrives, and the rest is refused.
    listed, *rest = sorted(held, key=lambda one: not one.request.url.endswith("/webhooks"))
    with page.expect_response(listed.request.url):
        listed.continue_()
    new_key(server, first)
    for one in rest:
        with page.expect_response(one.request.url) as refused:
            one.continue_()
        assert refused.value.status == 401
    page.get_by_role("link", name="Webhooks", exact=True).click()
    expect(page.get_by_text("No webhooks yet")).to_be_visible()
    expect(page.get_by_text(REFUSED)).to_be_hidden()


def test_the_whole_life_of_a_webhook(server, account, receiver, open_page, tmp_path):
    page = open_page(server, account.key, "#/webhooks", expect=["422"])
    page.get_by_role("link", name="New webhook").first.click()

    # The API's own words, at their fields.
    page.get_by_role("button", name="Create webhook").click()
    for message in ("The name field is required.", "The url field is required.",
                    "The events field must have at least 1 items."):
        expect(page.get_by_text(message)).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill("Orders")
    page.get_by_label("URL").fill("ftp://example.com")
    page.get_by_label("contact.created").check()
    expect(page.get_by_text("A new contact is added")).to_be_visible()
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_text("The url field must be a valid URL.")).to_be_visible()
    expect(page.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("URL").fill(receiver.url())
    page.get_by_role("button", name="Create webhook").click()

    # The secret, once, with code that verifies what it signs.
    dialog = page.get_by_role("dialog", name="Orders is ready")
    secret = dialog.get_by_test_id("secret").inner_text()
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{64}", secret)
    dialog.get_by_role("button", name="Copy secret").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    code = {}
    for language in ("Node.js", "Python", "PHP", "Go", "C++"):
        dialog.get_by_role("button", name=language, exact=True).click()
        code[language] = dialog.get_by_label("Verification code").inner_text()
        assert len(code[language]) > 500
    dialog.get_by_role("button", name="X-Skylight-Signature").click()
    expect(dialog.get_by_label("How to call it")).to_contain_text("x-skylight-signature")
    dialog.get_by_role("button", name="I have stored it").click()
    expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    webhook = account.get("/webhooks").data[0]

    # A test, answered at once.
    page.get_by_role("button", name="Send test").click()
    dialog = page.get_by_role("dialog", name="Test delivery")
    expect(dialog).to_contain_text("The receiver accepted it.")
    receiver.answer_with(answers.status(401, body=b"who are you"))
    dialog.get_by_role("button", name="Send again").click()
    expect(dialog).to_contain_text("The receiver asked for credentials (401)")
    expect(dialog).to_contain_text("who are you")
    dialog.get_by_role("button", name="Done").click()
    receiver.answer_with(answers.status(200))
    assert verified(tmp_path, code["Node.js"], secret, receiver.requests[0])

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name").fill("Orders, renamed")
    page.get_by_label("booking.created").check()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Orders, renamed")).to_be_visible()
    assert account.get(f"/webhooks/{webhook['id']}").data["events"] == ["contact.created", "booking.created"]

    page.get_by_role("button", name="Regenerate secret").click()
    dialog = page.get_by_role("dialog", name="Regenerate the secret?")
    expect(dialog).to_contain_text("signs nothing from this moment on")
    dialog.get_by_role("button", name="Regenerate secret").click()
    dialog = page.get_by_role("dialog", name="The new secret")
    assert dialog.get_by_test_id("secret").inner_text() != secret
    dialog.get_by_role("button", name="I have stored it").click()

    page.get_by_role("switch", name="On").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("This webhook is off")).to_be_visible()
    assert account.get(f"/webhooks/{webhook['id']}").data["is_active"] is False
    page.get_by_role("switch", name="Off").click()
    expect(page.get_by_text("This webhook is off")).to_be_hidden()

    page.get_by_role("button", name="Delete webhook").click()
    dialog = page.get_by_role("dialog", name="Delete Orders, renamed?")
    expect(dialog.get_by_role("button", name="Delete webhook")).to_be_disabled()
    dialog.get_by_label("Type the name to confirm").fill("Orders, renamed")
    dialog.get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    assert account.get("/webhooks").data == []


def verified(directory, module, secret, request):
    """What the page's Node.js code says of a delivery that really came."""
    (directory / "webhook.mjs").write_text(module)
    (directory / "check.mjs").write_text(
        'import { verifyStandard } from "./webhook.mjs";\n'
        "const [secret, headers, body] = JSON.parse(process.argv[2]);\n"
        "const good = verifyStandard(secret, headers, body) && !verifyStandard(secret, headers, body + ' ');\n"
        "process.exit(good ? 0 : 1);\n")
    headers = {name.lower(): value for name, value in request.headers}
    argument = json.dumps([secret, headers, request.body.decode()])
    return subprocess.run(["node", directory / "check.mjs", argument], check=False).returncode == 0


def test_a_failing_receiver_watched_live_until_it_recovers(make_server, make_receiver, open_page):
    # It fails for as long as the page takes to show it.
    server = make_server("--retry-schedule", ",".join(["2s"] * 20), "--timeout", "2s")
    account = server.account()
    receiver = make_receiver(answers.status(503, body=b"down for repair"))
    webhook = account.webhook(receiver.url())
    page = open_page(server, account.key, f"#/deliveries?webhook={webhook['id']}")
    expect(page.get_by_text("Nothing delivered yet")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    account.publish(data={"id": 42})
    expect(page.locator("tbody tr")).to_have_count(1)
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("Pending")
    expect(row).to_contain_text("503")
    dialog = open_first(page)
    expect(dialog).to_contain_text("The receiver is unavailable for now (503)")
    expect(dialog).to_contain_text(re.compile(r"attempt \d+ (in \d|any moment)"))
    receiver.answer_with(answers.status(200))
    expect(dialog).to_contain_text(re.compile(r"Delivered at attempt \d+\."))
    expect(dialog).to_contain_text(f"{len(receiver.requests)} attempts")
    expect(dialog.get_by_label("Payload")).to_contain_text('"id": 42')
    page.keyboard.press("Escape")
    expect(row).to_contain_text("Delivered")


def test_new_deliveries_do_not_push_the_text_away(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url())
    for number in range(40):
        account.publish(data={"id": number})
    account.settled(webhook, "delivered", 40)
    page = open_page(server, account.key, f"#/deliveries?webhook={webhook['id']}")
    expect(page.locator("tbody tr")).to_have_count(40)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.mouse.wheel(0, 600)
    eventually(lambda: page.evaluate("scrollY === 600"), what="the end of the scrolling")
    before = page.locator("tbody tr").nth(20).bounding_box()
    account.publish()
    pill = page.get_by_role("button", name="1 new delivery")
    expect(pill).to_be_visible()
    assert page.locator("tbody tr").nth(20).bounding_box() == before
    pill.click()
    expect(page.locator("tbody tr")).to_have_count(41)


def test_retrying_one_and_recovering_many(make_server, make_receiver, open_page):
    server = make_server("--retry-schedule", "", "--timeout", "2s")
    account = server.account()
    receiver = make_receiver(answers.status(500, body=b"<h1>oops</h1>"))
    webhook = account.webhook(receiver.url())
    for number in range(6):
        account.publish(data={"id": number})
    account.settled(webhook, "failed", 6)
    receiver.answer_with(answers.status(200))

    page = open_page(server, account.key, "#/")
    page.get_by_role("link", name=re.compile("Nothing gets through")).click()
    expect(page.locator("tbody tr")).to_have_count(6)
    assert "status=failed" in page.url
    dialog = open_first(page)
    expect(dialog).to_contain_text("Retry it once the cause is mended")
    dialog.get_by_text("Response, 13 bytes").click()
    expect(dialog.get_by_label("Response to attempt 1")).to_have_text("<h1>oops</h1>")
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog).to_contain_text("Delivered at attempt 2.")
    page.get_by_role("button", name="Close").click()

    page.get_by_role("button", name="Recover failed").click()
    dialog = page.get_by_role("dialog", name="Recover failed deliveries")
    expect(dialog).to_contain_text("5 deliveries failed in this time")
    dialog.get_by_role("button", name="Recover 5").click()
    expect(page.get_by_text("5 deliveries go out again.")).to_be_visible()
    account.settled(webhook, "delivered", 6)
    page.get_by_role("button", name="Failed", exact=True).click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("tbody tr", has_text="Delivered")).to_have_count(6)


def test_replaying_the_past_to_a_new_webhook(server, receiver, open_page):
    account = server.account()
    account.publish_many(1003)  # more than one request replays
    webhook = account.webhook(receiver.url())
    page = open_page(server, account.key, f"#/deliveries?webhook={webhook['id']}")
    page.get_by_role("button", name="Replay events").click()
    dialog = page.get_by_role("dialog", name="Replay events to")
    expect(dialog).to_contain_text("1,003 events go out, each as a new delivery.")
    assert account.deliveries(webhook) == []
    dialog.get_by_role("button", name="Replay 1,003").click()
    expect(page.get_by_text("1,003 new deliveries go out.")).to_be_visible()
    expect(page.locator("tbody tr", has_text="contact.created").first).to_be_visible()
    meta = account.get(f"/webhooks/{webhook['id']}/deliveries").json["meta"]
    assert meta["total"] == 1003
    receiver.wait(5)
    assert {request.json["data"]["n"] for request in receiver.requests[:5]} <= set(range(20))


def test_what_the_operator_does(server, receiver, open_page):
    page = open_page(server, server.operator_token, "#/accounts", expect=["422"])
    page.get_by_role("button", name="New account").click()
    page.get_by_role("dialog").get_by_role("button", name="Create account").click()
    expect(page.get_by_text("The name field is required.")).to_be_visible()
    page.get_by_label("Name").fill("Blue Door Bakery")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Account Blue Door Bakery is ready")
    key = dialog.get_by_test_id("api-key").inner_text()
    dialog.get_by_role("button", name="I have stored it").click()
    expect(page.get_by_role("heading", name="Blue Door Bakery")).to_be_visible()

    def status_of(used):
        return server.request("GET", "/api/v1/webhooks", headers={"Authorization": f"Bearer {used}"}).status

    assert status_of(key) == 200
    created = server.request("POST", "/api/v1/webhooks", headers={"Authorization": f"Bearer {key}"}, json_body={
        "name": "Kitchen", "url": receiver.url(), "events": ["booking.created"]})
    assert created.status == 201

    page.get_by_role("link", name="Publish event").click()
    page.get_by_label("Event").select_option("booking.created")
    expect(page.get_by_label("Data")).to_have_value(re.compile("Dinner for two"))
    page.get_by_label("Data").fill('{"id": 1')
    expect(page.get_by_text("Not valid JSON")).to_be_visible()
    expect(page.get_by_role("button", name="Publish", exact=True)).to_be_disabled()
    page.get_by_label("Data").fill('{"number": 12345678901234567890123}')
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Accepted: 1 delivery.")).to_be_visible()
    # Every digit arrives as it was typed.
    assert b'"data":{"number": 12345678901234567890123}' in receiver.wait()[0].body

    page.get_by_role("link", name="Accounts").click()
    page.get_by_role("link", name="Blue Door Bakery").first.click()
    expect(page.get_by_text("Kitchen")).to_be_visible()
    page.get_by_role("switch", name="On").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("This account is off")).to_be_visible()
    assert status_of(key) == 403
    page.get_by_role("switch", name="Off").click()
    expect(page.get_by_text("This account is off")).to_be_hidden()
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a new key").click()
    renewed = page.get_by_role("dialog").get_by_test_id("api-key").inner_text()
    assert (status_of(key), status_of(renewed)) == (401, 200)
    page.get_by_role("button", name="I have stored it").click()
    page.get_by_role("button", name="Delete account").click()
    dialog = page.get_by_role("dialog", name="Delete Blue Door Bakery?")
    dialog.get_by_label("Type the name to confirm").fill("Blue Door Bakery")
    dialog.get_by_role("button", name="Delete account").click()
    expect(page.get_by_role("heading", name="Accounts", exact=True)).to_be_visible()
    eventually(lambda: status_of(renewed) == 401, what="the account's end")


def test_what_the_operator_sees_of_an_account(server, account, make_receiver, open_page):
    receiver = make_receiver(answers.status(500, body=b"no luck"))
    webhook = account.webhook(receiver.url(), name="Kitchen")
    account.publish(data={"id": 7})
    account.settled(webhook, "failed")
    page = open_page(server, server.operator_token, f"#/accounts?search={account.id}")
    expect(page.get_by_label("Search accounts")).to_have_value(str(account.id))
    page.locator(f"tbody a[href='#/accounts/{account.id}']").click()
    # From the finding to its cause, as the account itself would go.
    page.get_by_role("link", name=re.compile("Nothing gets through")).click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    dialog = open_first(page)
    expect(dialog).to_contain_text("The receiver failed with an error of its own (500)")
    expect(dialog.get_by_label("Payload")).to_contain_text('"id": 7')
    receiver.answer_with(answers.status(200))
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog).to_contain_text("Delivered at attempt 3.")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="All", exact=True).click()
    # Live, as for the account; and the operator changes nothing that is the account's own.
    account.publish(data={"id": 8})
    expect(page.locator("tbody tr", has_text="Delivered")).to_have_count(2)
    expect(page.get_by_role("link", name="Open webhook")).to_have_count(0)
    page.get_by_role("link", name="Acme").click()
    expect(page.get_by_role("heading", name="Acme")).to_be_visible()


def test_a_target_for_first_attempts(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url())
    page = open_page(server, server.operator_token, f"#/accounts/{account.id}", expect=["422"])
    target, save = page.get_by_label("First attempts begin within"), page.get_by_role("button", name="Save target")
    figure = page.locator(".figure", has_text="Begun in time")
    expect(save).to_be_disabled()
    target.fill("soon")
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("must be a duration such as 30s or 2m.")
    target.fill("1h")
    save.click()
    expect(page.get_by_text("The target was saved.")).to_be_visible()
    expect(figure).to_contain_text("no target in this time")
    account.publish()
    account.settled(webhook, "delivered")
    page.reload()
    expect(target).to_have_value("1h")
    expect(figure).to_contain_text("100%")
    # The account sees the same; only the operator sets it.
    page = open_page(server, account.key, "#/")
    expect(page.locator(".figure", has_text="Begun in time")).to_contain_text("100%")
    expect(page.get_by_label("First attempts begin within")).to_have_count(0)


def test_the_server_goes_and_comes_back(make_server, receiver, open_page):
    server = make_server()
    account = server.account()
    account.webhook(receiver.url(), name="Before")
    page = open_page(server, account.key, "#/webhooks", expect=["ERR_", "Failed to load resource"])
    expect(page.get_by_text("Before")).to_be_visible()
    assert server.stop() == 0
    page.get_by_role("link", name="Deliveries").click()
    expect(page.get_by_text("The server cannot be reached. Trying again…")).to_be_visible()
    server.start()
    expect(page.get_by_text("The server cannot be reached. Trying again…")).to_be_hidden()
    expect(page.get_by_text("Nothing delivered yet")).to_be_visible()
    account.publish()
    expect(page.locator("tbody tr", has_text="Delivered")).to_have_count(1)


def open_advanced(page):
    settle(page)  # what is above it may grow while it loads
    page.get_by_text("Filter, headers, limits", exact=True).click()


def test_the_options_of_a_webhook(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), ["contact.created"], "Filtered")
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}/edit", expect=["422"])
    open_advanced(page)
    page.get_by_label("Only events whose data has").fill('{"plan": ')
    page.get_by_label("Time limit of an attempt").fill("6m")
    page.get_by_role("button", name="Add header").click()
    page.get_by_label("Name of header 1").fill("X-Key")
    page.get_by_label("Value of header 1").fill("s3cr3t")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The options.filter field must be an object.")).to_be_visible()
    expect(page.get_by_text("The options.timeout field must be between 1s and 5m.")).to_be_visible()
    page.get_by_label("Only events whose data has").fill('{"plan": ["pro", "team"]}')
    page.get_by_label("Time limit of an attempt").fill("10s")
    page.get_by_label("Deliveries a second, at most").fill("5")
    page.get_by_label("Deliveries go out").select_option("strict")
    page.get_by_label("Retry after").fill("none")
    page.get_by_label("Every contact event").check()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Filtered")).to_be_visible()
    stored = account.get(f"/webhooks/{webhook['id']}?include=options").data
    assert stored["events"] == ["contact.created", "contact.*"]
    assert stored["options"] == {
        "headers": {"X-Key": True}, "rate_limit": 5, "ordered": True, "filter": {"plan": ["pro", "team"]}, "retry_schedule": [],
        "timeout": "10s", "previous_secret_expires_at": None, "ed25519": None, "client_certificate": None,
        "switched_off": None}

    # The webhook's own page says what is set.
    for words in ("only events that fit a filter", "1 header of its own", "at most 5 a second", "one after the other, in order", "no retries",
                  "10s for an attempt"):
        expect(page.get_by_text(words)).to_be_visible()
    expect(page.get_by_text("Every event that begins with contact.")).to_be_visible()

    # Open again at once, since something is set; what is left alone stays.
    page.get_by_role("link", name="Edit").first.click()
    expect(page.get_by_label("Retry after")).to_have_value("none")
    expect(page.get_by_label("Value of header 1")).to_have_value("")
    page.get_by_label("Deliveries a second, at most").fill("")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Filtered")).to_be_visible()
    assert account.get(f"/webhooks/{webhook['id']}?include=options").data["options"]["rate_limit"] is None
    account.publish("contact.deleted", {"plan": "pro"})
    assert receiver.wait(1)[0].header("X-Key") == "s3cr3t"

    # What was sent, by name: the value stays a secret.
    page.goto(page.url.split("#")[0] + f"#/deliveries?webhook={webhook['id']}")
    sent = open_first(page).get_by_label("Request headers")
    expect(sent).to_contain_text("X-Skylight-Event")
    expect(sent).to_contain_text("X-Keythe webhook's own, its value is not shown")
    expect(sent).not_to_contain_text("s3cr3t")


def test_options_that_are_left_alone_are_not_sent(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), ["contact.created"], "Precise", options={"filter": {"id": 2**53 + 1}, "timeout": "5s"})
    path = f"/webhooks/{webhook['id']}?include=options"
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}/edit", expect=["422"])
    page.get_by_label("Time limit of an attempt").fill("10s")
    page.get_by_label("Deliveries a second, at most").fill("Infinity")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The options.rate_limit field must be a number.")).to_be_visible()
    page.get_by_label("Deliveries a second, at most").fill("")
    account.put(path, {"options": {"ordered": True}})  # somebody else, meanwhile
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Precise")).to_be_visible()
    options = account.get(path).data["options"]
    assert (options["filter"], options["timeout"], options["ordered"]) == ({"id": 2**53 + 1}, "10s", True)


def test_two_headers_of_one_name_are_not_dropped_in_silence(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), name="Twice", options={"headers": {"X-Key": "first"}})
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}/edit")
    page.get_by_role("button", name="Add header").click()
    page.get_by_label("Name of header 2").fill("x-key")
    page.get_by_label("Value of header 2").fill("second")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The header x-key is there twice.")).to_be_visible()
    page.get_by_role("button", name="Remove header 1").click()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Twice")).to_be_visible()
    account.publish()
    assert receiver.wait(1)[0].header("X-Key") == "second"


def test_a_filter_keeps_every_digit(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), ["contact.created"], "Precise", options={"filter": {"id": 2**53 + 1, "share": 0.1}})
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}/edit")
    field = page.get_by_label("Only events whose data has")
    expect(field).to_have_value('{\n  "id": 9007199254740993,\n  "share": 0.1\n}')
    field.fill('{"id": [9007199254740993, 18446744073709551615]}')
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Precise")).to_be_visible()
    assert account.get(f"/webhooks/{webhook['id']}?include=options").data["options"]["filter"] == {"id": [2**53 + 1, 2**64 - 1]}


def test_what_comes_next_follows_the_webhooks_own_schedule(server, account, make_receiver, open_page):
    webhook = account.webhook(make_receiver(answers.status(500)).url(), options={"retry_schedule": ["90s", "3h"]})
    account.publish()
    page = open_page(server, account.key, f"#/deliveries?webhook={webhook['id']}")
    expect(page.locator("tbody tr").first).to_contain_text("500")
    expect(open_first(page)).to_contain_text("If it fails, one more follows 3 h later.")


def test_what_waits_for_its_turn_in_strict_order_says_so(server, account, make_receiver, open_page):
    webhook = account.webhook(make_receiver(answers.status(500)).url(), options={"retry_schedule": ["1h"], "ordered": True})
    for number in range(2):
        account.publish(data={"n": number})
    page = open_page(server, account.key, f"#/deliveries?webhook={webhook['id']}")
    expect(page.locator("tbody tr").last).to_contain_text("500")
    expect(open_first(page)).to_contain_text("once every delivery before this one has arrived or failed for good")


def test_a_key_of_its_own_for_signatures(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), ["contact.created"], "Signed twice")
    path = f"/webhooks/{webhook['id']}?include=options"
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}/edit")

    def save():
        page.get_by_role("button", name="Save changes").click()
        expect(page.get_by_role("heading", name="Signed twice")).to_be_visible()
        return account.get(path).data["options"]["ed25519"]

    open_advanced(page)
    page.get_by_label("Sign with an Ed25519 key too").check()
    key = save()
    assert key.startswith("whpk_")
    account.publish()
    version, signature = receiver.wait(1)[0].header("webhook-signature").split(" ")[1].split(",")
    assert version == "v1a" and len(signature) == 88
    page.get_by_role("link", name="Edit").first.click()
    expect(page.get_by_text(key)).to_be_visible()
    page.get_by_role("button", name="Copy the public key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    settle(page)
    assert axe(page) == []

    # Left alone it stays; off, it is gone for good, which the page says before.
    page.get_by_label("Name").fill("Signed twice")
    assert save() == key
    page.goto(page.url.split("#")[0] + f"#/deliveries?webhook={webhook['id']}")
    expect(open_first(page).get_by_label("Request headers")).to_contain_text("v1a,")
    page.goto(page.url.split("#")[0] + f"#/webhooks/{webhook['id']}/edit")
    page.get_by_label("Sign with an Ed25519 key too").uncheck()
    expect(page.get_by_text("Its key will be gone")).to_be_visible()
    assert save() is None


def test_a_new_secret_with_a_grace_period(server, account, receiver, open_page):
    webhook = account.webhook(receiver.url(), ["contact.created"], "Rotated")
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}")
    page.get_by_role("button", name="Regenerate secret").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("The present secret").select_option("24h")
    dialog.get_by_role("button", name="Regenerate secret").click()
    expect(page.get_by_test_id("secret")).to_be_visible()
    account.publish()
    assert len(receiver.wait(1)[0].header("webhook-signature").split(" ")) == 2
    page.reload()
    expect(page.get_by_text("signs too until")).to_be_visible()


def test_a_client_certificate(server, account, receiver, open_page, tmp_path):
    authority = Authority(tmp_path)
    pem, other = authority.client("skyhook"), authority.client("other")
    webhook = account.webhook(receiver.url(), ["contact.created"], "Mutual")
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}/edit", expect=["422"])
    open_advanced(page)
    page.get_by_label("Certificate", exact=True).fill(pem["certificate"])
    page.get_by_label("Private key of the certificate").fill(other["key"])
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The options.client_certificate.key field must be the key of the certificate.")).to_be_visible()
    page.get_by_label("Private key of the certificate").fill(pem["key"])
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Mutual")).to_be_visible()
    shown = account.get(f"/webhooks/{webhook['id']}?include=options").data["options"]["client_certificate"]
    assert shown["fingerprint"] == authority.fingerprint(pem)

    # Whose it is, and no key; what is left alone stays, and what is removed goes.
    page.get_by_role("link", name="Edit").first.click()
    expect(page.get_by_text("CN=skyhook, until")).to_be_visible()
    expect(page.get_by_label("Private key of the certificate")).to_have_value("")
    page.get_by_label("Deliveries a second, at most").fill("5")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Mutual")).to_be_visible()
    assert account.get(f"/webhooks/{webhook['id']}?include=options").data["options"]["client_certificate"] == shown
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_role("button", name="Remove the client certificate").click()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Mutual")).to_be_visible()
    assert account.get(f"/webhooks/{webhook['id']}?include=options").data["options"]["client_certificate"] is None


def test_a_webhook_that_its_receiver_switched_off(server, account, make_receiver, open_page):
    webhook = account.webhook(make_receiver(answers.status(410)).url(), ["contact.created"], "Gone")
    account.publish()
    eventually(lambda: not account.get(f"/webhooks/{webhook['id']}").data["is_active"], what="the switch-off")
    page = open_page(server, account.key, f"#/webhooks/{webhook['id']}")
    expect(page.get_by_text("It answered 410 Gone, so nothing is sent any more.")).to_be_visible()
    page.get_by_role("switch").click()
    expect(page.get_by_role("switch", name="On")).to_be_checked()
    expect(page.get_by_text("It answered 410 Gone, so nothing is sent any more.")).to_have_count(0)


def test_the_operator_finds_what_it_was_told(make_server, make_receiver, open_page):
    told = make_receiver()
    secret = "whsec_" + "A" * 43 + "="
    server = make_server("--retry-schedule", "none", "--operator-webhook", told.url("/ops"), "--operator-webhook-secret", secret)
    account = server.account("Customer")
    account.webhook(make_receiver(answers.status(500)).url())
    account.publish()
    told.wait(1)
    page = open_page(server, server.operator_token, "#/accounts")
    page.get_by_role("link", name="Operator events").click()
    expect(page.get_by_role("heading", name="Operator events").first).to_be_visible()
    # What the settings keep is not offered to be changed.
    expect(page.get_by_text("no key opens it")).to_be_visible()
    for name in ("New key", "Delete account", "Save target"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.get_by_role("link", name="Operator events").first.click()
    expect(page.get_by_role("link", name="operator.delivery.failed").first).to_be_visible()
    page.get_by_label("Event").select_option("operator.delivery.failed")
    expect(page.get_by_role("link", name="operator.delivery.failed").first).to_be_visible()
    page.get_by_role("link", name="Publish").click()
    expect(page.get_by_label("Account").locator("option")).to_have_text(["Customer"])


def test_the_catalogue_and_a_publish_that_is_checked(make_server, tmp_path, receiver, open_page):
    (tmp_path / "skyhook.toml").write_text("""
[[event_types]]
name = "invoice.paid"
description = "An invoice is paid"
schema = '{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}'
example = '{"id": 5012}'
check = true
""")
    server = make_server("--config", str(tmp_path / "skyhook.toml"))
    account = server.account()
    account.webhook(receiver.url(), ["invoice.paid"])

    # As the customer sees it.
    page = open_page(server, account.key, "#/events")
    row = page.locator("tbody tr", has_text="invoice.paid")
    expect(row).to_contain_text("Checked")
    expect(row).to_contain_text("1 webhook")
    expect(page.locator("tbody tr", has_text="contact.created")).to_contain_text("nobody")
    expect(page.get_by_role("link", name="contact.created")).to_have_count(0)
    row.get_by_role("link", name="invoice.paid").click()
    dialog = page.get_by_role("dialog", name="invoice.paid")
    expect(dialog.get_by_label("Example")).to_contain_text('"id": 5012')
    expect(dialog.get_by_label("JSON Schema")).to_contain_text('"type": "integer"')
    page.get_by_role("button", name="Close").click()
    page.get_by_label("Search events").fill("PAID")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Search events").fill("nothing like it")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(12)

    # As the operator uses it.
    page = open_page(server, server.operator_token, "#/events", expect=["422"])
    page.get_by_role("link", name="invoice.paid", exact=True).click()
    page.get_by_role("link", name="Publish one").click()
    expect(page.get_by_text("Data is checked against its schema.")).to_be_visible()
    data = page.get_by_label("Data", exact=True)
    expect(data).to_have_value('{\n  "id": 5012\n}')
    data.fill('{"id": "5012"}')
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text('does not fit the schema of invoice.paid: "/id" must be an integer.')).to_be_visible()
    assert receiver.requests == []
    page.get_by_role("button", name="Restore example").click()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Accepted: 1 delivery.")).to_be_visible()
    assert receiver.wait(1)[0].json["data"] == {"id": 5012}
