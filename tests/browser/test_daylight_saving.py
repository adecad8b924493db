"""The days on which the clocks are changed, as a browser in Berlin shows them: of a server whose own clock was set to such a day."""

import datetime
import re
import time

import pytest
from conftest import settle, sign_in
from harness.clock import Clock, build_library
from harness.server import LOCAL, Skyhook
from playwright.sync_api import expect

# What is written on a canvas, and how far from its left end, as it was last drawn.
WRITTEN = """
  window.written = [];
  const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    window.written = [];
    return clearRect.apply(this, box);
  };
  CanvasRenderingContext2D.prototype.fillText = function (text, x, ...more) {
    window.written.push([text, x]);
    return fillText.call(this, text, x, ...more);
  };
"""


def utc(text):
    return datetime.datetime.fromisoformat(f"{text}+00:00")


class Change:
    """`published`: when one event was, and when two were. `ticks`: what is written below the chart, and of which moment."""

    def __init__(self, now, published, ticks, titles):
        self.now, self.published, self.titles = utc(now), [utc(moment) for moment in published], titles
        self.ticks = {label: utc(moment) for label, moment in ticks.items()}


# At 01:00 UTC the clocks of Berlin go from 03:00 back to 02:00: both are half past two there, one hour after the other.
AUTUMN = Change("2026-10-25T12:10:00", ["2026-10-25T00:31:00", "2026-10-25T01:31:00"], {
    "16:00": "2026-10-24T14:00", "18:00": "2026-10-24T16:00", "20:00": "2026-10-24T18:00", "22:00": "2026-10-24T20:00",
    "25 Oct": "2026-10-24T22:00", "02:00": "2026-10-25T00:00", "04:00": "2026-10-25T03:00", "06:00": "2026-10-25T05:00",
    "08:00": "2026-10-25T07:00", "10:00": "2026-10-25T09:00", "12:00": "2026-10-25T11:00",
}, ["25 Oct, 02:30 CEST – 02:00 CET", "25 Oct, 02:30 – 03:00 CET"])
# At 01:00 UTC they go from 02:00 to 03:00: there is no half past two.
SPRING = Change("2026-03-29T11:10:00", ["2026-03-29T00:31:00", "2026-03-29T01:31:00"], {
    "14:00": "2026-03-28T13:00", "16:00": "2026-03-28T15:00", "18:00": "2026-03-28T17:00", "20:00": "2026-03-28T19:00",
    "22:00": "2026-03-28T21:00", "29 Mar": "2026-03-28T23:00", "04:00": "2026-03-29T02:00", "06:00": "2026-03-29T04:00",
    "08:00": "2026-03-29T06:00", "10:00": "2026-03-29T08:00", "12:00": "2026-03-29T10:00",
}, ["29 Mar, 01:30 CET – 03:00 CEST", "29 Mar, 03:30 – 04:00 CEST"])


@pytest.fixture(params=[AUTUMN, SPRING], ids=["autumn", "spring"])
def change(request):
    return request.param


@pytest.fixture
def server(change, tmp_path):
    """At that hour, with what was published before and after the change."""
    clock = Clock(build_library(tmp_path), tmp_path / "offset")

    def set_to(moment):
        clock.set(int(moment.timestamp() - time.time()))

    set_to(change.published[0])
    server = Skyhook(tmp_path / "server", [*LOCAL, "--rate-limit", "0"], environment=clock.environment).start()
    try:
        yield server, set_to
    finally:
        server.close()


@pytest.fixture
def page(change, server, receiver, open_page):
    """The page of the webhook that got them."""
    server, set_to = server
    account = server.account()
    webhook = account.webhook(receiver.url(), name="Kitchen")
    for count, moment in enumerate(change.published, 1):
        set_to(moment)
        for _ in range(count):
            account.publish()
        account.settled(webhook, "delivered", 2 * count - 1)
    set_to(change.now)
    page = open_page(server)
    page.add_init_script(WRITTEN)
    page.clock.install(time=change.now)
    page.reload()
    sign_in(page, account.key)
    page.goto(page.url.split("#")[0] + f"#/webhooks/{webhook['id']}")
    page.locator("canvas").wait_for()
    settle(page)
    return page


def ticks(page):
    """What is written below the chart, and where on the page."""
    left = page.locator("canvas").bounding_box()["x"]
    return [(text, left + x) for text, x in page.evaluate("written") if re.search(r":|[A-Z]", text)]


def place(page, change, moment):
    """Where on the page the chart has that moment, by the ticks at its ends."""
    (first, begin), (last, end) = ticks(page)[0], ticks(page)[-1]
    passed = (moment - change.ticks[first]) / (change.ticks[last] - change.ticks[first])
    return begin + passed * (end - begin)


def test_the_hours_below_a_chart_stand_where_they_are(page, change):
    assert [text for text, _ in ticks(page)] == list(change.ticks)
    for text, x in ticks(page):
        assert x == pytest.approx(place(page, change, change.ticks[text]), abs=1.5), text


def test_an_hour_that_comes_twice_is_told_apart(page, change):
    chart = page.locator("canvas").bounding_box()
    for count, (moment, title) in enumerate(zip(change.published, change.titles), 1):
        page.mouse.move(place(page, change, moment + datetime.timedelta(minutes=10)), chart["y"] + 80)
        expect(page.locator(".tip b")).to_have_text(title)
        expect(page.locator(".tip div", has_text="Delivered")).to_have_text(f"Delivered{count}")

    page.get_by_role("button", name="Table").click()
    for count, (moment, title) in enumerate(zip(change.published, change.titles), 1):
        step = moment.replace(minute=30)
        row = page.locator("tbody tr", has=page.locator(f"[title='{step:%Y-%m-%d %H:%M}:00.000 UTC']"))
        expect(row.locator("td").nth(1)).to_have_text(str(count))
        begin = re.search(r"\d\d:\d\d", title).group()
        expect(row.locator("time")).to_have_text(re.compile(rf", {begin} CES?T$"))
    # On any other day there is nothing to tell apart.
    expect(page.locator(".chart-table tbody time").last).to_have_text(re.compile(r"\d\d:\d\d$"))


def test_a_span_that_is_drawn_over_a_chart_is_that_of_its_hours(page, change):
    """From a few minutes after the change, for an hour: of half past two the second one."""
    chart = page.locator("canvas").bounding_box()
    second = change.published[1]
    page.mouse.move(place(page, change, second - datetime.timedelta(minutes=25)), chart["y"] + 80)
    page.mouse.down()
    page.mouse.move(place(page, change, second + datetime.timedelta(minutes=25)), chart["y"] + 80, steps=4)
    page.mouse.up()
    expect(page.locator("tbody tr")).to_have_count(2)
    local = re.search(r"(\d\d:3)0", change.titles[1]).group(1)
    zone = change.titles[1][-4:].strip()
    expect(page.locator("tbody time").first).to_have_text(re.compile(rf"{local}\d:\d\d {zone}$"))
    page.reload()  # the address says it all
    expect(page.locator("tbody tr")).to_have_count(2)
