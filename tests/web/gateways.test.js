import assert from "node:assert/strict";
import test from "node:test";

import { Gateways, streamUrl } from "../../web_client/core/gateways.js";
import { Route } from "../../web_client/core/route.js";

const [A, B, C] = ["https://a.example", "https://b.example", "https://c.example"];

function known(...others) {
  const gateways = new Gateways(A);
  gateways.learn(others);
  return gateways;
}

test("the page's own gateway is first, the others in the site's order, each once", () => {
  assert.deepEqual(known(C, A, B).ordered(), [A, C, B]);
});

test("one that failed goes to the end until it works again", () => {
  const gateways = known(B, C);
  gateways.failed(A);
  gateways.failed(B);
  assert.deepEqual(gateways.ordered(), [C, A, B]);
  gateways.worked(A);
  assert.deepEqual(gateways.ordered(), [A, C, B]);
});

test("what is no origin is not learnt, and an older broker's silence changes nothing", () => {
  const gateways = known(B);
  for (const nothing of [undefined, null, "https://c.example", 7]) gateways.learn(nothing);
  assert.deepEqual(gateways.ordered(), [A, B]);
  gateways.learn([7, "", "c.example", "https://c.example/path", "javascript:alert(1)", "https://user@c.example", C]);
  assert.deepEqual(gateways.ordered(), [A, C]);
});

test("a gateway that the site names no more is forgotten, its failures too", () => {
  const gateways = known(B, C);
  gateways.failed(B);
  gateways.learn([C]);
  gateways.learn([B, C]);
  assert.deepEqual(gateways.ordered(), [A, B, C]);
});

test("the login's cookie goes to other ports of the page's host, and to no other host or scheme", () => {
  const gateways = new Gateways("http://localhost:8080");
  gateways.learn(["http://localhost:8081", "https://localhost:8082", "http://127.0.0.1:8083", "http://localhost.example"]);
  assert.deepEqual(gateways.withCookie(), ["http://localhost:8080", "http://localhost:8081"]);
});

test("a stream's address follows from the origin", () => {
  assert.equal(streamUrl("http://localhost:8081"), "ws://localhost:8081/stream");
  assert.equal(streamUrl(A), "wss://a.example/stream");
});

test("a round tries each gateway once", () => {
  const route = new Route(known(B, C));
  const tried = [];
  for (let count = 0; count < 3; count++) {
    tried.push(route.next());
    assert.equal(route.failed(), count < 2);
  }
  assert.deepEqual(tried, [A, B, C]);
  assert.equal(route.rounds, 1);
  assert.equal(route.next(), A);
});

test("what another connection has found out is known to this one", () => {
  const gateways = known(B);
  gateways.failed(A);
  assert.equal(new Route(gateways).next(), B);
});

test("a page with one gateway tries that one again and again", () => {
  const route = new Route(new Gateways(A));
  for (let count = 0; count < 3; count++) {
    assert.equal(route.next(), A);
    assert.equal(route.failed(), false);
  }
});

test("a gateway through which the session is attached is no failed one any more", () => {
  const gateways = known(B);
  const route = new Route(gateways);
  route.next();
  route.failed();
  route.next();
  route.failed();
  assert.equal(route.next(), A);
  route.attached();
  assert.deepEqual(gateways.ordered(), [A, B]);
  assert.equal(route.rounds, 0);
});
