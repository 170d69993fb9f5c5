import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { PROBE_MS } from "../../web_client/core/gateways.js";
import { INPUT_MS, PING_MS, SILENCE_MS } from "../../web_client/core/upkeep.js";
import { OTHER, OWN, Scene, active, challenge, grantOf, key, stroke } from "./connection_scene.js";

test("a first attach presents a ticket, proves the key and is active", async () => {
  const scene = new Scene();
  scene.connection.start();
  const { admission, proof } = await scene.attach();
  assert.deepEqual(admission, { message: "ADMIT_TICKET", ticket: "ticket1" });
  assert.deepEqual([proof.version, proof.lastAcknowledged, proof.signature.length], [1, 0, 64]);
  assert.deepEqual(scene.states.map(({ state }) => state), ["connecting", "active"]);
  scene.connection.stop();
});

test("a lost connection is resumed with the grant, and input not yet applied is sent again, once", async () => {
  const scene = await active();
  for (const text of "abcd") scene.connection.input(stroke(text));
  scene.transport.tell({ message: "INPUT_ACK", lastInput: 1 });
  scene.transport.sent.length = 0;
  scene.transport.onclosed(1006, "");
  assert.equal(scene.state, "reconnecting");
  assert.equal(scene.connection.input(stroke("e")), true);
  await scene.opened(2);
  const { admission } = await scene.admit(1, 1, 3);
  assert.deepEqual(admission, { message: "ADMIT_GRANT", grant: grantOf(1) });
  assert.deepEqual(scene.transport.sent.map(({ text, sequence }) => [text, sequence]), [["d", 4], ["e", 5]]);
  assert.equal(scene.state, "active");
  assert.deepEqual(scene.tickets, ["ticket1"]);
  scene.connection.stop();
});

test("much input is sent again in as many messages as a worker takes", async () => {
  const scene = await active();
  for (let count = 0; count < 3000; count++) scene.connection.input(stroke("a"));
  scene.transport.sent.length = 0;
  scene.transport.onclosed(1006, "");
  await scene.opened(2);
  await scene.admit(1, 1, 0);
  assert.equal(scene.transport.sent.length, 3000);
  assert.ok(scene.transport.largest <= 1024);
  scene.connection.stop();
});

test("input that is sent while a resume is told of goes behind what is sent again", async () => {
  const scene = await active();
  for (const text of "ab") scene.connection.input(stroke(text));
  scene.connection.addEventListener("welcome", () => scene.connection.input({ message: "RELEASE_ALL" }));
  scene.transport.sent.length = 0;
  await scene.resume(1, 1, 1, 2);
  assert.deepEqual(scene.transport.sent.map(({ message, sequence }) => [message, sequence]), [["KEY", 2], ["RELEASE_ALL", 3]]);
  scene.connection.input(stroke("c"));
  assert.equal(scene.transport.sent.at(-1).sequence, 4);
  scene.connection.stop();
});

test("a proof names the last frame that was drawn", async () => {
  const scene = await active();
  scene.connection.acknowledge(17, 500);
  assert.deepEqual(await scene.transport.next("ACK"), { message: "ACK", sequence: 17, drawnAfterUs: 500 });
  const { proof } = await scene.resume(1, 1, 0, 2);
  assert.equal(proof.lastAcknowledged, 17);
  scene.connection.stop();
});

test("a new epoch forgets frames and input of the old one", async () => {
  const scene = await active();
  scene.connection.input(stroke("a"));
  scene.connection.acknowledge(5, 1);
  scene.transport.sent.length = 0;
  scene.transport.onclosed(4403, "");
  await scene.opened(2);
  const { admission, proof } = await scene.admit(2, 0, 0);
  assert.deepEqual(admission, { message: "ADMIT_TICKET", ticket: "ticket2" });
  assert.equal(proof.lastAcknowledged, 0);
  assert.deepEqual(scene.transport.sent, []);
  scene.connection.input(stroke("b"));
  assert.equal(scene.transport.sent[0].sequence, 1);
  scene.connection.stop();
});

test("a grant and then its new ticket refused is the end", async () => {
  const scene = await active();
  scene.transport.onclosed(4403, "");
  await scene.opened(2);
  scene.transport.onclosed(4401, "");
  assert.deepEqual(scene.states.at(-1), { state: "closed", code: "ticket_refused" });
});

for (const [code, reason] of [[4409, "taken_over"], [4410, "session_ended"], [4411, "signed_out"]]) {
  test(`${reason} ends it without another attempt`, async () => {
    const scene = await active();
    scene.transport.onclosed(code, "");
    assert.deepEqual(scene.states.at(-1), { state: "closed", code: reason });
    assert.equal(scene.transport.ended, true);
    assert.equal(scene.transport.opened, 1);
  });
}

