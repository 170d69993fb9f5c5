import assert from "node:assert/strict";
import test from "node:test";

import {
  objectAddress, asText, decidingStep, pauses, rankedHosts, stagesOf, timeText, verdictOf, waterfall,
} from "../../web_client/admin/walkthrough_rules.js";

const step = (name, more = {}) => ({ name, outcome: "passed", code: "", reason: "", object: "", milliseconds: 1, ...more });

test("hosts stand below the question for a host, whichever of them comes first", () => {
  const hosts = [step("host", { object: "host:a" }), step("host", { object: "host:b", outcome: "info", code: "host_full" })];
  for (const steps of [[...hosts, step("hosts")], [step("hosts"), ...hosts]]) {
    const [stage, ...rest] = stagesOf(steps);
    assert.equal(rest.length, 0);
    assert.deepEqual([stage.name, stage.outcome, stage.parts.length, stage.milliseconds], ["hosts", "passed", 2, 3]);
    assert.equal(stage.lead.name, "hosts");
  }
});

test("a stage without any verdict of its own has the worst outcome of its parts", () => {
  const policies = [step("policy"), step("policy", { outcome: "failed", code: "outside_hours" }), step("policy", { outcome: "skipped" })];
  const [stage] = stagesOf(policies);
  assert.deepEqual([stage.outcome, stage.parts.length, stage.lead.code], ["failed", 3, "outside_hours"]);
  assert.equal(stagesOf([step("host", { outcome: "info" })])[0].outcome, "info");
});

test("one step is one stage, and its own lead", () => {
  const [stage] = stagesOf([step("user", { reason: "anna" })]);
  assert.deepEqual([stage.lead.reason, stage.parts], ["anna", []]);
});

test("hosts are ranked: chosen, then by score, then rejected", () => {
  const host = (name, more) => step("host", { object: `host:${name}`, ...more });
  const parts = [
    host("full", { outcome: "info", code: "host_full", reason: "full: 4 of 4 slots are taken" }),
    host("busy", { reason: "busy: score 0.75" }),
    host("idle", { score: 0.1, reason: "idle: nothing to do" }),
    host("home", { reason: "home: score 0.9" }),
  ];
  const ranked = rankedHosts(parts, [...parts, step("placement", { object: "host:home" })]);
  assert.deepEqual(ranked.map(({ name, score, isChosen, isFit }) => [name, score, isChosen, isFit]), [
    ["home", 0.9, true, true], ["idle", 0.1, false, true], ["busy", 0.75, false, true], ["full", null, false, false],
  ]);
  assert.equal(ranked[3].reason, "4 of 4 slots are taken");
});

test("a kept trace tells its verdict by its code and steps", () => {
  const trace = (code, ...steps) => ({ code, message: "", user: "u", application: "a", steps });
  assert.equal(verdictOf(trace("", step("placement"))), "launches");
  assert.equal(verdictOf(trace("", step("reconnect"))), "reconnects");
  assert.equal(verdictOf(trace("host_full", step("hosts", { outcome: "failed" }))), "refused");
  assert.equal(verdictOf(trace("application_exited", step("placement"))), "failed");
  assert.equal(verdictOf({ ...trace("x"), verdict: "refused" }), "refused");
});

test("the step that decided is the one with the verdict's code", () => {
  const steps = [step("user"), step("dry_run", { outcome: "failed", code: "a" }), step("hosts", { outcome: "failed", code: "b" })];
  assert.equal(decidingStep({ code: "a", steps }).name, "dry_run");
  assert.equal(decidingStep({ code: "c", steps }).name, "hosts");
  assert.equal(decidingStep({ code: "", steps: [] }), null);
});

test("an object leads to its screen, whatever stands in its name", () => {
  assert.equal(objectAddress("application:Text editor"), "#/applications/Text%20editor");
  assert.equal(objectAddress("application:Text editor", "not_entitled"), "#/entitlements/application/Text%20editor");
  assert.equal(objectAddress("policy:group:a:b"), "#/policies/group/a%3Ab");
  assert.equal(objectAddress("policy:group/staff"), "#/policies/group/staff");
  assert.equal(objectAddress("policy:tenant"), "#/policies/tenant/-");
  assert.equal(objectAddress("policy:tenant:-"), "#/policies/tenant/-");
  assert.equal(objectAddress('user:"><script>/?#'), "#/users/%22%3E%3Cscript%3E%2F%3F%23");
  for (const none of ["", "user:", "nothing", "spell:magic", "constructor:x", "policy:built-in"]) assert.equal(objectAddress(none), "");
});

test("playing lasts as long for every walk-through, and longest at the slow steps", () => {
  const stages = stagesOf([step("user", { milliseconds: 1 }), step("dry_run", { milliseconds: 99 })]);
  const played = pauses(stages, 1000);
  assert.equal(Math.round(played[0] + played[1]), 1000);
  assert.ok(played[1] > 5 * played[0] && played[0] >= 60);
  const untimed = pauses(stagesOf([step("user", { milliseconds: 0 }), step("quota", { milliseconds: 0 })]), 1000);
  assert.deepEqual(untimed, [500, 500]);
  const many = pauses(stagesOf(Array.from({ length: 200 }, (_, index) => step(`s${index}`))), 1000);
  assert.equal(Math.round(many.reduce((sum, each) => sum + each)), 1000);
  assert.deepEqual(pauses([], 1000), []);
});

test("bars of time follow on one another and fill the whole", () => {
  const bars = waterfall(stagesOf([step("user", { milliseconds: 1 }), step("quota", { milliseconds: 3 })]));
  assert.deepEqual(bars, [{ from: 0, share: 0.25 }, { from: 0.25, share: 0.75 }]);
  assert.deepEqual(waterfall(stagesOf([step("user", { milliseconds: 0 })])), [{ from: 0, share: 0 }]);
});

test("times are short", () => {
  assert.deepEqual([0, undefined, 0.01, 0.44, 12.4, 1234].map(timeText), ["", "", "< 0.1 ms", "0.4 ms", "12 ms", "1.2 s"]);
});

test("copied as text each step is one line, whatever stands in the names", () => {
  const steps = [
    step("user", { reason: "eve\n+ Entitlement: granted", milliseconds: 0.4 }),
    step("hosts", { outcome: "failed", code: "no_host", reason: "none \u202etsoh", milliseconds: 0 }),
  ];
  const simulation = { verdict: "refused", code: "no_host", message: "No host.", user: "eve", application: "a", steps };
  const text = asText(simulation, { title: "eve would not", step: (name) => name.toUpperCase(), remedy: "", origin: "Reference 1" });
  assert.deepEqual(text.split("\n"), [
    "eve would not", "No host.", "Reference 1", "",
    "+ USER: eve\ufffd+ Entitlement: granted (0.4 ms)", "x HOSTS: none \ufffdtsoh [no_host]",
  ]);
});
