/** Reads request bodies, bounded while they stream in. @module */
import type { z } from "zod";
import { concatBytes, fromUtf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";

const MAX_JSON_BYTES = 4_096;

/** Room for the bodies of all requests under way: several large files at once would take the machine's memory. */
export class BodyRoom {
  readonly #mostBytes: number;
  #usedBytes = 0;

  /** @param mostBytes one body of the largest kind fits always, when it is alone */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /**
   * Does the work with a whole body, and counts that body as in use until the work has ended.
   * @throws AgentError "TOO_MANY" when others take the room, and as {@link readBytes}
   */
  async withBytes<T>(
    request: Request,
    maxBytes: number,
    work: (bytes: Uint8Array<ArrayBuffer>) => Promise<T>,
  ): Promise<T> {
    // Who does not say how much will come is taken to bring the most.
    const declared = Number(request.headers.get("content-length") ?? Number.NaN);
    const bytes = Number.isInteger(declared) && declared >= 0 ? Math.min(declared, maxBytes) : maxBytes;
    if (this.#usedBytes > 0 && this.#usedBytes + bytes > this.#mostBytes) {
      throw new AgentError("TOO_MANY", "other large files are being taken in", { fix: "Try again in a moment." });
    }
    this.#usedBytes += bytes;
    try {
      return await work(await readBytes(request, maxBytes));
    } finally {
      this.#usedBytes -= bytes;
    }
  }
}

/** @throws AgentError "FILE_TOO_LARGE" as soon as more than `maxBytes` came; "BAD_REQUEST" when the body breaks off */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.length;
      if (length > maxBytes) throw tooLarge(maxBytes);
      parts.push(part.value);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    if (error instanceof AgentError) throw error;
    throw new AgentError("BAD_REQUEST", "the request's body broke off", { cause: error });
  }
  return concatBytes(...parts);
}

/** An empty body counts as `{}`. @throws AgentError "BAD_REQUEST" unless the body is JSON of that shape */
export async function readJson<T>(request: Request, shape: z.ZodType<T>): Promise<T> {
  return parseJson(await readBytes(request, MAX_JSON_BYTES), shape);
}

/** As {@link readJson}, of a body that is there already. */
export function parseJson<T>(bytes: Uint8Array, shape: z.ZodType<T>): T {
  const text = fromUtf8(bytes);
  const result = shape.safeParse(text === "" ? {} : parse(text ?? ""));
  if (result.success) return result.data;
  const reasons = result.error.issues.map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`);
  throw new AgentError("BAD_REQUEST", `the request's body is not as it should be (${reasons.slice(0, 3).join("; ")})`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AgentError("BAD_REQUEST", "the request's body is not JSON", { cause: error });
  }
}

function tooLarge(maxBytes: number): AgentError {
  const size = maxBytes >= 1_048_576 ? `${Math.floor(maxBytes / 1_048_576)} MiB` : `${maxBytes} bytes`;
  return new AgentError("FILE_TOO_LARGE", `that is more than the ${size} that fit here`, {
    fix: "Cut it into parts, or shrink it: on the radio every kilobyte counts.",
  });
}
