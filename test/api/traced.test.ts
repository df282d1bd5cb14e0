/** What a trace tells of a request, and what it keeps to itself. */
import { expect, test } from "vitest";
import { tracedHandler } from "../../src/api/traced.ts";
import { spanContextOf, traced, type Attributes, type SpanContext, type Tracer } from "../../src/ports/tracer.ts";

interface Seen {
  readonly name: string;
  attributes: Attributes;
  readonly parent: SpanContext | undefined;
}

function seeing(): { readonly tracer: Tracer; readonly seen: Seen[] } {
  const seen: Seen[] = [];
  const tracer: Tracer = {
    span: (name, attributes, work, parent) => {
      seen.push({ name, attributes, parent });
      return work();
    },
    note: (more) => {
      const last = seen.at(-1);
      if (last !== undefined) last.attributes = { ...last.attributes, ...more };
    },
    here: () => undefined,
    past: () => undefined,
  };
  return { tracer, seen };
}

const handler = (): Promise<Response> => Promise.resolve(new Response("x", { status: 404 }));
const TRACE = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;

test("method, route and status; no id, no name, no query; within what the client names", async () => {
  const { tracer, seen } = seeing();
  const url =
    "http://127.0.0.1:8420/v1/content/bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq?name=diary.txt";
  const response = await tracedHandler(tracer, handler)(new Request(url, { headers: { traceparent: TRACE } }));
  expect(response.status).toBe(404);
  expect(seen).toEqual([
    {
      name: "api.request",
      attributes: {
        "http.request.method": "GET",
        "http.route": "/v1/content/:id",
        "http.response.status_code": 404,
      },
      parent: { traceId: "ab".repeat(16), spanId: "cd".repeat(8) },
    },
  ]);
});

test("without a tracer the handler is the handler itself, and the work the work", () => {
  expect(tracedHandler(undefined, handler)).toBe(handler);
  expect(traced(undefined, "x", {}, () => 7)).toBe(7);
});

test.each([
  null,
  "",
  "00",
  TRACE.slice(1),
  TRACE.toUpperCase(),
  `00-${"0".repeat(32)}-${"cd".repeat(8)}-01`,
  `00-${"ab".repeat(16)}-${"0".repeat(16)}-01`,
  `01-${"ab".repeat(16)}-${"cd".repeat(8)}-01`,
  `${TRACE}-more`,
])("%s names no span", (header) => {
  expect(spanContextOf(header)).toBeUndefined();
});
