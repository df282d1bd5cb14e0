/** A collector of traces on a real port, which takes OpenTelemetry's JSON and reads it strictly. @module */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

const anyValue = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
  z.strictObject({ doubleValue: z.number() }),
]);
const attributes = z.array(z.strictObject({ key: z.string().min(1), value: anyValue }));
const id = (digits: number) => z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${digits}}$`));
const nanoseconds = z.string().regex(/^\d{19}$/);

/** `opentelemetry.proto.trace.v1.Span` in proto3's JSON, as far as it is used: names and types are the protocol's. */
const span = z.strictObject({
  traceId: id(32),
  spanId: id(16),
  parentSpanId: id(16).optional(),
  name: z.string().min(1),
  kind: z.int().min(0).max(5),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes,
  status: z.strictObject({ code: z.int().min(0).max(2), message: z.string().optional() }),
});

/** `opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`. */
const exported = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes }),
      scopeSpans: z.array(
        z.strictObject({ scope: z.strictObject({ name: z.string(), version: z.string() }), spans: z.array(span) }),
      ),
    }),
  ),
});

export interface ReadSpan extends Omit<z.output<typeof span>, "attributes"> {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

export class Collector implements AsyncDisposable {
  readonly spans: ReadSpan[] = [];
  /** What could not be read, and why. */
  readonly refused: string[] = [];
  messages = 0;
  /** Answers with this; 0: never. */
  status = 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        this.messages++;
        if (this.status === 0) return;
        if (request.url !== "/v1/traces" || request.headers["content-type"] !== "application/json") {
          this.refused.push(`${request.url} ${request.headers["content-type"]}`);
        } else if (this.status === 200) this.#take(body);
        response.writeHead(this.status, { "content-type": "application/json" }).end("{}");
      });
    });
  }

  static async open(): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((done) => collector.#server.listen(0, "127.0.0.1", done));
    return collector;
  }

  get url(): string {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  named(name: string): readonly ReadSpan[] {
    return this.spans.filter((one) => one.name === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  #take(body: string): void {
    const read = exported.safeParse(JSON.parse(body));
    if (!read.success) {
      this.refused.push(read.error.message);
      return;
    }
    for (const { resource, scopeSpans } of read.data.resourceSpans) {
      for (const one of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({ ...one, attributes: plain(one.attributes), resource: plain(resource.attributes) });
      }
    }
  }
}

function plain(list: z.output<typeof attributes>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    list.map(({ key, value }) =>
      ["intValue" in value ? [key, Number(value.intValue)] : [key, ...Object.values(value)]].flat(),
    ),
  );
}
