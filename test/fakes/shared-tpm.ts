/**
 * One TPM for several programs, as the kernel's resource manager shares it behind `/dev/tpmrm0`: each has three objects and
 * three sessions at most, which are put away between its commands. TCG TPM 2.0 Library, part 1, section 30.
 * @module
 */
import { COMMAND } from "../../src/drivers/tpm/commands.ts";
import type { Transport } from "../../src/drivers/tpm/transport.ts";
import { ByteReader, ByteWriter } from "../../src/kernel/bytes.ts";

const CONTEXT_LOAD = 0x161;
const CONTEXT_SAVE = 0x162;
const FIRST_VIRTUAL = 0x80ff_0000;
const LIMIT = 3;
const OBJECT_MEMORY = 0x902;
const SESSION_MEMORY = 0x903;
/** Commands whose first parameters are handles of objects, by how many they have. */
const HANDLES: Readonly<Record<number, number>> = {
  [COMMAND.ActivateCredential]: 2,
  [COMMAND.Create]: 1,
  [COMMAND.Load]: 1,
  [COMMAND.Quote]: 1,
  [COMMAND.Unseal]: 1,
  [COMMAND.StartAuthSession]: 1,
  [COMMAND.VerifySignature]: 1,
  [COMMAND.ReadPublic]: 1,
  // Its handle is a parameter, at the same place.
  [COMMAND.FlushContext]: 1,
};
const MAKES_OBJECT: ReadonlySet<number> = new Set([COMMAND.CreatePrimary, COMMAND.Load, COMMAND.LoadExternal]);

export interface SharedTpm {
  connect(): Transport;
  /** The most that any program had in the TPM at once. */
  readonly most: { objects: number; sessions: number };
}

interface Program {
  /** Contexts by the handle that the program knows. */
  readonly objects: Map<number, Uint8Array>;
  readonly sessions: Map<number, Uint8Array>;
  next: number;
}

export function shareTpm(real: Transport): SharedTpm {
  const most = { objects: 0, sessions: 0 };
  let last: Promise<unknown> = Promise.resolve();
  return {
    most,
    connect: () => {
      const program: Program = { objects: new Map(), sessions: new Map(), next: FIRST_VIRTUAL };
      return {
        send: (command) => {
          const result = last.then(() => run(real, program, Uint8Array.from(command)));
          last = result.catch(() => undefined);
          return result.then((response) => {
            most.objects = Math.max(most.objects, program.objects.size);
            most.sessions = Math.max(most.sessions, program.sessions.size);
            return response;
          });
        },
        close: async () => undefined,
      };
    },
  };
}

async function run(real: Transport, program: Program, command: Uint8Array): Promise<Uint8Array> {
  const code = codeOf(command);
  const full = refusalAtLimit(program, code);
  if (full !== undefined) return full;
  const physical = new Map<number, number>();
  for (const [handle, context] of program.objects) physical.set(handle, await load(real, context));
  for (const context of program.sessions.values()) await load(real, context);
  translate(command, code, physical);
  const asked = code === COMMAND.FlushContext ? new DataView(command.buffer).getUint32(10) : 0;
  const response = Uint8Array.from(await real.send(command, 5_000));
  if (codeOf(response) === 0) follow(program, physical, { code, asked, response });
  for (const [handle, at] of physical) {
    program.objects.set(handle, await save(real, at));
    await exchange(real, COMMAND.FlushContext, new ByteWriter().u32(at).finish());
  }
  for (const handle of program.sessions.keys()) program.sessions.set(handle, await save(real, handle));
  return response;
}

function refusalAtLimit({ objects, sessions }: Program, code: number): Uint8Array | undefined {
  if (MAKES_OBJECT.has(code) && objects.size >= LIMIT) return refusal(OBJECT_MEMORY);
  return code === COMMAND.StartAuthSession && sessions.size >= LIMIT ? refusal(SESSION_MEMORY) : undefined;
}

/** From the handles that the program knows to those of this moment. */
function translate(command: Uint8Array, code: number, physical: ReadonlyMap<number, number>): void {
  const view = new DataView(command.buffer);
  for (let at = 10; at < 10 + 4 * (HANDLES[code] ?? 0); at += 4) {
    view.setUint32(at, physical.get(view.getUint32(at)) ?? view.getUint32(at));
  }
}

/** What the command made or removed. */
function follow(
  program: Program,
  physical: Map<number, number>,
  { code, asked, response }: { code: number; asked: number; response: Uint8Array },
): void {
  const view = new DataView(response.buffer);
  if (code === COMMAND.StartAuthSession) program.sessions.set(view.getUint32(10), new Uint8Array());
  if (MAKES_OBJECT.has(code)) {
    const handle = program.next++;
    physical.set(handle, view.getUint32(10));
    view.setUint32(10, handle);
  }
  if (code !== COMMAND.FlushContext) return;
  program.sessions.delete(asked);
  for (const [handle, at] of physical) {
    if (at !== asked) continue;
    physical.delete(handle);
    program.objects.delete(handle);
  }
}

async function load(real: Transport, context: Uint8Array): Promise<number> {
  return new ByteReader(await exchange(real, CONTEXT_LOAD, context)).u32();
}

function save(real: Transport, handle: number): Promise<Uint8Array> {
  return exchange(real, CONTEXT_SAVE, new ByteWriter().u32(handle).finish());
}

async function exchange(real: Transport, code: number, content: Uint8Array): Promise<Uint8Array> {
  const header = new ByteWriter()
    .u16(0x8001)
    .u32(10 + content.length)
    .u32(code);
  const response = await real.send(header.bytes(content).finish(), 5_000);
  if (codeOf(response) !== 0) throw new Error(`the resource manager was refused: 0x${codeOf(response).toString(16)}`);
  return Uint8Array.from(response.subarray(10));
}

function refusal(rc: number): Uint8Array {
  return new ByteWriter().u16(0x8001).u32(10).u32(rc).finish();
}

function codeOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(6);
}
