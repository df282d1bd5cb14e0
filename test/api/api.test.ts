/** The HTTP API, by Request objects in this process. @module */
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { MAX_FILE_BYTES, createApi } from "../../src/api/api.ts";
import { MAX_CAR_BYTES } from "../../src/dag/car.ts";
import {
  BULLETIN,
  type FakeView,
  bulletinArchive,
  fakeView,
  getReport,
  rawCid,
  statusReport,
} from "../fakes/agent-view.ts";

const TOKEN = "s3cret-token";
const BASE = "http://127.0.0.1:8420";
const CID = rawCid(BULLETIN);

let view: FakeView;
let faults: unknown[];
let api: (request: Request) => Promise<Response>;

beforeEach(() => {
  view = fakeView();
  faults = [];
  api = createApi(view, { token: TOKEN, host: "127.0.0.1", onFault: (error) => void faults.push(error) });
});

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream;
  readonly token?: string | undefined;
}

async function ask(path: string, asked: Asked = {}) {
  const { method = "GET", headers = {}, body } = asked;
  const token = "token" in asked ? asked.token : TOKEN;
  const all = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers };
  const stream = body instanceof ReadableStream ? { duplex: "half" as const } : {};
  const init = { method, headers: all, ...(body === undefined ? {} : { body }), ...stream };
  const response = await api(new Request(BASE + path, init));
  return { status: response.status, headers: response.headers, json: () => response.json(), response };
}

async function failureOf(path: string, asked: Asked = {}) {
  const { status, json } = await ask(path, asked);
  const report: unknown = await json();
  const text = expect.stringMatching(/^/);
  expect(report).toEqual({ error: { code: text, message: expect.stringMatching(/./), fix: text } });
  return [status, /"code":"([A-Z_]+)"/.exec(JSON.stringify(report))?.[1]];
}

