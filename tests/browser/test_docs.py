"""The API's pages at /docs: readable in both themes and on a phone, and they ask for nothing from elsewhere (open_page
watches every request)."""

from conftest import DESKTOP, PHONE, SCREENS, axe, keep
from playwright.sync_api import expect


def test_the_pages_of_the_api(server, open_page):
    SCREENS.mkdir(parents=True, exist_ok=True)
    page = open_page(server, path="docs")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe(page) == [], scheme
        keep(page, f"api-docs-{scheme}", documented=scheme == "light")
    page.set_viewport_size(PHONE)
    assert axe(page) == [], "phone"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "wider than a phone"
    keep(page, "api-docs-phone", documented=False)
    page.set_viewport_size(DESKTOP)

    page.get_by_role("navigation").get_by_role("link", name="Create a webhook").click()
    article = page.locator("#createWebhook")
    expect(article).to_be_in_viewport()
    expect(article.get_by_text("1 … 255 characters")).to_be_visible()
    article.locator("summary").click()
    expect(article.get_by_text("The data is not valid")).to_be_visible()
    # Not by a click: for a page that is JSON the browser asks for an icon that nobody has, sooner or later.
    description = page.get_by_role("link", name="openapi.json").evaluate("link => link.href")
    assert page.request.get(description).json()["openapi"].startswith("3.1")
