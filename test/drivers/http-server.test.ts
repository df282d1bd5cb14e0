/** The HTTP server, on a real port. @module */
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { expect, test } from "vitest";
import { createApi } from "../../src/api/api.ts";
import { openHttpServer } from "../../src/drivers/http-server.ts";
import { fakeView } from "../fakes/agent-view.ts";

const hello = () => Promise.resolve(new Response("hello"));

test("it serves on a free port, and says which", async () => {
  await using server = await openHttpServer({ name: "api", host: "127.0.0.1", port: 0, handler: hello });
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  expect(await (await fetch(server.url)).text()).toBe("hello");
});

test("a port in use is refused with the table, the other process and what to do", async () => {
  await using first = await openHttpServer({ name: "api", host: "127.0.0.1", port: 0, handler: hello });
  await expect(
    openHttpServer({ name: "metrics", host: "127.0.0.1", port: first.port, handler: hello }),
  ).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: expect.stringMatching(
      new RegExp(`^port ${first.port} of \\[metrics\\] is in use by process ${process.pid} \\(.+\\)$`),
    ),
    fix: expect.stringContaining("port = 0 under [metrics]"),
  });
});

test("an address that is not this machine's is refused with what to do", async () => {
  await expect(openHttpServer({ name: "api", host: "192.0.2.1", port: 0, handler: hello })).rejects.toMatchObject({
    code: "HOST_UNKNOWN",
    fix: expect.stringContaining("127.0.0.1"),
  });
});

test("it closes although a client keeps its connection and another never asks", async () => {
  const server = await openHttpServer({ name: "api", host: "127.0.0.1", port: 0, handler: hello });
  const agent = new Agent({ keepAlive: true });
  const kept = request(server.url, { agent }).end();
  const [response] = await once(kept, "response");
  response.resume();
  await once(response, "end");
  const silent = connect(server.port, "127.0.0.1");
  await once(silent, "connect");
  const closed = once(silent, "close");
  await server[Symbol.asyncDispose]();
  await closed;
  await expect(fetch(server.url)).rejects.toThrow("fetch failed");
  agent.destroy();
});

test("it cuts an answer that never ends, rather than never closing", async () => {
  const endless = () => new Promise<Response>(() => undefined);
  const server = await openHttpServer({ name: "api", host: "127.0.0.1", port: 0, handler: endless });
  const asked = fetch(server.url).then(
    () => "answered",
    () => "cut",
  );
  await server[Symbol.asyncDispose]();
  expect(await asked).toBe("cut");
});

test("garbage instead of a request is answered or cut, and the next request served", async () => {
  await using server = await openHttpServer({ name: "api", host: "127.0.0.1", port: 0, handler: hello });
  for (const garbage of [
    "\x00\xff\x16\x03\x01",
    "GET /\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::\r\n\r\n",
    "\r\n".repeat(9),
  ]) {
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.end(garbage, "latin1");
    socket.resume();
    await once(socket, "close");
  }
  expect((await fetch(server.url)).status).toBe(200);
});

test("the API behind it refuses a foreign Host header and a body without end", async () => {
  const api = createApi(fakeView(), { token: "t", host: "127.0.0.1", onFault: () => undefined });
  await using server = await openHttpServer({ name: "api", host: "127.0.0.1", port: 0, handler: api });
  const foreign = request(`${server.url}/v1/status`, { headers: { host: "evil.example" } }).end();
  const [refused] = await once(foreign, "response");
  refused.resume();
  expect(refused.statusCode).toBe(403);
  // A client that goes on sending after the answer may see the answer or the cut; it never gets the file in.
  const chunk = new Uint8Array(1_048_576);
  let sent = 0;
  const body = new ReadableStream({
    pull: (controller) => {
      if (sent++ < 200) controller.enqueue(chunk);
      else controller.close();
    },
  });
  const headers = { authorization: "Bearer t" };
  const url = `${server.url}/v1/files?name=a`;
  const outcome = await fetch(url, { method: "POST", headers, body, duplex: "half" }).then(
    (response) => response.status,
    () => "cut",
  );
  expect([413, "cut"]).toContain(outcome);
  expect((await fetch(`${server.url}/v1/status`)).status).toBe(200);
});

test("a hundred connections that ask nothing, or never come to an end of asking, keep nobody out", async () => {
  await using server = await openHttpServer({ name: "api", host: "127.0.0.1", port: 0, handler: hello });
  const sockets = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const socket = connect(server.port, "127.0.0.1").on("error", () => undefined);
      await once(socket, "connect");
      if (i % 2 === 0) socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow:");
      return socket;
    }),
  );
  const [response] = await once(request(server.url, { agent: false }).end(), "response");
  response.resume();
  expect(response.statusCode).toBe(200);
  for (const socket of sockets) socket.destroy();
});

test("who has asked and waits for the answer is not cut for those who come later", async () => {
  const answer = Promise.withResolvers<Response>();
  const heard = Promise.withResolvers<void>();
  const slow = () => {
    heard.resolve();
    return answer.promise;
  };
  await using server = await openHttpServer({ name: "api", host: "127.0.0.1", port: 0, handler: slow });
  const asked = fetch(server.url);
  await heard.promise;
  const sockets: Socket[] = [];
  for (let i = 0; i < 100; i++) {
    const socket = connect(server.port, "127.0.0.1").on("error", () => undefined);
    await once(socket, "connect");
    sockets.push(socket);
  }
  answer.resolve(new Response("late"));
  expect(await (await asked).text()).toBe("late");
  for (const socket of sockets) socket.destroy();
});