describe("reads", () => {
  test("answer without a token, in the reports' own form", async () => {
    expect(await (await ask("/v1/status", { token: undefined })).json()).toEqual(statusReport());
    expect(await (await ask("/v1/checks", { token: undefined })).json()).toEqual(await view.checks());
    expect(await (await ask("/v1/files", { token: undefined })).json()).toEqual(await view.files());
    expect(await (await ask("/v1/log?limit=5", { token: undefined })).json()).toEqual(await view.log(5));
    expect(await (await ask("/v1/gets/t-1", { token: undefined })).json()).toEqual(getReport({ state: "done" }));
  });

  test("carry headers that keep a browser from showing, guessing or keeping them", async () => {
    const { headers } = await ask("/v1/status");
    expect(headers.get("content-type")).toContain("application/json");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  test("refuse a limit that is none", async () => {
    for (const limit of ["0", "-1", "10001", "x", "1e3", ""]) {
      expect(await failureOf(`/v1/log?limit=${limit}`), limit).toEqual([400, "BAD_REQUEST"]);
    }
  });

  test("know no transfer that was never started", async () => {
    expect(await failureOf("/v1/gets/t-2")).toEqual([404, "NOT_FOUND"]);
    expect(await failureOf("/v1/gets/%00%ff")).toEqual([404, "NOT_FOUND"]);
  });
});

describe("writes", () => {
  const WRITES: readonly (readonly [string, Asked])[] = [
    ["/v1/files?name=a", { method: "POST", body: "x" }],
    ["/v1/gets", { method: "POST", body: '{"target":"storm.txt"}' }],
    [`/v1/content/${CID}`, {}],
    [`/v1/cars/${CID}`, {}],
    ["/v1/cars?name=a", { method: "POST", body: bulletinArchive() }],
    ["/v1/quote", { method: "POST" }],
    ["/v1/trust/allow", { method: "POST", body: '{"code":"/opt/caye"}' }],
  ];

  test.each(WRITES)("%s needs the token, whole and right", async (path, asked) => {
    for (const token of [undefined, "", "wrong", `${TOKEN}x`, TOKEN.slice(1), "é"]) {
      const headers = token === "é" ? { authorization: "Basic abc" } : {};
      expect(await failureOf(path, { ...asked, token: token === "é" ? undefined : token, headers })).toEqual([
        401,
        "UNAUTHORIZED",
      ]);
    }
    expect((await ask(path, asked)).status).toBeLessThan(300);
  });

  test.each(WRITES)("%s is refused to a page of another site, even with the token", async (path, asked) => {
    const foreign = [
      { origin: "http://evil.example" },
      { origin: "null" },
      { origin: "http://127.0.0.1:9999" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const headers of foreign) {
      expect(await failureOf(path, { ...asked, headers })).toEqual([403, "ORIGIN_REFUSED"]);
    }
    const own = { origin: BASE, "sec-fetch-site": "same-origin" };
    expect((await ask(path, { ...asked, headers: own })).status).toBeLessThan(300);
  });

  test("an empty token on the node's side opens nothing", async () => {
    api = createApi(view, { token: "", host: "127.0.0.1", onFault: () => undefined });
    expect(await failureOf("/v1/quote", { method: "POST", token: "" })).toEqual([401, "UNAUTHORIZED"]);
  });

  test("a put stores the bytes as they came, under the name that was given", async () => {
    const name = "aviso ñ & más.txt";
    const { status, json } = await ask(`/v1/files?name=${encodeURIComponent(name)}`, {
      method: "POST",
      body: BULLETIN,
    });
    expect([status, await json()]).toEqual([201, { cid: CID, name, bytes: BULLETIN.length, seq: 2, by_air: true }]);
    expect(view.puts).toEqual([{ name, bytes: BULLETIN }]);
  });

  test("an empty file is a file", async () => {
    expect((await ask("/v1/files?name=empty", { method: "POST" })).status).toBe(201);
    expect(view.puts[0]?.bytes).toHaveLength(0);
  });

  test("a put without a name, or with one that the node refuses, is told so", async () => {
    expect(await failureOf("/v1/files", { method: "POST", body: "x" })).toEqual([400, "BAD_REQUEST"]);
    const long = `/v1/files?name=${"x".repeat(256)}`;
    expect(await failureOf(long, { method: "POST", body: "x" })).toEqual([400, "BAD_REQUEST"]);
    expect(await failureOf("/v1/files?name=a/b", { method: "POST", body: "x" })).toEqual([400, "NAME_INVALID"]);
  });

  test("a file that says it is too large is refused unread", async () => {
    const headers = { "content-length": String(MAX_FILE_BYTES + 1) };
    let pulled = 0;
    const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
    expect(await failureOf("/v1/files?name=a", { method: "POST", body, headers })).toEqual([413, "FILE_TOO_LARGE"]);
    expect(pulled).toBe(0);
  });

  test("a file that turns out too large is cut off when the bound is passed, not at its end", async () => {
    const chunk = new Uint8Array(4 * 1_048_576);
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream({
      pull: (controller) => {
        pulled++;
        controller.enqueue(chunk);
      },
      cancel: () => {
        cancelled = true;
      },
    });
    expect(await failureOf("/v1/files?name=a", { method: "POST", body })).toEqual([413, "FILE_TOO_LARGE"]);
    expect([pulled < 30, cancelled, view.puts.length]).toEqual([true, true, 0]);
  });

  test("a body that breaks off stores nothing", async () => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(Uint8Array.of(1)),
      pull: (controller) => controller.error(new Error("client went away")),
    });
    expect(await failureOf("/v1/files?name=a", { method: "POST", body })).toEqual([400, "BAD_REQUEST"]);
    expect(view.puts).toEqual([]);
  });

  test("a get answers with the transfer that it started", async () => {
    const { status, json } = await ask("/v1/gets", { method: "POST", body: '{"target":"storm.txt"}' });
    expect([status, await json()]).toEqual([202, { id: "t-1", report: getReport({ state: "done" }) }]);
    const nothing = { method: "POST", body: '{"target":"nothing"}' };
    expect(await failureOf("/v1/gets", nothing)).toEqual([404, "NOT_FOUND"]);
  });

  test("a JSON body of another form is refused, whatever its fault", async () => {
    const bodies = [
      "",
      "{",
      "[]",
      "null",
      '{"target":1}',
      '{"target":""}',
      '{"target":"a","x":1}',
      "\xff",
      "x".repeat(256),
    ];
    for (const body of bodies) {
      expect(await failureOf("/v1/gets", { method: "POST", body }), body).toEqual([400, "BAD_REQUEST"]);
    }
    const invalidUtf8 = { method: "POST", body: Uint8Array.of(0xff) };
    expect(await failureOf("/v1/gets", invalidUtf8)).toEqual([400, "BAD_REQUEST"]);
    const huge = { method: "POST", body: `{"target":"${"x".repeat(5_000)}"}` };
    expect(await failureOf("/v1/gets", huge)).toEqual([413, "FILE_TOO_LARGE"]);
  });

  test("content comes as bytes, and only for what is held", async () => {
    const { response, headers } = await ask(`/v1/content/${CID}`);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(BULLETIN);
    expect(headers.get("content-type")).toBe("application/octet-stream");
    expect(headers.get("content-disposition")).toBe("attachment");
    expect(await failureOf(`/v1/content/${rawCid(Uint8Array.of(9))}`)).toEqual([404, "NOT_FOUND"]);
    expect(await failureOf("/v1/content/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG")).toEqual([400, "BAD_REQUEST"]);
  });

  test("an archive comes as bytes that its CID names for good, and only when all of it is held", async () => {
    const { response, headers } = await ask(`/v1/cars/${CID}`);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bulletinArchive());
    expect(headers.get("content-type")).toBe("application/vnd.ipld.car; version=1; order=dfs; dups=n");
    expect(headers.get("content-disposition")).toBe(`attachment; filename="${CID}.car"`);
    expect(headers.get("etag")).toBe(`"${CID}.car"`);
    expect(await failureOf(`/v1/cars/${rawCid(Uint8Array.of(9))}`)).toEqual([404, "FILE_MISSING"]);
    view.exportCar = () => Promise.resolve(undefined);
    for (const cid of ["storm.txt", CID, CID.toUpperCase()]) {
      expect(await failureOf(`/v1/cars/${cid}`), cid).toEqual([400, "BAD_REQUEST"]);
    }
  });

  test("whoever has the archive already is told so, and nobody else", async () => {
    for (const tag of [`"${CID}.car"`, `"other", W/"${CID}.car"`]) {
      const { status, response } = await ask(`/v1/cars/${CID}`, { headers: { "if-none-match": tag } });
      expect([status, await response.text()]).toEqual([304, ""]);
    }
    expect((await ask(`/v1/cars/${CID}`, { headers: { "if-none-match": `"${CID}"` } })).status).toBe(200);
    const gone = `/v1/cars/${rawCid(Uint8Array.of(9))}`;
    expect((await ask(gone, { headers: { "if-none-match": `"${CID}.car"` } })).status).toBe(404);
  });

  test("an archive is taken in under the name that was given, or without one", async () => {
    const body = bulletinArchive();
    const report = { cid: CID, name: "aviso ñ.txt", bytes: BULLETIN.length, blocks: 1, seq: 2 };
    const named = await ask(`/v1/cars?name=${encodeURIComponent("aviso ñ.txt")}`, { method: "POST", body });
    expect([named.status, await named.json()]).toEqual([201, report]);
    const unnamed = await ask("/v1/cars", { method: "POST", body });
    expect([unnamed.status, await unnamed.json()]).toEqual([201, { ...report, name: "", seq: null }]);
    expect(view.imports.map(({ name }) => name)).toEqual(["aviso ñ.txt", undefined]);
  });

  test("an archive that is none, too large, or under no proper name is told so", async () => {
    expect(await failureOf("/v1/cars", { method: "POST", body: "x" })).toEqual([400, "CAR_INVALID"]);
    expect(await failureOf("/v1/cars", { method: "POST" })).toEqual([400, "CAR_INVALID"]);
    for (const name of ["", "x".repeat(256)]) {
      const body = bulletinArchive();
      expect(await failureOf(`/v1/cars?name=${name}`, { method: "POST", body })).toEqual([400, "BAD_REQUEST"]);
    }
    const headers = { "content-length": String(MAX_CAR_BYTES + 1) };
    expect(await failureOf("/v1/cars", { method: "POST", body: "x", headers })).toEqual([413, "FILE_TOO_LARGE"]);
    expect(view.imports).toEqual([]);
  });

  test("a quote signs the nonce that was sent, of 16 to 32 bytes in hex", async () => {
    const body = JSON.stringify({ nonce: "AB".repeat(16) });
    expect(await (await ask("/v1/quote", { method: "POST", body })).json()).toMatchObject({ nonce: "ab".repeat(16) });
    for (const nonce of ["ab", "zz".repeat(16), "ab".repeat(33), `${"ab".repeat(16)}c`]) {
      const wrong = { method: "POST", body: JSON.stringify({ nonce }) };
      expect(await failureOf("/v1/quote", wrong)).toEqual([400, "BAD_REQUEST"]);
    }
  });

  test("an update is allowed only by absolute paths, and never by none", async () => {
    const body = '{"config":"/etc/caye.toml"}';
    expect(await (await ask("/v1/trust/allow", { method: "POST", body })).json()).toMatchObject({ allowed: true });
    for (const wrong of ["{}", '{"code":"relative"}', '{"code":""}']) {
      expect(await failureOf("/v1/trust/allow", { method: "POST", body: wrong })).toEqual([400, "BAD_REQUEST"]);
    }
  });
});

