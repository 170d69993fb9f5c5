import assert from "node:assert/strict";
import test from "node:test";

import { differences } from "../../web_client/ui/conflict.js";
import { csv } from "../../web_client/ui/csv.js";
import { nextSort, parametersOf, queryFrom, select, sortState } from "../../web_client/ui/list_query.js";
import { PAGE, PagedRows } from "../../web_client/ui/paged_rows.js";
import { Selection } from "../../web_client/ui/selection.js";
import { keyAct } from "../../web_client/ui/table_keys.js";

const valueOf = (item, field) => item[field];
const ITEMS = [
  { name: "host-10", state: "online", groups: ["gpu"], sessions: 3 },
  { name: "host-2", state: "offline", groups: [], sessions: 11 },
  { name: "Ärger", state: "online", groups: ["gpu", "eu"], sessions: 0 },
];

// --- questions

test("a query goes through an address unchanged", () => {
  const query = { search: "a b", sort: "-name", filters: { state: ["online", "x=y&z"] } };
  assert.deepEqual(queryFrom(parametersOf(query), ["state", "role"]), query);
  assert.equal(parametersOf(query, { offset: 100, limit: 50 }).get("offset"), "100");
});

test("a column is sorted up, down, and not at all", () => {
  assert.deepEqual(["name", "-name", ""].map((sort) => nextSort(sort, "name")), ["-name", "", "name"]);
  assert.equal(nextSort("-state", "name"), "name");
  assert.deepEqual(["name", "-name", "state"].map((sort) => sortState(sort, "name")), ["ascending", "descending", "none"]);
});

test("a short list is searched, filtered and sorted as the broker does it", () => {
  const found = (query) => select(ITEMS, { search: "", sort: "", filters: {}, ...query }, valueOf, ["name", "groups"]).map(({ name }) => name);
  assert.deepEqual(found({ search: "arg EU" }), ["Ärger"]);
  assert.deepEqual(found({ filters: { state: ["online"] } }), ["host-10", "Ärger"]);
  assert.deepEqual(found({ filters: { groups: ["eu", "gpu"] } }), ["host-10", "Ärger"]);
  assert.deepEqual(found({ sort: "name" }), ["Ärger", "host-2", "host-10"], "numbers in names count as numbers");
  assert.deepEqual(found({ sort: "-sessions" }), ["host-2", "host-10", "Ärger"]);
});

// --- pages

function served(total) {
  const requests = [];
  const items = Array.from({ length: total }, (_, index) => ({ id: index }));
  const load = async (offset, limit, signal) => {
    requests.push(offset);
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) throw new Error("aborted");
    return { items: items.slice(offset, offset + limit), total: items.length };
  };
  return { requests, items, load };
}

function watched(load) {
  let wake = () => {};
  const rows = new PagedRows(load, () => wake());
  const next = () => new Promise((resolve) => (wake = resolve));
  return { rows, next };
}

test("of a long list only what is looked at is read", async () => {
  const { requests, load } = served(100_000);
  const { rows, next } = watched(load);
  rows.want(0, 40);
  await next();
  assert.equal(rows.total, 100_000);
  assert.equal(rows.at(7).id, 7);
  rows.want(50_010, 50_050);
  assert.equal(rows.at(50_010), undefined);
  await next();
  assert.equal(rows.at(50_010).id, 50_010);
  assert.deepEqual(requests, [0, 50_000]);
});

test("pages that were passed by are not waited for", async () => {
  const { load } = served(100_000);
  const asked = [];
  const { rows, next } = watched((offset, limit, signal) => {
    asked.push(signal);
    return load(offset, limit, signal);
  });
  rows.want(0, 10);
  rows.want(9000, 9010);
  await next();
  assert.deepEqual(asked.map(({ aborted }) => aborted), [true, false]);
  assert.equal(rows.at(9000).id, 9000);
  assert.equal(rows.at(0), undefined);
});

test("a refresh shows what was there until the new has come", async () => {
  const { items, load } = served(3);
  const { rows, next } = watched(load);
  rows.want(0, 2);
  await next();
  items[1] = { id: "new" };
  rows.refresh();
  assert.equal(rows.at(1).id, 1);
  rows.want(0, 2);
  await next();
  assert.equal(rows.at(1).id, "new");
});

test("a list that became shorter forgets the pages behind its end", async () => {
  const { items, load } = served(3 * PAGE);
  const { rows, next } = watched(load);
  rows.want(0, 3 * PAGE - 1);
  await next();
  await next();
  await next();
  items.length = 5;
  rows.refresh();
  rows.want(0, 4);
  await next();
  assert.equal(rows.total, 5);
  assert.equal(rows.at(2 * PAGE), undefined);
});

test("a failure is kept and not asked again before a refresh", async () => {
  let fails = true;
  let count = 0;
  const { rows, next } = watched(async () => {
    count++;
    if (fails) throw new Error("no");
    return { items: [{ id: 1 }], total: 1 };
  });
  rows.want(0, 10);
  await next();
  rows.want(0, 10);
  assert.equal(rows.error.message, "no");
  assert.equal(count, 1);
  fails = false;
  rows.refresh();
  rows.want(0, 10);
  await next();
  assert.equal(rows.error, null);
});

test("everything is read in large pages, up to a number", async () => {
  const { load, requests } = served(2500);
  const { rows } = watched(load);
  assert.equal((await rows.all(10_000)).length, 2500);
  assert.deepEqual(requests, [0, 1000, 2000]);
  assert.equal((await rows.all(1200)).length, 1200);
});

// --- selection

test("what is selected stays so when rows are read again, and is then the newer one", () => {
  const selection = new Selection(({ id }) => id);
  selection.add([{ id: "a", n: 1 }, { id: "b", n: 1 }]);
  selection.toggle({ id: "b" });
  selection.renew([{ id: "a", n: 2 }, { id: "c", n: 2 }]);
  assert.deepEqual(selection.items, [{ id: "a", n: 2 }]);
});

// --- keys

test("keys move, select and open as the grid pattern says, and others are left to the page", () => {
  const act = (key, more = {}) => keyAct({ key, ctrlKey: false, metaKey: false, ...more }, 20);
  assert.deepEqual(["j", "ArrowUp", "PageDown", "PageUp"].map((key) => act(key).by), [1, -1, 20, -20]);
  assert.deepEqual(act("End"), { act: "moveTo", end: "last" });
  assert.deepEqual([act("x"), act(" "), act("Enter"), act("Escape")].map(({ act: name }) => name), ["toggle", "toggle", "open", "none"]);
  assert.deepEqual(act("a", { ctrlKey: true }), { act: "all" });
  assert.deepEqual([act("a"), act("c", { ctrlKey: true }), act("Tab"), act("constructor")], [null, null, null, null]);
});

// --- CSV

test("no cell of a CSV is a formula, and quotes are doubled", () => {
  assert.equal(csv([["=1+1", "-5", "@x", '"q"', "a,b", "+cmd|' /C calc'!A0"]]), "'=1+1,-5,'@x,\"\"\"q\"\"\",\"a,b\",'+cmd|' /C calc'!A0\r\n");
  assert.equal(csv([["two\nlines"]]), '"two\nlines"\r\n');
});

// --- conflicts

test("a conflict is what both changed differently; the rest is one side's", () => {
  const before = { a: 1, b: [1], c: "x", d: true, e: 1 };
  const found = differences(before, { ...before, a: 2, b: [2], e: 5 }, { ...before, b: [3], c: "y", e: 5 });
  assert.deepEqual(found.map(({ name, state }) => [name, state]), [["a", "theirs"], ["b", "both"], ["c", "mine"]]);
});
