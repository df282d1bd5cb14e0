/** The API's routes for keys: with the token only, in their own form, and without a secret either way. */
import { expect, test } from "vitest";
import { createApi } from "../../src/api/api.ts";
import { fakeView } from "../fakes/agent-view.ts";
import { keysReport } from "../fakes/keys-view.ts";

const ROUTES = [
  ["GET", "/v1/keys", undefined, 200],
  ["POST", "/v1/keys/recovery", JSON.stringify({ public_key: "ab".repeat(32) }), 201],
  ["POST", "/v1/keys/store", "{}", 202],
  ["POST", "/v1/keys/attestation", undefined, 202],
  ["POST", "/v1/keys/author", "{}", 202],
  ["POST", "/v1/keys/approvals", "an approval", 201],
] as const;

function ask(method: string, path: string, body: string | undefined, token = "t0ken"): Promise<Response> {
  const api = createApi(fakeView(), { token: "t0ken", host: "127.0.0.1", onFault: () => undefined });
  const headers = { host: "127.0.0.1:8420", authorization: `Bearer ${token}` };
  return api(new Request(`http://127.0.0.1:8420${path}`, { method, headers, ...(body === undefined ? {} : { body }) }));
}

test.each(ROUTES)("%s %s answers whoever has the token, and nobody else", async (method, path, body, status) => {
  const answer = await ask(method, path, body);
  expect(answer.status).toBe(status);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect((await ask(method, path, body, "wrong")).status).toBe(401);
});

test("the report is the view's own", async () => {
  expect(await (await ask("GET", "/v1/keys", undefined)).json()).toEqual(keysReport());
});

test.each([
  ["/v1/keys/recovery", "{}"],
  ["/v1/keys/recovery", JSON.stringify({ public_key: "AB".repeat(32) })],
  ["/v1/keys/recovery", JSON.stringify({ public_key: "ab".repeat(31) })],
  ["/v1/keys/recovery", JSON.stringify({ public_key: "ab".repeat(32), words: [] })],
  ["/v1/keys/store", JSON.stringify({ key: "ab" })],
  ["/v1/keys/attestation", "no JSON"],
  ["/v1/keys/author", JSON.stringify({ seed: "ab" })],
])("%s refuses %s", async (path, body) => {
  expect((await ask("POST", path, body)).status).toBe(400);
});

test("an approval that is too large is refused unread", async () => {
  expect((await ask("POST", "/v1/keys/approvals", "x".repeat(4_097))).status).toBe(413);
});
