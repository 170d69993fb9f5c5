import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { elapsedText, matches } from "../../web_client/app/catalogue_rules.js";
import { launchRatio } from "../../web_client/app/environment.js";
import { EventParser, eventsOf } from "../../web_client/api/events.js";
import { STRINGS, errorText, t } from "../../web_client/app/strings.js";
import { CLOSE_CODES } from "../../web_client/core/protocol/closing.js";
import { cursorStyle } from "../../web_client/core/display/cursor.js";
import { exactSide } from "../../web_client/core/display/view_size.js";

const ROOT = fileURLToPath(new URL("../../web_client/", import.meta.url));
const read = (name) => readFileSync(path.join(ROOT, name), "utf8");
const sources = (folder) => readdirSync(path.join(ROOT, folder), { recursive: true })
  .filter((name) => name.endsWith(".js")).map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
const app = sources("app").filter((name) => name !== "app/strings.js").map(read).join("\n");

// --- texts

test("every text that is used is in the table", () => {
  const used = [...app.matchAll(/\bt\(\s*(?:[\w.]+ \? )?"([a-z_.]+)"(?: : "([a-z_.]+)")?/g)].flatMap(([, ...keys]) => keys.filter(Boolean));
  assert.ok(used.length > 40);
  assert.deepEqual(used.filter((key) => !(key in STRINGS)), []);
});

test("every text of the table is used", () => {
  const families = ["error.", "stage.", "launch.done", "launch.now", "notice.", "ordinal.", "key.", "keys.", "quality.", "covered."];
  const unused = Object.keys(STRINGS).filter((key) => !app.includes(`"${key}"`) && !families.some((family) => key.startsWith(family)));
  assert.deepEqual(unused, []);
});

test("no text for users stands outside the table", () => {
  const stray = [...app.matchAll(/h\("[a-z0-9]+", \{[^}]*\}, "([^"]+)"/g)].map(([, text]) => text);
  assert.deepEqual(stray, []);
});

test("every way in which a stream closes has a text", () => {
  const quiet = ["taken_over", "session_ended", "signed_out"];
  const reasons = Object.values(CLOSE_CODES).map(({ reason }) => reason).filter((reason) => !quiet.includes(reason));
  assert.deepEqual(reasons.filter((reason) => !(`error.${reason}` in STRINGS)), []);
});

test("every stage has a name", () => {
  const stages = /STAGES = [^[]*\[([^\]]*)\]/.exec(read("app/launch_panel.js"))[1].match(/\w+/g);
  assert.deepEqual(stages, ["placed", "accepted", "display", "application", "window", "ready"]);
  for (const stage of stages) assert.ok(t(`stage.${stage}`));
});

test("values go into their places, and a missing text is an error", () => {
  assert.equal(t("catalogue.return.to", { name: "Text {name} $&" }), "Return to Text {name} $&");
  assert.throws(() => t("no.such.text"));
});

test("an unknown error shows the message that came with it, and never nothing", () => {
  assert.equal(errorText({ code: "host_full", message: "All taken." }), "All taken.");
  assert.equal(errorText({}), t("error.unknown"));
});

test("markup is parsed nowhere", () => {
  const all = ["admin", "api", "app", "core", "ui"].flatMap(sources).map(read).join("\n");
  assert.doesNotMatch(all, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setAttribute\("style"/);
});

// --- page

test("the page asks ahead for every module that it will need", () => {
  const found = new Set();
  const follow = (name) => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, target] of read(name).matchAll(/^(?:import|export)[^;]*?from "(\.[^"]+)"/gms))
      follow(path.posix.join(path.posix.dirname(name), target));
  };
  follow("app/main.js");
  found.delete("app/main.js");
  const preloaded = [...read("index.html").matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, name]) => name);
  assert.deepEqual(preloaded.sort(), [...found].sort());
});

test("the page holds no script, style or handler of its own", () => {
  const page = read("index.html");
  assert.doesNotMatch(page, /<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|https?:/);
});

// --- events

test("events are read whatever the pieces they come in", () => {
  const text = 'event: stage\ndata: {"stage":"placed"}\n\n: comment\n\nevent: ready\r\ndata: {}\r\n\r\n';
  for (const size of [1, 2, 3, 7, text.length]) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...parser.feed(text.slice(at, at + size)));
    assert.deepEqual(events, [{ event: "stage", data: '{"stage":"placed"}' }, { event: "ready", data: "{}" }]);
  }
});

test("several data lines are one text, and an unfinished event is none", () => {
  const parser = new EventParser();
  assert.deepEqual(parser.feed("data: a\ndata:b\n\ndata: c\n"), [{ event: "message", data: "a\nb" }]);
});

test("a stream of bytes becomes events, even when a character is cut in two", async () => {
  const bytes = new TextEncoder().encode('event: stage\ndata: "Größe"\n\n');
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events = [];
  for await (const event of eventsOf(body)) events.push(event);
  assert.deepEqual(events, [{ event: "stage", data: '"Größe"' }]);
});

// --- small rules

test("a search finds every word, whatever the case and accents", () => {
  assert.ok(matches("Éditeur de texte", "TEXTE edit"));
  assert.ok(matches("Anything", "  "));
  assert.ok(!matches("Text editor", "text viewer"));
});

test("times past are said in the largest unit that fits", () => {
  assert.deepEqual([5, 60, 3599, 3600, 200000].map((seconds) => elapsedText(seconds, "en")), [
    "now", "1 minute ago", "59 minutes ago", "1 hour ago", "2 days ago",
  ]);
});

test("a cursor's hot spot is counted in CSS pixels", () => {
  assert.equal(cursorStyle({ url: "blob:x", hotX: 4, hotY: 6 }, 1), 'url("blob:x") 4 6, default');
  assert.equal(cursorStyle({ url: "blob:x", hotX: 4, hotY: 6 }, 2), 'image-set(url("blob:x") 2x) 2 3, default');
});

test("device pixels are counted by the browser, unless it counts CSS pixels", () => {
  assert.equal(exactSide(1250.5, 1251), 1251);
  assert.equal(exactSide(1250.5, 1250), 1250);
  assert.equal(exactSide(2000, 1000), 2000);
  assert.equal(exactSide(1250.9), 1250);
  assert.equal(exactSide(40000, 40000), 16384);
});

test("a display is launched at the device's own ratio as long as a host can show it", () => {
  assert.equal(launchRatio({ width: 1280, height: 800 }, 1.1, false), 1.1);
  assert.equal(launchRatio({ width: 1920, height: 1080 }, 2, false), 2);
  assert.equal(launchRatio({ width: 1280, height: 800 }, 0.5, false), 0.5);
});

test("a phone's display fills the view, upright and turned", () => {
  assert.equal(launchRatio({ width: 390, height: 844 }, 3, true), 2.5);
  assert.equal(launchRatio({ width: 844, height: 390 }, 3, true), 2.5);
  assert.equal(launchRatio({ width: 844, height: 390 }, 3, false), 3);
});

test("a view larger than any display gets a picture that is enlarged", () => {
  assert.equal(launchRatio({ width: 7680, height: 4320 }, 1, false), 0.5);
  assert.equal(launchRatio({ width: 16384, height: 16384 }, 1, false), 0.25);
  assert.equal(launchRatio({ width: 10, height: 10 }, 40, false), 8);
});
