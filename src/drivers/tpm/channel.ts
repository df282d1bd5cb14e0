/**
 * TPM commands and responses: framing, authorisation areas, time limits, retries.
 * TCG TPM 2.0 Library, part 1, section 18. All integers are big-endian.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ByteReader, ByteWriter, type Bytes } from "../../kernel/bytes.ts";
import { RC, refusal } from "./return-code.ts";
import type { SaltedSession } from "./session.ts";
import { badWire, type Transport } from "./transport.ts";

export const COMMAND = {
  CreatePrimary: 0x131,
  SelfTest: 0x143,
  Shutdown: 0x145,
  Create: 0x153,
  Load: 0x157,
  Quote: 0x158,
  Unseal: 0x15e,
  FlushContext: 0x165,
  StartAuthSession: 0x176,
  GetCapability: 0x17a,
  GetRandom: 0x17b,
  GetTestResult: 0x17c,
  PCR_Read: 0x17e,
  PolicyPCR: 0x17f,
  ReadClock: 0x181,
  PCR_Extend: 0x182,
} as const;
export type CommandName = keyof typeof COMMAND;

const TAG_NO_SESSIONS = 0x8001;
const TAG_SESSIONS = 0x8002;
/** TPM_RS_PW: the pseudo session of a plain password; all of ours are empty. */
const PASSWORD_SESSION = 0x4000_0009;
const CONTINUE_SESSION = 0x01;
const MAX_RETRIES = 8;
const FIRST_RETRY_MS = 10;

export interface Command {
  readonly name: CommandName;
  readonly handles?: readonly number[];
  readonly parameters?: Uint8Array;
  /** Left out: the command needs no authorisation. */
  readonly authorization?: "empty-password" | SaltedSession;
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

export class CommandChannel {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** One at a time. @throws AgentError "TPM_GONE", "TPM_BAD_WIRE", "TPM_RC", "TPM_POLICY" */
  async execute(command: Command): Promise<Response> {
    const bytes = encodeCommand(command);
    for (let attempt = 0; ; attempt++) {
      const response = await this.#transport.send(bytes, command.timeoutMs);
      const { rc, tag, body } = openHeader(response);
      if (isBusy(rc) && attempt < MAX_RETRIES) {
        await sleep(FIRST_RETRY_MS * 2 ** attempt);
        continue;
      }
      if (rc !== RC.success) throw refusal(rc, command.name);
      const expectedTag = command.authorization === undefined ? TAG_NO_SESSIONS : TAG_SESSIONS;
      if (tag !== expectedTag) throw badWire(`the TPM's response to ${command.name} has a wrong tag`);
      return decodeBody(command, body);
    }
  }
}

/** The TPM asks for the same command again, later. */
function isBusy(rc: number): boolean {
  return rc === RC.retry || rc === RC.yielded || rc === RC.testing;
}

function encodeCommand(command: Command): Bytes {
  const { authorization } = command;
  let parameters: Uint8Array = command.parameters ?? new Uint8Array();
  const body = new ByteWriter();
  for (const handle of command.handles ?? []) body.u32(handle);
  if (authorization === "empty-password") {
    const area = new ByteWriter().u32(PASSWORD_SESSION).u16(0).u8(CONTINUE_SESSION).u16(0).finish();
    body.u32(area.length).bytes(area);
  } else if (authorization !== undefined) {
    const secured = authorization.secure({
      code: COMMAND[command.name],
      handleNames: command.handleNames ?? [],
      parameters,
    });
    parameters = secured.parameters;
    body.u32(secured.authorization.length).bytes(secured.authorization);
  }
  const content = body.bytes(parameters).finish();
  return new ByteWriter()
    .u16(authorization === undefined ? TAG_NO_SESSIONS : TAG_SESSIONS)
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
  if (command.authorization === undefined) return { handle, parameters: body };
  const parameters = body.take(body.u32());
  const nonceTpm = body.take(body.u16());
  const attributes = body.u8();
  const hmac = body.take(body.u16());
  const failure = body.done();
  if (failure !== undefined) throw badWire(`the TPM's response to ${command.name} is malformed: ${failure}`);
  if (command.authorization === "empty-password") return { handle, parameters: new ByteReader(parameters) };
  const code = COMMAND[command.name];
  const clear = command.authorization.open({ code, parameters, nonceTpm, attributes, hmac });
  return { handle, parameters: new ByteReader(clear) };
}