test("the reason in CLOSING says more than the close code", async () => {
  const scene = await active();
  scene.transport.tell({ message: "CLOSING", code: 4410, reason: "application_closed" });
  scene.transport.onclosed(4410, "");
  assert.equal(scene.states.at(-1).code, "application_closed");
});

test("a reason in CLOSING without a final close does not outlive the next attempt", async () => {
  const scene = await active();
  scene.transport.tell({ message: "CLOSING", code: 4503, reason: "host_unreachable" });
  await scene.resume(1, 1, 0, 2);
  scene.transport.onclosed(4410, "");
  assert.equal(scene.states.at(-1).code, "session_ended");
});

test("the API's reason ends the attempts", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active();
  scene.reason = "session_ended";
  scene.transport.onclosed(1006, "");
  await scene.transport.until(() => scene.transport.opened === 2);
  assert.equal(scene.inquiries, 0);
  const closed = once(scene.connection, "state");
  scene.transport.onclosed(1006, "");
  await closed;
  const ended = once(scene.connection, "state");
  t.mock.timers.tick(250);
  await ended;
  assert.deepEqual(scene.states.at(-1), { state: "closed", code: "session_ended" });
  assert.equal(scene.transport.opened, 2);
});

test("a network that is back cuts the wait short", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active();
  scene.transport.onclosed(1006, "");
  await scene.transport.until(() => scene.transport.opened === 2);
  scene.transport.onclosed(1006, "");
  scene.connection.hurry();
  await scene.transport.until(() => scene.transport.opened === 3);
  assert.equal(scene.state, "reconnecting");
  scene.connection.stop();
});

test("a ticket refused because the session ended is final", async () => {
  const scene = new Scene();
  scene.refuseTickets = ["session_ended"];
  scene.connection.start();
  await once(scene.connection, "state");
  assert.deepEqual(scene.states.at(-1), { state: "closed", code: "session_ended" });
  assert.equal(scene.transport.opened, 0);
});

test("a ticket that could not be fetched is asked for again", async () => {
  const scene = new Scene();
  scene.refuseTickets = ["network"];
  scene.connection.start();
  await scene.opened(1);
  assert.deepEqual(scene.tickets, ["ticket1"]);
  scene.connection.stop();
});

test("no version in common closes with 4404", async () => {
  const scene = new Scene();
  scene.connection.start();
  await scene.opened(1);
  scene.transport.tell({ message: "ADMITTED", grant: grantOf(1) }, { ...challenge, lowestVersion: 2, highestVersion: 9 });
  assert.deepEqual(scene.transport.closed, [4404]);
  assert.deepEqual(scene.states.at(-1), { state: "closed", code: "version_unsupported" });
});

test("a grant that cannot be read ends it", async () => {
  const scene = new Scene();
  scene.connection.start();
  await scene.opened(1);
  const ended = once(scene.connection, "state");
  scene.transport.tell({ message: "ADMITTED", grant: "nonsense" }, challenge);
  await ended;
  assert.deepEqual(scene.states.at(-1), { state: "closed", code: "protocol_error" });
});

test("the grant is renewed after five minutes, handed over, and used for the next resume", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active();
  t.mock.timers.tick(5 * 60_000 - 10_000);
  scene.transport.tell({ message: "PONG", id: 1 });
  t.mock.timers.tick(10_000);
  assert.deepEqual(await scene.transport.next("GRANT"), { message: "GRANT", grant: grantOf(1, 1) });
  scene.transport.onclosed(1006, "");
  await scene.opened(2);
  assert.equal(scene.transport.sent.at(-1).grant, grantOf(1, 1));
  scene.connection.stop();
});

test("a gateway that is silent and does not answer otherwise is left within 8 s", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active([OTHER]);
  scene.living.delete(OWN);
  t.mock.timers.tick(PING_MS);
  await scene.transport.next("PING");
  const lost = once(scene.connection, "state");
  t.mock.timers.tick(PING_MS);
  await lost;
  assert.equal(scene.state, "reconnecting");
  assert.deepEqual(scene.transport.closed, [4000]);
  assert.ok(2 * PING_MS + PROBE_MS < 8000 - 1000);
  await scene.transport.until(() => scene.transport.opened === 2);
  assert.equal(scene.transport.urls[1], "ws://localhost:8081/stream");
  scene.connection.stop();
});

test("input that nothing comes back for raises the doubt before a ping would", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active();
  scene.living.delete(OWN);
  scene.connection.input(stroke("a"));
  const lost = once(scene.connection, "state");
  t.mock.timers.tick(INPUT_MS);
  await lost;
  assert.equal(scene.state, "reconnecting");
  scene.connection.stop();
});

