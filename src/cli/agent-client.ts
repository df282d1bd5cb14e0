/** Finds the running agent by its state directory, and speaks to its HTTP API. @module */
import { fromUtf8 } from "../kernel/bytes.ts";
import { AgentError, isAgentError, systemCode } from "../kernel/errors.ts";
import type { FailureReport } from "../kernel/reports.ts";
import type { CliIo, FetchInit } from "./io.ts";

/** True when the value is what the agent of this version sends there, judged by its keys. */
export type Shape<T> = (value: unknown) => value is T;

export interface AgentClient {
  /** @throws AgentError the agent's own; "NO_AGENT" when nobody answers; "AGENT_STRANGE" when the answer is none of ours */
  get<T>(path: string, shape: Shape<T>): Promise<T>;
  /** As {@link get}, for what not everybody may read. Needs the token. */
  getSecret<T>(path: string, shape: Shape<T>): Promise<T>;
  post<T>(path: string, body: object | Uint8Array<ArrayBuffer>, shape: Shape<T>): Promise<T>;
  /** Bytes of a file. Needs the token. */
  bytes(path: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** Longer than the agent waits for a TPM that hangs: then it says so. */
const ANSWER_TIMEOUT_MS = 30_000;
/** 64 MiB to or from an SD card. */
const BULK_TIMEOUT_MS = 300_000;
/** Somebody took the connection, and let go of it. */
const BROKEN_OFF: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);
/** Of the package's agent. */
const NODE_STATE = "/var/lib/caye";
const FIX = "Start it: npm start. When it runs with another state directory, name that: CAYE_STATE=DIR caye …";

/** A value with at least these keys. */
export function shape<T extends object>(...keys: (keyof T & string)[]): Shape<T> {
  return (value): value is T => typeof value === "object" && value !== null && keys.every((key) => key in value);
}

/** @throws AgentError "NO_AGENT" when the state directory names none; "STATE_UNSET" */
export async function findAgent(io: CliIo): Promise<AgentClient> {
  const state = io.statePath();
  const base = await agentAddress(io, state);
  const traceparent = newTraceparent();
  const call = async (path: string, init: Omit<FetchInit, "timeoutMs">, timeoutMs = ANSWER_TIMEOUT_MS) => {
    const headers = { ...init.headers, traceparent };
    const response = await answer(io, base, path, { ...init, headers, timeoutMs }, state);
    if (!response.ok) throw await failure(response);
    return response;
  };
  const authorization = async () => ({ authorization: `Bearer ${await token(io, state)}` });
  return {
    get: async (path, shape) => shaped(await call(path, { method: "GET", headers: {} }), shape),
    getSecret: async (path, shape) =>
      shaped(await call(path, { method: "GET", headers: await authorization() }), shape),
    post: async (path, body, shape) => {
      const bulk = body instanceof Uint8Array;
      const type = bulk ? "application/octet-stream" : "application/json";
      const headers = { ...(await authorization()), "content-type": type };
      const init = { method: "POST", headers, body: bulk ? body : JSON.stringify(body) } as const;
      return shaped(await call(path, init, bulk ? BULK_TIMEOUT_MS : ANSWER_TIMEOUT_MS), shape);
    },
    bytes: async (path) => {
      const response = await call(path, { method: "GET", headers: await authorization() }, BULK_TIMEOUT_MS);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

/** W3C Trace Context: to an agent that keeps traces, all requests of one command are one. */
function newTraceparent(): string {
  const digits = (): string => crypto.randomUUID().replaceAll("-", "");
  return `00-${digits()}-${digits().slice(0, 16)}-01`;
}

/** Where the package is installed, its agent is meant: nobody starts that by npm, and only root finds it untold. */
async function wayToAgent(io: CliIo, state: string): Promise<string> {
  if (state === NODE_STATE) return "Start it: sudo systemctl start caye. Why it stopped: journalctl -u caye.";
  if ((await io.facts(NODE_STATE)) === undefined) return FIX;
  return `This node's own agent is root's to ask: sudo caye …. For one of yours: ${FIX}`;
}

async function agentAddress(io: CliIo, state: string): Promise<string> {
  let text: string | undefined;
  try {
    text = fromUtf8(await io.readFile(`${state}/agent.json`));
  } catch (error) {
    if (systemCode(error) === "EACCES") throw forbidden(`${state}/agent.json`, error);
    throw new AgentError("NO_AGENT", `no agent is running here (there is no ${state}/agent.json)`, {
      cause: error,
      fix: await wayToAgent(io, state),
    });
  }
  const agent = agentOf(text ?? "");
  if (agent === undefined)
    throw new AgentError("NO_AGENT", `${state}/agent.json names no agent`, { fix: await wayToAgent(io, state) });
  if (await isGone(io, agent.pid)) {
    throw new AgentError("NO_AGENT", `the agent of ${state} (process ${agent.pid}) is gone`, {
      fix: await wayToAgent(io, state),
    });
  }
  return agent.api;
}

/** After a crash the file still stands there, and another program could have taken the port: it must not see the token. */
async function isGone(io: CliIo, pid: number): Promise<boolean> {
  return (await io.facts("/proc")) !== undefined && (await io.facts(`/proc/${pid}`)) === undefined;
}

function agentOf(text: string): { readonly api: string; readonly pid: number } | undefined {
  try {
    const file: unknown = JSON.parse(text);
    if (typeof file !== "object" || file === null || !("api" in file) || !("pid" in file)) return undefined;
    const { api, pid } = file;
    if (typeof api !== "string" || typeof pid !== "number" || !Number.isInteger(pid)) return undefined;
    const url = new URL(api);
    return url.protocol === "http:" ? { api: url.origin, pid } : undefined;
  } catch {
    return undefined;
  }
}

async function token(io: CliIo, state: string): Promise<string> {
  try {
    return (fromUtf8(await io.readFile(`${state}/token`)) ?? "").trim();
  } catch (error) {
    if (systemCode(error) === "EACCES") throw forbidden(`${state}/token`, error);
    throw new AgentError("NO_TOKEN", `the agent's token is missing (${state}/token)`, {
      cause: error,
      fix: "Start the agent again: it writes a new one.",
    });
  }
}

function forbidden(path: string, cause: unknown): AgentError {
  return new AgentError("NOT_ALLOWED", `this user may not read ${path}`, {
    cause,
    fix: "Use the user that the agent runs as.",
  });
}

async function answer(io: CliIo, base: string, path: string, init: FetchInit, state: string): Promise<Response> {
  try {
    return await io.fetch(base + path, init);
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") {
      throw new AgentError("AGENT_SILENT", `the agent at ${base} did not answer within ${init.timeoutMs / 1000} s`, {
        cause: error,
        fix: "Look at its log; when it hangs, stop it and start it again.",
      });
    }
    if (BROKEN_OFF.has(systemCode(error instanceof Error ? error.cause : undefined) ?? "")) {
      throw new AgentError("AGENT_SILENT", `the agent at ${base} broke off the connection`, {
        cause: error,
        fix: "Ask again in a moment: it may be stopping, or too many ask at once.",
      });
    }
    throw new AgentError("NO_AGENT", `no agent is running here (nobody answers at ${base}, which ${state} names)`, {
      cause: error,
      fix: await wayToAgent(io, state),
    });
  }
}

async function failure(response: Response): Promise<AgentError> {
  const isFailure = shape<FailureReport>("error");
  const body: unknown = await response.json().catch(() => undefined);
  if (isFailure(body) && typeof body.error.code === "string") {
    const { code, message, fix } = body.error;
    return new AgentError(code, message, fix === "" ? {} : { fix });
  }
  return strange(`it answered with HTTP status ${response.status}`);
}

async function shaped<T>(response: Response, shape: Shape<T>): Promise<T> {
  const body: unknown = await response.json().catch(() => undefined);
  if (shape(body)) return body;
  throw strange("its answer has another form");
}

function strange(how: string): AgentError {
  return new AgentError("AGENT_STRANGE", `what runs there is no agent of this version: ${how}`, {
    fix: "Start the agent again, so that it and this command are of one version.",
  });
}

/** The exit code for a failure: 3 when no agent runs, else 1. */
export function exitCodeOf(error: unknown): number {
  return isAgentError(error, "NO_AGENT") ? 3 : 1;
}
