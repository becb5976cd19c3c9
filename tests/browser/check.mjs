// Opens a report in a real browser and uses it: nothing may run, leave or break; everything must answer to clicks.
//
//     node check.mjs REPORT.html PICTURES-FOLDER
//
// Wants playwright-core and axe-core beside it or in NODE_PATH, and a Chromium named by CHROMIUM (check.sh sees to both).
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import path from "node:path";

const require = createRequire(path.join(process.env.MODULES || process.cwd(), "x.js"));
const { chromium } = require("playwright-core");
const [file, pictures] = [path.resolve(process.argv[2]), path.resolve(process.argv[3])];
mkdirSync(pictures, { recursive: true });

const problems = [];
const expect = (holds, what) => {
  console.log((holds ? "  ok    " : "  FAIL  ") + what);
  if (!holds) problems.push(what);
};

const watch = (page, name) => {
  page.on("console", (m) => { if (["error", "warning"].includes(m.type())) problems.push(`${name}: console ${m.type()}: ${m.text()}`); });
  page.on("pageerror", (e) => problems.push(`${name}: ${e.message}`));
  page.on("dialog", (d) => { problems.push(`${name}: a dialog opened: ${d.message()}`); d.dismiss(); });
  page.on("request", (r) => { if (r.url() !== pathToFileURL(file).href) problems.push(`${name}: asked for ${r.url().slice(0, 200)}`); });
  page.on("popup", () => problems.push(`${name}: a window opened`));
};

const open = async (browser, options, name) => {
  const page = await browser.newPage(options);
  watch(page, name);
  await page.goto(pathToFileURL(file).href);
  return page;
};

const column = (page, table, index) => page.$$eval(`#${table} tbody tr:not([hidden])`, (rows, at) => rows.map((r) => r.cells[at].dataset.v), index);
const sorted = (values, direction) => {
  const known = values.filter((v) => v !== "" && v !== undefined).map(Number);
  return known.every((v, n) => n === 0 || direction * (v - known[n - 1]) >= 0);
};

const sorting = async (page) => {
  const heads = await page.$$eval("#cells-table thead th", (hs) => hs.map((h) => h.className));
  const at = heads.indexOf("n");
  const button = page.locator("#cells-table thead th").nth(at).locator("button");
  await button.click();
  expect(sorted(await column(page, "cells-table", at), 1), "a click on a heading sorts the comparison upward");
  await button.click();
  expect(sorted(await column(page, "cells-table", at), -1), "a second click sorts it downward");
  const state = await page.locator("#cells-table thead th").nth(at).getAttribute("aria-sort");
  expect(state === "descending", "the sorted heading says so to assistive technology");
};

const filtering = async (page) => {
  const select = page.locator("[data-filters=cells-table] select").first();
  if (await select.count() === 0) return;
  const rows = () => page.$$eval("#cells-table tbody tr", (all) => all.filter((r) => !r.hidden).length);
  const before = await rows();
  await select.selectOption({ index: 1 });
  expect(await rows() < before && await rows() > 0, "a filter narrows the comparison");
  await select.selectOption({ index: 0 });
  expect(await rows() === before, "and gives it back");
};

const shown = async (page) => Number((await page.textContent("#shown")).match(/\d+/)[0]);

const searching = async (page) => {
  const all = await shown(page);
  const first = await page.textContent("#trials tbody tr:first-child td:first-child");
  await page.fill("#search", first);
  await page.waitForFunction((n) => Number(document.getElementById("shown").textContent.match(/\d+/)[0]) !== n, all, { timeout: 3000 }).catch(() => {});
  const found = await shown(page);
  expect(found > 0 && found < all, `searching for a case finds it (${found} of ${all})`);
  await page.fill("#search", "zz no such words zz");
  await page.waitForFunction(() => document.getElementById("shown").textContent.startsWith("0 "), null, { timeout: 3000 }).catch(() => {});
  expect(await shown(page) === 0, "searching for nonsense finds nothing");
  await page.fill("#search", "");
  await page.waitForFunction((n) => Number(document.getElementById("shown").textContent.match(/\d+/)[0]) === n, all, { timeout: 3000 }).catch(() => {});
  const result = page.locator("#pick-result option");
  if (await result.count() > 2) {
    await page.selectOption("#pick-result", { index: 1 });
    expect(await shown(page) < all, "the result filter narrows the list");
    await page.selectOption("#pick-result", { index: 0 });
  }
};

