/**
 * TPM commands and responses: framing, authorisation areas, time limits, retries.
 * TCG TPM 2.0 Library, part 1, section 18. All integers are big-endian.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ByteReader, ByteWriter, type Bytes } from "../../kernel/bytes.ts";
import { COMMAND, type CommandName } from "./commands.ts";
import { RC, refusal } from "./return-code.ts";
import type { SaltedSession } from "./session.ts";
import { badWire, type Transport } from "./transport.ts";

const TAG_NO_SESSIONS = 0x8001;
const TAG_SESSIONS = 0x8002;
/** TPM_RS_PW: the pseudo session of a plain password; all of ours are empty. */
const PASSWORD_SESSION = 0x4000_0009;
const CONTINUE_SESSION = 0x01;
const FIRST_RETRY_MS = 10;
const LONGEST_RETRY_MS = 500;

/** How one of a command's handles is authorised. */
export type Authorization = "empty-password" | SaltedSession;

export interface Command {
  readonly name: CommandName;
  readonly handles?: readonly number[];
  readonly parameters?: Uint8Array;
  /** In the order of the handles that need one; at most one of them a session. Left out: none needs one. */
  readonly authorizations?: readonly Authorization[];
  /** Names of the objects that `handles` stand for: a session's HMAC covers them. */
  readonly handleNames?: readonly Uint8Array[];
  readonly returnsHandle?: boolean;
  readonly timeoutMs: number;
}

export interface Response {
  /** 0 unless the command returns one. */
  readonly handle: number;
  readonly parameters: ByteReader;
}

/** What the TPM says to a command: yes, or its response code. */
export type Answer = { readonly ok: true; readonly response: Response } | { readonly ok: false; readonly rc: number };

export class CommandChannel {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** One at a time. @throws AgentError, see the port */
  async execute(command: Command): Promise<Response> {
    const answer = await this.ask(command);
    if (!answer.ok) throw refusal(answer.rc, command.name);
    return answer.response;
  }

  /** As {@link execute}, for who can go on after a refusal. */
  async ask(command: Command): Promise<Answer> {
    const bytes = encodeCommand(command);
    let waitedMs = 0;
    for (let pauseMs = FIRST_RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_RETRY_MS)) {
      const response = await this.#transport.send(bytes, command.timeoutMs);
      const { rc, tag, body } = openHeader(response);
      if (isBusy(rc) && waitedMs + pauseMs <= command.timeoutMs) {
        await sleep(pauseMs);
        waitedMs += pauseMs;
        continue;
      }
      if (rc !== RC.success) return { ok: false, rc };
      const expectedTag = command.authorizations === undefined ? TAG_NO_SESSIONS : TAG_SESSIONS;
      if (tag !== expectedTag) throw badWire(`the TPM's response to ${command.name} has a wrong tag`);
      return { ok: true, response: decodeBody(command, body) };
    }
  }
}

/** The TPM asks for the same command again, later. */
function isBusy(rc: number): boolean {
  return rc === RC.retry || rc === RC.yielded || rc === RC.testing;
}

function encodeCommand(command: Command): Bytes {
  const { authorizations } = command;
  let parameters: Uint8Array = command.parameters ?? new Uint8Array();
  const body = new ByteWriter();
  for (const handle of command.handles ?? []) body.u32(handle);
  if (authorizations !== undefined) {
    const area = new ByteWriter();
    for (const authorization of authorizations) {
      if (authorization === "empty-password") {
        area.u32(PASSWORD_SESSION).u16(0).u8(CONTINUE_SESSION).u16(0);
        continue;
      }
      const handleNames = command.handleNames ?? [];
      const secured = authorization.secure({ code: COMMAND[command.name], handleNames, parameters });
      parameters = secured.parameters;
      area.bytes(secured.authorization);
    }
    body.u32(area.length).bytes(area.finish());
  }
  const content = body.bytes(parameters).finish();
  return new ByteWriter()
    .u16(authorizations === undefined ? TAG_NO_SESSIONS : TAG_SESSIONS)
    .u32(10 + content.length)
    .u32(COMMAND[command.name])
    .bytes(content)
    .finish();
}

function openHeader(response: Uint8Array): { readonly rc: number; readonly tag: number; readonly body: ByteReader } {
  const body = new ByteReader(response);
  const tag = body.u16();
  const size = body.u32();
  const rc = body.u32();
  if (body.failure !== undefined) throw badWire("the TPM's response is truncated");
  if (size !== response.length) throw badWire("the TPM's response has a wrong size field");
  return { rc, tag, body };
}

function decodeBody(command: Command, body: ByteReader): Response {
  const handle = command.returnsHandle === true ? body.u32() : 0;
  if (command.authorizations === undefined) return { handle, parameters: body };
  let parameters = body.take(body.u32());
  const areas = command.authorizations.map((authorization) => ({
    authorization,
    nonceTpm: body.take(body.u16()),
    attributes: body.u8(),
    hmac: body.take(body.u16()),
  }));
  const failure = body.done();
  if (failure !== undefined && command.returnsHandle !== true) {
    throw badWire(`the TPM's response to ${command.name} is malformed: ${failure}`);
  }
  // Whatever else was wrong with it: what the handle stands for must not stay in the TPM. Who reads on meets the failure.
  if (failure !== undefined) return { handle, parameters: failedReader(failure) };
  for (const { authorization, ...area } of areas) {
    if (authorization === "empty-password") continue;
    parameters = authorization.open({ code: COMMAND[command.name], parameters, ...area });
  }
  return { handle, parameters: new ByteReader(parameters) };
}

function failedReader(reason: string): ByteReader {
  const reader = new ByteReader(new Uint8Array());
  reader.fail(reason);
  return reader;
}
