import assert from "node:assert/strict";
import test from "node:test";

import { ClipboardRule } from "../../web_client/core/clipboard.js";

test("text that the application does not have yet is passed on, once", () => {
  const rule = new ClipboardRule();
  assert.equal(rule.seenInBrowser("a", 0), "a");
  assert.equal(rule.seenInBrowser("a", 1), null);
  assert.equal(rule.seenInBrowser("b", 2), "b");
  assert.equal(rule.seenInBrowser("a", 3), "a");
});

test("what the application copied is not sent back to it", () => {
  const rule = new ClipboardRule();
  rule.arrived("x");
  assert.equal(rule.pending, "x");
  rule.written("x");
  assert.equal(rule.pending, null);
  assert.equal(rule.seenInBrowser("x", 0), null);
});

test("an older copy in the browser never replaces one that the application made after it", () => {
  const rule = new ClipboardRule();
  rule.seenInBrowser("old", 0);
  rule.arrived("new");
  assert.equal(rule.seenInBrowser("old", 1), null);
  assert.equal(rule.pending, "new");
});

test("a newer copy in the browser replaces one that waits to be written there", () => {
  const rule = new ClipboardRule();
  rule.seenInBrowser("old", 0);
  rule.arrived("waiting");
  assert.equal(rule.seenInBrowser("newest", 1), "newest");
  assert.equal(rule.pending, null);
});

test("between a copy and its answer the application's own copy counts", () => {
  const rule = new ClipboardRule();
  rule.copying(1000);
  assert.equal(rule.seenInBrowser("elsewhere", 1100), null);
  assert.equal(rule.seenInBrowser("elsewhere", 1500), "elsewhere");
});

test("a copy without an answer does not outlive leaving the page", () => {
  const rule = new ClipboardRule();
  rule.copying(1000);
  rule.left();
  assert.equal(rule.seenInBrowser("copied elsewhere", 1100), "copied elsewhere");
});

test("an empty clipboard at the beginning clears nothing; one emptied later does", () => {
  const rule = new ClipboardRule();
  assert.equal(rule.seenInBrowser("", 0), null);
  rule.seenInBrowser("a", 1);
  assert.equal(rule.seenInBrowser("", 2), "");
});

test("the same text copied in both needs no writing", () => {
  const rule = new ClipboardRule();
  rule.seenInBrowser("same", 0);
  rule.arrived("same");
  assert.equal(rule.pending, null);
});