const opening = async (page) => {
  await page.click("#trials tbody tr:nth-child(2)");
  expect(await page.isVisible("#trial"), "a click opens a trial");
  expect((await page.textContent("#answer")).length > 0, "its answer is shown");
  if (await page.locator("#diff").count() > 0) {
    const options = await page.locator("#against option").count();
    let marked = 0;
    for (let n = 0; n < Math.min(options, 12) && marked === 0; n += 1) {
      await page.selectOption("#against", { index: n });
      marked = await page.locator("#diff ins, #diff del").count();
    }
    expect(await page.locator("#diff pre").count() === 2, "two arms stand side by side");
    console.log(`        ${marked} words differ between two arms`);
  }
  expect(await page.locator("#trial svg.fall rect, #trial p.lead").count() > 1, "its time line is drawn");
  await page.screenshot({ path: path.join(pictures, "trial.png") });
  await page.keyboard.press("Escape");
  expect(!await page.isVisible("#trial"), "Escape closes it");
  await page.focus("#trials tbody tr:first-child");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  expect(await page.isVisible("#trial"), "the keyboard opens the next one");
};

const every = async (page) => {
  // Open every trial of the page once: no answer may run anything on its way into the panel.
  const n = await page.evaluate(async () => {
    let opened = 0;
    for (let turn = 0; turn < 4; turn += 1) {
      for (let k = 0; k < document.querySelectorAll("#trials tbody tr").length; k += 1) {
        document.querySelectorAll("#trials tbody tr")[k].click();
        opened += 1;
      }
      const next = [...document.querySelectorAll("#pager button")].pop();
      if (next.disabled) break;
      next.click();
    }
    return opened;
  });
  const foreign = await page.evaluate(() => ({
    scripts: document.scripts.length,
    elements: document.querySelectorAll("iframe, img, base, object, embed, form, body link").length,
    handlers: [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length,
  }));
  expect(foreign.scripts === 2 && foreign.elements === 0 && foreign.handlers === 0, `after opening ${n} trials nothing foreign is in the page`);
};

// Rules of axe-core (https://github.com/dequelabs/axe-core), with a trial open; serious and critical findings count.
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const accessible = async (page, name) => {
  await page.click("#trials tbody tr:nth-child(2)");
  await page.evaluate(AXE);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const grave = found.violations.filter((v) => ["serious", "critical"].includes(v.impact));
  grave.forEach((v) => console.log(`        ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(" | ")}`));
  expect(grave.length === 0, `${name}: no serious accessibility finding`);
};

const looking = async (browser) => {
  for (const width of [1280, 400]) {
    for (const colorScheme of ["light", "dark"]) {
      const name = `${width}-${colorScheme}`;
      const page = await open(browser, { viewport: { width, height: 900 }, colorScheme }, name);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(over <= 0, `${name}: the page does not scroll sideways`);
      await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
      await accessible(page, name);
      await page.close();
    }
  }
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await open(browser, { viewport: { width: 1280, height: 900 } }, "use");
await sorting(page);
await filtering(page);
await searching(page);
await opening(page);
await every(page);
await page.close();
const bare = await open(browser, { viewport: { width: 1280, height: 900 }, javaScriptEnabled: false }, "no scripts");
expect(await bare.locator("#cells-table tbody tr").count() > 0 && await bare.isVisible("noscript"), "without scripts the tables stand and the list says why it is empty");
await bare.close();
await looking(browser);
await browser.close();
console.log(problems.length === 0 ? "report in a browser: ok" : `report in a browser: ${problems.length} problems\n` + problems.join("\n"));
process.exit(problems.length === 0 ? 0 : 1);