test("a slow line is given time while its gateway answers, and no more than a bound", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active();
  for (let passed = 0; passed < SILENCE_MS; passed += PING_MS) {
    assert.equal(scene.state, "active");
    t.mock.timers.tick(PING_MS);
    await new Promise(setImmediate);
  }
  t.mock.timers.tick(PING_MS);
  assert.equal(scene.state, "reconnecting");
  scene.connection.stop();
});

test("what is heard during a doubt ends it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active();
  scene.living.delete(OWN);
  t.mock.timers.tick(2 * PING_MS);
  scene.transport.tell({ message: "PONG", id: 1 });
  await new Promise(setImmediate);
  assert.equal(scene.state, "active");
  scene.connection.stop();
});

test("a lost stream goes to another gateway at once, with the grant, and every key once", async () => {
  const scene = await active([OTHER]);
  for (const text of "abc") scene.connection.input(stroke(text));
  scene.transport.sent.length = 0;
  scene.transport.onclosed(1006, "");
  await scene.opened(2);
  assert.equal(scene.transport.urls[1], "ws://localhost:8081/stream");
  const { admission } = await scene.admit(1, 1, 2);
  assert.equal(admission.message, "ADMIT_GRANT");
  assert.deepEqual(scene.transport.sent.map(({ text, sequence }) => [text, sequence]), [["c", 3]]);
  assert.deepEqual(scene.tickets, ["ticket1"]);
  scene.connection.stop();
});

test("a gateway that drains is left at once", async () => {
  const scene = await active([OTHER]);
  scene.transport.onclosed(4512, "");
  await scene.opened(2);
  assert.equal(scene.transport.urls[1], "ws://localhost:8081/stream");
  scene.connection.stop();
});

test("when every gateway has failed there is a wait before they are tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active([OTHER]);
  const lose = async (count) => {
    scene.transport.onclosed(1006, "");
    await scene.transport.until(() => scene.transport.opened === count);
  };
  for (const count of [2, 3, 4]) await lose(count);
  scene.transport.onclosed(1006, "");
  await new Promise(setImmediate);
  assert.equal(scene.transport.opened, 4);
  t.mock.timers.tick(250);
  await scene.transport.until(() => scene.transport.opened === 5);
  const ports = scene.transport.urls.map((url) => new URL(url).port);
  assert.deepEqual(ports, ["8080", "8081", "8080", "8081", "8080"]);
  scene.connection.stop();
});

test("a gateway that takes connections and says nothing is given up after 3 s", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active([OTHER]);
  scene.transport.onclosed(1006, "");
  await scene.transport.until(() => scene.transport.opened === 2);
  t.mock.timers.tick(3_000);
  await scene.transport.until(() => scene.transport.opened === 3);
  assert.equal(scene.transport.urls[2], "ws://localhost:8080/stream");
  scene.connection.stop();
});

test("a session that ended is no fault of its gateway", async () => {
  const scene = await active([OTHER]);
  scene.transport.onclosed(4410, "");
  assert.deepEqual(scene.gateways.ordered(), [OWN, OTHER]);
});

test("an API that hangs does not hold the attempts up", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active();
  scene.inquire = () => new Promise(() => {});
  scene.transport.onclosed(1006, "");
  await scene.transport.until(() => scene.transport.opened === 2);
  scene.transport.onclosed(1006, "");
  t.mock.timers.tick(250);
  await new Promise(setImmediate);
  t.mock.timers.tick(3_000);
  await scene.transport.until(() => scene.transport.opened === 3);
  scene.connection.stop();
});

test("an answered ping keeps the connection", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await active();
  for (let id = 1; id < 5; id++) {
    t.mock.timers.tick(10_000);
    scene.transport.tell({ message: "PONG", id });
  }
  assert.equal(scene.state, "active");
  scene.connection.stop();
});

test("a handshake that never ends is tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = new Scene();
  scene.connection.start();
  await scene.opened(1);
  t.mock.timers.tick(20_000);
  await scene.transport.until(() => scene.transport.opened === 2);
  assert.deepEqual(scene.tickets, ["ticket1", "ticket2"]);
  scene.connection.stop();
});

test("a stopped connection stays stopped", async () => {
  const scene = await active();
  scene.connection.stop();
  scene.transport.onclosed(1006, "");
  scene.connection.hurry();
  scene.connection.stop();
  assert.deepEqual(scene.states.map(({ state }) => state), ["connecting", "active", "closed"]);
  assert.equal(scene.connection.input(stroke("a")), false);
});
