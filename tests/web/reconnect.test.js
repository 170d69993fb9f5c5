import assert from "node:assert/strict";
import test from "node:test";

import { CLOSE_CODES } from "../../web_client/core/protocol/closing.js";
import { ReconnectPolicy } from "../../web_client/core/reconnect.js";

const policy = () => new ReconnectPolicy(() => 0);

test("a lost connection is resumed at once, then with growing waits up to a bound", () => {
  const steps = policy();
  const waits = Array.from({ length: 10 }, () => steps.closed(1006, true)).map(({ action, waitMs }) => [action, waitMs]);
  assert.deepEqual(waits.map(([, wait]) => wait), [0, 250, 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  assert.ok(waits.every(([action]) => action === "resume"));
});

test("the API is asked why only when the immediate resume has failed", () => {
  const steps = policy();
  assert.equal(steps.closed(1006, true).ask, false);
  assert.equal(steps.closed(1006, true).ask, true);
});

test("waits are spread, so that many clients do not come back at once", () => {
  const steps = new ReconnectPolicy(() => 1);
  steps.closed(1006, true);
  assert.equal(steps.closed(1006, true).waitMs, 313);
});

test("being attached again starts the waits anew", () => {
  const steps = policy();
  for (let count = 0; count < 5; count++) steps.closed(1006, true);
  steps.attached();
  assert.equal(steps.closed(1006, true).waitMs, 0);
});

for (const code of [4401, 4403]) {
  test(`${code} fetches a new ticket once, not twice`, () => {
    const steps = policy();
    assert.deepEqual([steps.closed(code, true).action, steps.closed(code, true).action], ["ticket", "stop"]);
    steps.attached();
    assert.equal(steps.closed(code, true).action, "ticket");
  });
}

for (const code of [4400, 4404, 4405, 4409, 4410, 4411]) {
  test(`${code} is final`, () => {
    const step = policy().closed(code, true);
    assert.deepEqual([step.action, step.reason], ["stop", CLOSE_CODES[code].reason]);
  });
}

for (const code of [4408, 4503, 4504]) {
  test(`${code} attaches again: with the grant if there is one, else with a ticket`, () => {
    assert.equal(policy().closed(code, true).action, "resume");
    assert.equal(policy().closed(code, false).action, "ticket");
  });
}

test("another gateway is tried without a wait, and that counts as no failure", () => {
  const steps = policy();
  for (let count = 0; count < 3; count++) assert.equal(steps.closed(1006, true, true).waitMs, 0);
  assert.deepEqual([steps.closed(4429, true, true).waitMs, steps.closed(1006, true).waitMs], [0, 0]);
  assert.equal(steps.closed(1006, true).waitMs, 250);
});

test("a crowd that was told to come later does not come at one moment", () => {
  assert.equal(new ReconnectPolicy(() => 1).closed(4429, true).waitMs, 18750);
});

test("too many connections are tried again later, not at once", () => {
  assert.equal(policy().closed(4429, true).waitMs, 15000);
});

test("a ticket that the API refuses for good ends it; an API that is away does not", () => {
  const steps = policy();
  assert.deepEqual(steps.ticketFailed("session_ended"), { action: "stop", waitMs: 0, reason: "session_ended", ask: false });
  assert.equal(steps.ticketFailed("signed_out").action, "stop");
  assert.equal(steps.ticketFailed("network").action, "ticket");
  assert.equal(steps.ticketFailed("session_not_ready").waitMs, 250);
});