describe("whoever asks for another host", () => {
  test.each(["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "localhost.evil", "192.168.1.7:8420", ""])(
    "%s is refused, also when it only reads",
    async (host) => {
      expect(await failureOf("/v1/status", { headers: { host } })).toEqual([403, "HOST_REFUSED"]);
    },
  );

  test.each(["127.0.0.1:8420", "localhost:1", "LOCALHOST", "[::1]:8420"])("%s is this one", async (host) => {
    expect((await ask("/v1/status", { headers: { host } })).status).toBe(200);
  });

  test("the configured host is this one, and on all addresses any address is, but no name", async () => {
    const status = async (host: string, asked: string) => {
      api = createApi(view, { token: TOKEN, host, onFault: () => undefined });
      return (await ask("/v1/status", { headers: { host: asked } })).status;
    };
    expect(await status("node7.lan", "node7.lan:8420")).toBe(200);
    expect(await status("node7.lan", "node8.lan:8420")).toBe(403);
    expect(await status("fe80::7", "[fe80::7]:8420")).toBe(200);
    expect(await status("0.0.0.0", "192.168.1.7:8420")).toBe(200);
    expect(await status("::", "[fd00::7]:8420")).toBe(200);
    expect(await status("0.0.0.0", "evil.example")).toBe(403);
  });
});

describe("in quarantine", () => {
  test("status and checks answer, data and radio stay shut", async () => {
    view.quarantined = true;
    expect(await (await ask("/v1/status")).json()).toMatchObject({ state: "quarantine" });
    expect((await ask("/v1/checks")).status).toBe(200);
    expect((await ask("/v1/quote", { method: "POST" })).status).toBe(200);
    for (const path of ["/v1/files", "/v1/log", `/v1/content/${CID}`, `/v1/cars/${CID}`]) {
      expect(await failureOf(path)).toEqual([503, "QUARANTINE"]);
    }
    expect(await failureOf("/v1/files?name=a", { method: "POST", body: "x" })).toEqual([503, "QUARANTINE"]);
    expect(await failureOf("/v1/gets", { method: "POST", body: '{"target":"a"}' })).toEqual([503, "QUARANTINE"]);
    expect(await failureOf("/v1/cars", { method: "POST", body: bulletinArchive() })).toEqual([503, "QUARANTINE"]);
  });
});

describe("failures", () => {
  test("of routes that are none answer 404 in JSON", async () => {
    for (const path of ["/", "/v1", "/v2/status", "/v1/status/x", "/v1/../etc", "/v1/%2e%2e/x", "/metrics"]) {
      expect(await failureOf(path), path).toEqual([404, "NOT_FOUND"]);
    }
    for (const method of ["POST", "DELETE", "PUT", "OPTIONS"]) {
      expect(await failureOf("/v1/status", { method }), method).toEqual([404, "NOT_FOUND"]);
    }
  });

  test("that nobody foresaw say nothing of the inside, and are told to the log", async () => {
    const inside = new Error("secret path /var/lib/x");
    view.files = () => Promise.reject(inside);
    const { status, json } = await ask("/v1/files");
    expect([status, JSON.stringify(await json())]).toEqual([500, expect.not.stringContaining("secret")]);
    expect(faults).toEqual([inside]);
  });

  test("never travel as exceptions, whatever the request holds", async () => {
    const segment = fc.oneof(
      fc.constantFrom(
        "v1",
        "files",
        "gets",
        "content",
        "cars",
        "status",
        "log",
        "quote",
        "trust",
        "allow",
        "..",
        "%2f",
        "%",
        "",
      ),
      fc.string(),
    );
    const header = fc.stringMatching(/^[\x21-\x7e]{0,40}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.array(segment, { maxLength: 5 }),
        fc.string(),
        fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"),
        fc.record({ host: header, authorization: header, origin: header }, { requiredKeys: [] }),
        fc.uint8Array({ maxLength: 64 }),
        async (segments, query, method, headers, body) => {
          const url = `${BASE}/${segments.map((s) => s.replaceAll("#", "")).join("/")}?${query}`;
          const withBody = method === "GET" || method === "HEAD" ? {} : { body: new Uint8Array(body) };
          const response = await api(new Request(url, { method, headers, ...withBody }));
          expect(response.status).toBeGreaterThanOrEqual(200);
          expect(response.status).toBeLessThan(500);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(faults).toEqual([]);
  });
});
