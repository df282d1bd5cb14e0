/** The routes of attestation: what passes, what is refused before anybody is asked, and how large it may be. @module */
import * as fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { createApi } from "../../src/api/api.ts";
import { type FakeView, fakeView } from "../fakes/agent-view.ts";

const NONCE = "00112233445566778899AABBCCDDEEFF";
const FULL = { nonce: NONCE, files: { "quote.msg": "AAEC" }, enrolment: "BQ==" };

let view: FakeView;
let faults: unknown[];
let api: (request: Request) => Promise<Response>;

beforeEach(() => {
  view = fakeView();
  faults = [];
  api = createApi(view, { token: "t0ken", host: "127.0.0.1", onFault: (error) => void faults.push(error) });
});

async function ask(path: string, body?: string, authorization = "Bearer t0ken") {
  const method = body === undefined ? "GET" : "POST";
  const init = { method, headers: { authorization }, ...(body === undefined ? {} : { body }) };
  const response = await api(new Request(`http://127.0.0.1:8420/v1/attest/${path}`, init));
  const text = await response.text();
  return { status: response.status, text, cache: response.headers.get("cache-control") };
}

test("every route needs the token, and nothing of it is kept", async () => {
  for (const [path, body] of [
    ["request", undefined],
    ["answer", "caye-attest-challenge 1"],
    ["quote", JSON.stringify({ nonce: NONCE })],
    ["reference", "{}"],
    ["neighbours", "caye-enrolment 1"],
    ["verify", JSON.stringify(FULL)],
  ] as const) {
    expect((await ask(path, body, "")).status, path).toBe(401);
    expect(view.attest.asked, path).toEqual([]);
    const { status, cache } = await ask(path, body);
    expect([path, status, cache]).toEqual([path, path === "neighbours" ? 201 : 200, "no-store"]);
    view.attest.asked.length = 0;
  }
});

test("a quote takes a nonce of 16 to 32 bytes, and one of two kinds of keys", async () => {
  await ask("quote", JSON.stringify({ nonce: NONCE, key: "rsa" }));
  expect(view.attest.asked).toEqual([{ nonce: NONCE.toLowerCase(), key: "rsa" }]);
  for (const body of [
    {},
    { nonce: "00" },
    { nonce: "zz".repeat(16) },
    { nonce: "00".repeat(33) },
    { nonce: NONCE, key: "dsa" },
  ]) {
    expect((await ask("quote", JSON.stringify(body))).status, JSON.stringify(body)).toBe(400);
  }
});

test("a verdict is asked with the files as bytes; a policy comes with its authority", async () => {
  const authority = "ab".repeat(64);
  await ask("verify", JSON.stringify({ ...FULL, policy: "AQ==", authority, reboots: 2, quote_only: true }));
  expect(view.attest.asked).toEqual([
    {
      nonce: new Uint8Array(Buffer.from(NONCE, "hex")),
      files: new Map([["quote.msg", Uint8Array.of(0, 1, 2)]]),
      enrolment: Uint8Array.of(5),
      policy: { file: Uint8Array.of(1), authority },
      reboots: 2,
      quoteOnly: true,
    },
  ]);
  for (const body of [
    { ...FULL, nonce: "" },
    { ...FULL, files: { "../secret": "" } },
    { ...FULL, files: { "quote.msg": "?" } },
    { ...FULL, enrolment: undefined },
    { ...FULL, policy: "AQ==" },
    { ...FULL, authority },
    { ...FULL, policy: "AQ==", authority: "ab" },
    { ...FULL, reboots: -1 },
    { ...FULL, reboots: 0.5 },
    { ...FULL, more: 1 },
  ]) {
    expect((await ask("verify", JSON.stringify(body))).status, JSON.stringify(body)).toBe(400);
  }
});

test("paths of a planned state are absolute; a policy comes as bytes", async () => {
  await ask("reference", JSON.stringify({ code: "/opt/next", policy: "AQ==" }));
  expect(view.attest.asked).toEqual([{ code: "/opt/next", config: undefined, policy: Uint8Array.of(1) }]);
  expect((await ask("reference", JSON.stringify({ code: "next" }))).status).toBe(400);
});

test("what is too long is refused as it streams in", async () => {
  expect((await ask("answer", "x".repeat(65_537))).status).toBe(413);
  expect((await ask("neighbours", "x".repeat(65_537))).status).toBe(413);
  expect((await ask("verify", "x".repeat(16 * 1_048_576 + 1))).status).toBe(413);
  expect(view.attest.asked).toEqual([]);
});

test("no body, however malformed, is a fault of ours", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("answer", "quote", "reference", "neighbours", "verify"),
      fc.oneof(
        fc.json(),
        fc.string(),
        fc
          .record({ nonce: fc.constant(NONCE), files: fc.json(), enrolment: fc.string() })
          .map((value) => JSON.stringify(value)),
      ),
      async (path, body) => {
        expect((await ask(path, body)).status).toBeLessThan(500);
        expect(faults).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});
