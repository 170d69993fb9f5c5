import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { placeOf, addressOf } from "../../web_client/admin/router.js";
import { SCREENS, SECTIONS, screensFor } from "../../web_client/admin/screens.js";
import { pathTo } from "../../web_client/admin/named.js";
import { bodyOf, commandText, copyName, shownText, valuesOf } from "../../web_client/admin/screens/application_rules.js";
import { STRINGS, counted, errorText, t } from "../../web_client/admin/strings.js";
import { ACCESS } from "../../web_client/admin/strings/access.js";
import { INSTALLED } from "../../web_client/admin/strings/installed.js";
import { OBJECTS } from "../../web_client/admin/strings/objects.js";
import { RDP } from "../../web_client/admin/strings/rdp.js";
import { SHELL } from "../../web_client/admin/strings/shell.js";
import { WINE } from "../../web_client/admin/strings/wine.js";
import { DESKTOP } from "../../web_client/admin/strings/desktop.js";

const ROOT = fileURLToPath(new URL("../../web_client/", import.meta.url));
const read = (name) => readFileSync(path.join(ROOT, name), "utf8");
const sources = (folder) => readdirSync(path.join(ROOT, folder), { recursive: true })
  .filter((name) => name.endsWith(".js")).map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
const modules = sources("admin").filter((name) => !name.includes("strings"));
const admin = modules.map(read).join("\n");

// --- addresses

test("an address names screen, object and query, whatever the name holds", () => {
  for (const name of ["Text editor", "a/b?c#d", "50%", "../..", "<img src=x>", "名前", "+", "a&b=c"]) {
    const place = placeOf(addressOf("applications", name, { search: "x & y", sort: "-name" }));
    assert.equal(place.screen, "applications");
    assert.equal(place.name, name);
    assert.deepEqual(Object.fromEntries(place.query), { search: "x & y", sort: "-name" });
  }
});

test("a name that no path can hold goes behind a dash", () => {
  assert.equal(pathTo("/groups/", "R&D staff"), "/groups/R%26D%20staff");
  for (const name of ["a/b", "a\\b", "50%", ".", ".."]) assert.equal(pathTo("/groups/", name), `/groups/-?name=${encodeURIComponent(name)}`);
  assert.equal(pathTo("/groups/", "-"), "/groups/-");
});

test("an address typed by hand is read as far as it goes", () => {
  assert.deepEqual({ ...placeOf(""), query: null }, { screen: "", name: "", query: null });
  assert.equal(placeOf("#/hosts/%E0%A4%A").name, "%E0%A4%A");
  assert.equal(placeOf("#/hosts/a/b").name, "a/b");
});

// --- screens

test("every screen has a name, a section of the menu and a key of its own", () => {
  for (const { id, section } of SCREENS) {
    assert.ok(t(`screen.${id}`));
    assert.ok(SECTIONS.includes(section), section);
  }
  const keys = SCREENS.flatMap(({ key }) => key ?? []);
  assert.equal(new Set(keys).size, keys.length);
});

test("every permission that a screen asks for exists", () => {
  const known = read("../portcullis/model/roles.py");
  const asked = [...new Set([...SCREENS.flatMap(({ needs }) => needs), ...[...admin.matchAll(/may\("([a-z.]+)"\)/g)].map(([, name]) => name)])];
  assert.ok(asked.length > 1);
  assert.deepEqual(asked.filter((name) => !known.includes(`"${name}":`)), []);
});

test("the menu shows what one may see and nothing else", () => {
  assert.deepEqual(screensFor(() => false), []);
  assert.deepEqual(screensFor((name) => name === "sessions.read").map(({ id }) => id), ["sessions"]);
});

// --- texts

