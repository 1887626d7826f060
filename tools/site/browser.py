"""Look at the built site in a real browser, from its files: no server, no network.

    python tools/site/browser.py                        every page at 390 and 1440 px, light and dark
    python tools/site/browser.py --shots shots moving   also pictures of the pages whose address contains "moving"

Needs the dependency group `browser` and a Chromium: `--browser`, by default the one on the path, else Playwright's own.
Prints what is wrong, exit status 1 if anything is: messages of the console, requests that leave the site, pages wider
than the window, radicals that do not cover what they are drawn over, a search that does not find `SpinConv`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright  # pyright: ignore[reportMissingImports]

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = (390, 1440)
SCHEMES = ("light", "dark")

_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# A radical without a font for mathematics is no wider than its sign.
_RADICALS = """[...document.querySelectorAll("msqrt")].filter(root => {
  const [outer, inner] = [root, root.lastElementChild].map(element => element.getBoundingClientRect());
  return outer.width > 0 && (outer.right < inner.right - 1 || outer.top > inner.top + 1);
}).length"""
_FONT = """document.querySelector("math") === null || document.fonts.check('16px "Page Math"')"""


def look(page: Page, address: str, scheme: str, shot: Path | None) -> list[str]:
    """What is wrong with one page as it stands in the window."""
    page.goto(address)
    page.evaluate("document.fonts.ready")
    found = []
    if (wider := page.evaluate(_WIDER)) > 1:
        found.append(f"{wider} px wider than the window")
    if bad := page.evaluate(_RADICALS):
        found.append(f"{bad} radicals do not cover their content")
    if not page.evaluate(_FONT):
        found.append("the font for formulas was not loaded")
    if shot:
        shot.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=shot, full_page=True)
    return found


def search(page: Page, home: str, word: str) -> list[str]:
    """Titles that the site's search finds."""
    page.goto(home)
    page.locator("input.md-search__input").click()
    page.keyboard.type(word)
    page.wait_for_selector(".md-search-result__item", timeout=20_000)
    return page.locator(".md-search-result__item h1, .md-search-result__item h2").all_inner_texts()


def check(browser: Browser, site: Path, shots: Path | None, only: str) -> list[str]:
    """What is wrong with the pages of a built site."""
    wrong: list[str] = []
    pages = [path for path in sorted(site.rglob("*.html")) if only in str(path.relative_to(site))]
    for scheme in SCHEMES:
        for width in WIDTHS:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page = context.new_page()
            seen: list[str] = []
            page.on("console", lambda message, seen=seen: seen.append(f"console: {message.text}"))
            page.on("pageerror", lambda error, seen=seen: seen.append(f"error: {error}"))
            page.on("requestfailed", lambda request, seen=seen: seen.append(f"failed: {request.url}"))
            page.on(
                "request",
                lambda request, seen=seen: (
                    None if request.url.startswith(("file:", "data:", "about:", "blob:")) else seen.append(request.url)
                ),
            )
            for path in pages:
                seen.clear()
                name = path.relative_to(site)
                shot = shots / f"{str(name.with_suffix('')).replace('/', '-')}-{width}-{scheme}.png" if shots else None
                found = look(page, path.as_uri(), scheme, shot)
                wrong += [f"{name} at {width} px, {scheme}: {one}" for one in (*found, *seen)]
            context.close()
    page = browser.new_page()
    titles = search(page, (site / "index.html").as_uri(), "SpinConv")
    if not any("SpinConv" in title for title in titles):
        wrong.append(f"the search for SpinConv found {titles}")
    return wrong


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="?", default="", help="a part of the addresses of the pages to look at")
    parser.add_argument("--site", type=Path, default=ROOT / "site", help="the built site")
    parser.add_argument("--shots", type=Path, help="a folder for pictures of the pages")
    parser.add_argument("--browser", default=shutil.which("chromium"), help="the program")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        wrong = check(browser, options.site.resolve(), options.shots, options.only)
        browser.close()
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
