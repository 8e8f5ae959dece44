// browser.mjs PAGE   opens the page in Chromium, where it makes the calls of the compiled `calls.ts`

import { chromium } from "playwright-core";

const [page] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
try {
  const tab = await browser.newPage();
  tab.on("pageerror", (error) => console.error(error));
  await tab.goto(page);
  const checks = await tab.evaluate(async () => (await import("./calls.js")).run("/"));
  console.log(`Chromium ${browser.version()}: ${checks} checks`);
} finally {
  await browser.close();
}
