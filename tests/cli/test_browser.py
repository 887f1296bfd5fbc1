#!/usr/bin/python3
"""The pages of analysis/report.py in Debian's chromium, without a display and without a network: pictures at the width
of a desk's screen and of a phone's, light and dark. Nothing is complained of, cut off or wider than the screen.

Run: ctest --preset long -R browser. DDPM_PICTURES names a folder that keeps the pictures. It needs the packages
DDPM_PACKAGES_BROWSER of jobs/packages.sh.
"""
import base64
import io
import os
import unittest
import urllib.parse

import numpy as np
from PIL import Image

from reports import Reports
from skipped import main

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None
DRIVER = "/usr/bin/chromedriver"
WIDE, PHONE = 1280, 390
# Texts of figures that reach beyond their figure
CUT_OFF = """
return [...document.querySelectorAll("svg")].flatMap(svg => {
  const all = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter(text => {
    const one = text.getBoundingClientRect();
    return one.left < all.left - 1 || one.right > all.right + 1 || one.top < all.top - 1 || one.bottom > all.bottom + 1;
  }).map(text => text.textContent);
})"""
# What is wider than the screen, outside the boxes that scroll
TOO_WIDE = """
const limit = document.documentElement.clientWidth + 1;
return [...document.body.querySelectorAll(":not(.wide *)")].filter(one => !one.closest("svg") &&
  one.getBoundingClientRect().right > limit).map(one => one.outerHTML.slice(0, 80))"""
LEFT_EDGES = 'return [...document.querySelectorAll(".picture")].map(one => one.getBoundingClientRect().left)'
ORDER = 'return [...document.querySelectorAll(arguments[0] + " [data-row]")].map(one => one.dataset.row)'


@unittest.skipUnless(webdriver and os.path.exists(DRIVER),
                     "chromium is not installed (Debian: chromium-driver, python3-selenium)")
class Browser(Reports):
    def setUp(self):
        super().setUp()
        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     f"--user-data-dir={self.path('profile')}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.browser = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.addCleanup(self.browser.quit)
        self.command("Network.enable")
        self.command("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0,
                     uploadThroughput=0)

    def command(self, name, **arguments):
        return self.browser.execute_cdp_cmd(name, arguments)

    def view(self, path, width, scheme):
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                     mobile=width == PHONE)
        self.browser.get("file://" + urllib.parse.quote(path))

    def picture(self, name):
        """[height][width][3] of the whole page."""
        data = base64.b64decode(self.command("Page.captureScreenshot", captureBeyondViewport=True)["data"])
        if os.environ.get("DDPM_PICTURES"):
            os.makedirs(os.environ["DDPM_PICTURES"], exist_ok=True)
            with open(os.path.join(os.environ["DDPM_PICTURES"], name + ".png"), "wb") as file:
                file.write(data)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)

    def look(self, path, name):
        """At the page in every way."""
        for width in (WIDE, PHONE):
            for scheme in ("light", "dark"):
                with self.subTest(page=name, width=width, scheme=scheme):
                    self.view(path, width, scheme)
                    self.assertEqual([], self.browser.get_log("browser"))
                    self.assertEqual([], self.browser.execute_script(CUT_OFF))
                    self.assertEqual([], self.browser.execute_script(TOO_WIDE))
                    columns = len({round(edge) for edge in self.browser.execute_script(LEFT_EDGES)})
                    self.assertEqual(width == PHONE, columns == 1, f"figures in {columns} columns")
                    brightness = self.picture(f"{name}-{width}-{scheme}").mean(axis=2)
                    self.assertGreater(brightness.shape[0], 1000)
                    paper = np.median(brightness)
                    self.assertTrue(paper > 240 if scheme == "light" else paper < 40, paper)
                    ink = np.abs(brightness - paper) > 120
                    self.assertGreater(ink.mean(), 0.005, "the page can hardly be read")

    def test_run(self):
        run = self.train_table()
        self.report(run)
        self.look(os.path.join(run, "report.html"), "table")
        run = self.train(self.config(), self.path("toy"))
        self.ddpm("evaluate", run, "--count", 20, "--samples", 100, "--json", os.path.join(run, "evaluation.json"))
        self.report(run)
        self.look(os.path.join(run, "report.html"), "toy")

    def test_sweep(self):
        """The table is sorted by the column whose head was clicked, and the figures with it."""
        folder = self.sweep({"diffusion.steps": "[20, 10, 5]",
                             "schedule": "{linear: {diffusion.schedule.kind: linear}}"})
        self.report(folder)
        path = os.path.join(folder, "report.html")
        self.look(path, "sweep")
        self.view(path, WIDE, "light")
        orders = []
        for column in (0, 0, 1):
            self.browser.find_elements("css selector", ".sorted button")[column].click()
            for place in ("tbody", "#panels"):
                orders.append("".join(self.browser.execute_script(ORDER, place)))
        self.assertEqual(["210", "210", "012", "012", "012", "012"], orders)
        self.assertEqual([], self.browser.get_log("browser"))


if __name__ == "__main__":
    main()