test("every text that is used is in a table, and only in one", () => {
  const used = [...admin.matchAll(/\b(?:t|counted)\(\s*(?:[\w.()]+, )?(?:[\w.]+ (?:=== 1 )?\? )?"([a-z_.]+)"(?: : "([a-z_.]+)")?/g)].flatMap(([, ...keys]) => keys.filter(Boolean));
  assert.ok(used.length > 60);
  assert.deepEqual(used.filter((key) => !(key in STRINGS)), []);
  assert.equal(Object.keys(STRINGS).length, [SHELL, OBJECTS, ACCESS, INSTALLED, RDP, WINE, DESKTOP].reduce((sum, table) => sum + Object.keys(table).length, 0));
});

test("every text of the frame and the objects is used", () => {
  const all = admin + ["ui"].flatMap(sources).map(read).join("\n");
  const families = /^(screen|section|error|table|keys)\.|\.one$|\.(state|role|severity|limit|processes|type)\.|^overview\.(code|type|count)$|^machines\.drain\./;
  const unused = [...Object.keys(SHELL), ...Object.keys(OBJECTS)].filter((key) => !all.includes(`"${key}"`) && !families.test(key));
  assert.deepEqual(unused, []);
});

test("no text for users stands outside the tables", () => {
  const stray = [...admin.matchAll(/h\("[a-z0-9]+", \{[^}]*\}, "([^"]+)"/g)].map(([, text]) => text).filter((text) => text !== "×");
  assert.deepEqual(stray, []);
});

test("what is counted is said in the singular for one", () => {
  assert.equal(counted(1, "applications.did.delete", { name: "Editor" }), "Editor is deleted.");
  assert.equal(counted(1200, "applications.did.delete"), `${(1200).toLocaleString()} applications are deleted.`);
});

test("an error is told in the console's words, the broker's, or the portal's, and never as nothing", () => {
  assert.equal(errorText({ code: "not_permitted", message: "x" }), t("error.not_permitted"));
  assert.equal(errorText({ code: "host_unheard_of", message: "The broker's words." }), "The broker's words.");
  assert.ok(errorText({}).length > 0);
});

// --- who imports whom

test("ui and core know neither portal nor console, and what both share knows neither", () => {
  const imports = (folder) => sources(folder).flatMap((name) =>
    [...read(name).matchAll(/(?:^(?:import|export)[^;]*?from |[^{]import\()"(\.[^"]+)"/gms)].map(([, target]) => path.posix.join(path.posix.dirname(name), target)));
  assert.deepEqual(imports("ui").filter((target) => !target.startsWith("ui/")), []);
  assert.deepEqual(imports("core").filter((target) => /^(app|admin)\//.test(target)), []);
  assert.deepEqual(imports("api").filter((target) => /^(app|admin|ui)\//.test(target)), []);
  assert.deepEqual(imports("app").filter((target) => target.startsWith("admin/")), []);
});

test("the page asks ahead for every module of the frame", () => {
  const found = new Set();
  const follow = (name) => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, target] of read(name).matchAll(/^(?:import|export)[^;]*?from "(\.[^"]+)"/gms))
      follow(path.posix.join(path.posix.dirname(name), target));
  };
  follow("admin/main.js");
  found.delete("admin/main.js");
  const preloaded = [...read("admin.html").matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, name]) => name);
  assert.deepEqual(preloaded.sort(), [...found].sort());
});

test("the page of the console holds no script, style or handler of its own", () => {
  const page = read("admin.html");
  assert.doesNotMatch(page, /<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|https?:/);
});

// --- applications

const APPLICATION = {
  id: "1", name: "Editor", command: ["mousepad", "--flag"], environment: { A: "b=c" }, entitled: { users: ["ann"], groups: ["staff"] },
  icon: "/api/v1/icons/ab", disabled: false, host_groups: ["gpu"], minimum_memory_bytes: 256 * 2 ** 20, revision: 7,
};

test("a form that nobody touched sends what was read", () => {
  const body = bodyOf(valuesOf(APPLICATION));
  assert.deepEqual(body, {
    command: ["mousepad", "--flag"], environment: { A: "b=c" }, entitled: { users: ["ann"], groups: ["staff"] },
    host_groups: ["gpu"], minimum_memory_bytes: 256 * 2 ** 20, disabled: false,
  });
  assert.ok(!("icon" in body), "an absent icon keeps the old one");
  assert.equal(bodyOf({ ...valuesOf(null), icon: null }).icon, null);
});

test("a command is shown as a shell would be given it", () => {
  assert.equal(commandText(["xterm", "-e", "echo 'hi'", ""]), "xterm -e 'echo '\\''hi'\\''' ''");
});

test("a copy has a name that nobody has", () => {
  assert.equal(copyName("Editor", ["editor", "EDITOR 2", "Editor 3"]), "Editor 4");
});

test("the form of a server sends all of it and no command, that of a program no server", () => {
  const rdp = { ...valuesOf(null), runs: "rdp", "rdp.server": " ts1.example.com ", "rdp.port": null };
  assert.deepEqual(bodyOf(rdp).command, []);
  assert.deepEqual([bodyOf(rdp).rdp?.server, bodyOf(rdp).rdp?.port, bodyOf(rdp).rdp?.security], ["ts1.example.com", 3389, "negotiate"]);
  assert.equal("rdp" in bodyOf({ ...rdp, runs: "program", command: ["xterm"] }), false);
});

test("an application that shows a server is read as one, and said in a line", () => {
  const target = { .../** @type {any} */ (bodyOf({ ...valuesOf(null), runs: "rdp", "rdp.server": "fd00::5", "rdp.port": 3390 })).rdp };
  const application = { id: "", name: "", command: [], environment: {}, entitled: { users: [], groups: [] }, icon: null, disabled: false, rdp: target };
  assert.equal(valuesOf(application).runs, "rdp");
  assert.equal(valuesOf(application)["rdp.server"], "fd00::5");
  assert.equal(shownText(application), "rdp://[fd00::5]:3390");
});

test("an existing desktop is sent in place of a command, and comes back into the form", () => {
  const values = { ...valuesOf(null), runs: "desktop", command: ["left"], "desktop.display": " :1 ", "desktop.consent": "own", "desktop.account": "", "desktop.answer_seconds": null };
  const { command, desktop, ...rest } = bodyOf(values);
  assert.deepEqual([command, desktop], [[], { display: ":1", consent: "own", account: "{user}", view_only: false, shared: false, answer_seconds: 30 }]);
  assert.equal("rdp" in rest || "wine" in rest, false);
  assert.equal("desktop" in bodyOf({ ...values, runs: "program" }), false);
  const application = { id: "", name: "", command: [], environment: {}, entitled: { users: [], groups: [] }, icon: null, disabled: false, desktop };
  assert.equal(valuesOf(application).runs, "desktop");
  assert.equal(valuesOf(application)["desktop.consent"], "own");
  assert.equal(shownText(application), "desktop :1, own");
});

test("a Windows program is sent in place of a command, and comes back into the form", () => {
  const values = { ...valuesOf(null), runs: "wine", command: ["left"], "wine.template": " office ", "wine.program": "App\\app.exe", "wine.arguments": ["/new", " x"] };
  const { command, wine, ...rest } = bodyOf(values);
  assert.deepEqual([command, wine], [[], { template: "office", program: "App\\app.exe", arguments: ["/new", " x"] }]);
  assert.equal("rdp" in rest, false);
  assert.equal("wine" in bodyOf({ ...values, runs: "program" }), false);
  const application = { id: "", name: "", command: [], environment: {}, entitled: { users: [], groups: [] }, icon: null, disabled: false, wine };
  assert.equal(valuesOf(application).runs, "wine");
  assert.deepEqual(valuesOf(application)["wine.arguments"], ["/new", " x"]);
  assert.equal(shownText(application), "wine:office App\\app.exe");
});
