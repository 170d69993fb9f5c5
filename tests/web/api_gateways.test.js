import assert from "node:assert/strict";
import http from "node:http";
import test from "node:test";

import { Api, ApiError } from "../../web_client/app/api.js";
import { generateKey } from "../../web_client/api/signing.js";
import { Gateways } from "../../web_client/core/gateways.js";

/** A gateway as the API client sees it; `answer` is the test's. */
class Gateway {
  requests = [];
  answer = (request, response) => json(response, 200, { signed_in: false, time: 1 });
  #server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    this.requests.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
    this.answer(request, response);
  });

  static async start(t) {
    const gateway = new Gateway();
    await new Promise((resolve) => gateway.#server.listen(0, "127.0.0.1", resolve));
    gateway.origin = `http://localhost:${gateway.#server.address().port}`;
    t.after(() => gateway.stop());
    return gateway;
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

function json(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

async function site(t, { lives = async () => true } = {}) {
  const [own, other] = [await Gateway.start(t), await Gateway.start(t)];
  globalThis.location = { origin: own.origin };
  const gateways = new Gateways(own.origin, lives);
  gateways.learn([other.origin]);
  const api = new Api(gateways);
  api.use(await generateKey());
  return { own, other, api, gateways };
}

const refusal = async (promise) => {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return error.code;
  }
  return null;
};

test("a read goes to the next gateway when the page's own is gone, and stays there", async (t) => {
  const { own, other, api } = await site(t);
  await own.stop();
  await api.whoAmI();
  await api.whoAmI();
  assert.equal(other.requests.length, 2);
});

test("a change goes on with the very same bytes: brokers do it once", async (t) => {
  const { own, other, api } = await site(t);
  own.answer = (request, response) => response.destroy();
  other.answer = (request, response) => json(response, 201, { session: { id: "1" }, reconnected: false });
  await api.launch("a", {});
  const [first, second] = [own.requests.at(-1), other.requests.at(-1)];
  assert.equal(second.headers["portcullis-signature"], first.headers["portcullis-signature"]);
  assert.equal(second.body, first.body);
});

test("a gateway that reaches no broker is passed over", async (t) => {
  const { own, other, api } = await site(t);
  own.answer = (request, response) => json(response, 503, { error: { code: "broker_unreachable", message: "" } });
  await api.whoAmI();
  assert.equal(other.requests.length, 1);
});

test("a refusal is an answer: nobody else is asked", async (t) => {
  const { own, other, api } = await site(t);
  own.answer = (request, response) => json(response, 409, { error: { code: "host_full", message: "" } });
  assert.equal(await refusal(api.launch("a", {})), "host_full");
  assert.equal(other.requests.length, 0);
});

test("a gateway that froze is left when it does not say that it lives", async (t) => {
  const asked = [];
  const { own, other, api } = await site(t, { lives: async (origin) => (asked.push(origin), false) });
  own.answer = () => {};
  await api.whoAmI();
  assert.deepEqual(asked, [own.origin]);
  assert.equal(other.requests.length, 1);
});

test("a launch that waits long at a gateway that lives is waited for", async (t) => {
  const { own, other, api } = await site(t);
  let reply;
  own.answer = (request, response) => (reply = () => json(response, 201, { session: { id: "1" }, reconnected: false }));
  api.gateways.answers = async () => (reply(), true);
  await api.launch("a", {});
  assert.equal(other.requests.length, 0);
});

test("an event stream that falls silent at a frozen gateway breaks off, to be asked for elsewhere", async (t) => {
  const { own, api, gateways, other } = await site(t, { lives: async () => false });
  own.answer = (request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write('event: stage\ndata: {"stage": "placed", "state": "pending"}\n\n');
  };
  const stages = [];
  const follow = async () => {
    for await (const { stage } of api.stages("1", new AbortController().signal)) stages.push(stage);
  };
  assert.equal(await refusal(follow()), "network");
  assert.deepEqual(stages, ["placed"]);
  assert.deepEqual(gateways.ordered(), [other.origin, own.origin]);
});

test("when no gateway answers it is the network", async (t) => {
  const { own, other, api } = await site(t);
  await own.stop();
  await other.stop();
  assert.equal(await refusal(api.whoAmI()), "network");
});

test("the gateways that an answer names are learnt", async (t) => {
  const { own, api, gateways } = await site(t);
  own.answer = (request, response) => json(response, 200, { signed_in: false, time: 1, gateways: ["http://localhost:1"] });
  await api.whoAmI();
  assert.deepEqual(gateways.ordered(), [own.origin, "http://localhost:1"]);
});

test("an event stream that nobody reads any more is not watched any more", async (t) => {
  const asked = [];
  const { own, api } = await site(t, { lives: async (origin) => (asked.push(origin), true) });
  own.answer = (request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write("event: ready\ndata: {}\n\n");
  };
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for await (const stage of api.stages("1", new AbortController().signal)) assert.fail(stage);
  await new Promise(setImmediate);
  t.mock.timers.tick(60_000);
  assert.deepEqual(asked, []);
});

test("an answer that breaks off in its midst is no answer", async (t) => {
  const { own, api } = await site(t);
  own.answer = (request, response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "100" });
    response.write('{"items": [');
    setTimeout(() => response.destroy());
  };
  assert.equal(await refusal(api.get("/catalogue")), "network");
});

test("in an organisation that was entered, administrative requests name it and no others do", async (t) => {
  const { own, api } = await site(t);
  own.answer = (request, response) => json(response, 200, {});
  api.enteredTenant = "Größe & Co";
  await api.get("/admin/users");
  await api.change("PUT", "/admin/groups/x", {});
  await api.change("POST", "/sessions", {});
  const named = own.requests.map(({ headers }) => headers["portcullis-tenant"]);
  assert.deepEqual(named, ["Gr%C3%B6%C3%9Fe%20%26%20Co", "Gr%C3%B6%C3%9Fe%20%26%20Co", undefined]);
});

test("an answer with progress is read in events, and at once where it comes so", async (t) => {
  const { own, api } = await site(t);
  const told = async () => {
    const events = [];
    for await (const { event, values } of api.asking("/admin/what-if", {}, new AbortController().signal)) events.push([event, values]);
    return events;
  };
  own.answer = (request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
    response.end('event: progress\ndata: {"done": 1}\n\nevent: result\ndata: {"revision": 2}\n\n');
  };
  assert.deepEqual(await told(), [["progress", { done: 1 }], ["result", { revision: 2 }]]);
  own.answer = (request, response) => json(response, 200, { revision: 3 });
  assert.deepEqual(await told(), [["result", { revision: 3 }]]);
  assert.ok(own.requests.every(({ headers }) => headers.accept === "text/event-stream"));
});
