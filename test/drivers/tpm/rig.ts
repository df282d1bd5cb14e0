/** A software TPM with somebody on the wire, and commands that Caye itself never sends. @module */
import { expect, onTestFinished, type TestContext } from "vitest";
import { systemRandom } from "../../../src/drivers/random.ts";
import { COMMAND } from "../../../src/drivers/tpm/commands.ts";
import { startSwtpm } from "../../../src/drivers/tpm/swtpm.ts";
import { DEFAULT_LIMITS, TransportTpm } from "../../../src/drivers/tpm/tpm.ts";
import type { Transport } from "../../../src/drivers/tpm/transport.ts";
import { ByteReader, ByteWriter } from "../../../src/kernel/bytes.ts";
import { pcrPolicyDigest } from "../../../src/kernel/pcr.ts";
import type { SealedBlob, Tpm } from "../../../src/ports/tpm.ts";
import { temporaryDirectory } from "../../fakes/chips.ts";
import { silentLog } from "../../fakes/log.ts";
import { missingFor } from "../../fakes/swtpm-server.ts";

const PASSWORD_AREA = 9;

export function needs(context: TestContext, ...programs: readonly string[]): void {
  const missing = missingFor(...programs);
  if (missing !== undefined) context.skip(missing);
}

export function tpmOver(transport: Transport, limits = DEFAULT_LIMITS): TransportTpm {
  return new TransportTpm(transport, { uri: "test:", software: false, random: systemRandom(), log: silentLog, limits });
}

export interface Tap {
  readonly real: Transport;
  readonly tpm: TransportTpm;
  /** Commands and responses, in turn. */
  readonly seen: Uint8Array[];
}

/** A real software TPM, with somebody on the wire between it and us. Ends with the test. */
export async function tapped(
  change: (code: number, response: Uint8Array) => Uint8Array | Promise<Uint8Array> = (_, response) => response,
): Promise<Tap> {
  const directory = temporaryDirectory();
  onTestFinished(directory.remove);
  const real = await startSwtpm(directory.path);
  onTestFinished(() => real.close());
  const seen: Uint8Array[] = [];
  const transport: Transport = {
    send: async (command, ms) => {
      const response = await real.send(command, ms);
      seen.push(Uint8Array.from(command), Uint8Array.from(response));
      return change(codeOf(command), response);
    },
    close: () => real.close(),
  };
  return { real, tpm: tpmOver(transport), seen };
}

export async function sealedTo(tpm: Tpm, pcr: number, secret: Uint8Array): Promise<SealedBlob> {
  return tpm.seal(secret, pcrPolicyDigest([pcr], await tpm.pcrRead([pcr])));
}

/** The command's code, or a response's response code. */
export function codeOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(6);
}

export interface RawCommand {
  readonly code: number;
  readonly handles?: readonly number[];
  /** With an empty password for the first handle. */
  readonly password?: boolean;
  readonly parameters?: Uint8Array;
}

/** The response's code, and what follows it. */
export async function raw(transport: Transport, command: RawCommand): Promise<{ rc: number; body: ByteReader }> {
  const body = new ByteWriter();
  for (const handle of command.handles ?? []) body.u32(handle);
  if (command.password === true) body.u32(PASSWORD_AREA).u32(0x4000_0009).u16(0).u8(1).u16(0);
  const content = body.bytes(command.parameters ?? new Uint8Array()).finish();
  const header = new ByteWriter()
    .u16(command.password === true ? 0x8002 : 0x8001)
    .u32(10 + content.length)
    .u32(command.code);
  const response = await transport.send(header.bytes(content).finish(), 5_000);
  return { rc: codeOf(response), body: new ByteReader(response.subarray(10)) };
}

/** How many objects and sessions are in the TPM. */
export async function leftInside(real: Transport): Promise<number> {
  let count = 0;
  for (const first of [0x8000_0000, 0x0200_0000]) {
    const parameters = new ByteWriter().u32(1).u32(first).u32(100).finish();
    const { body } = await raw(real, { code: COMMAND.GetCapability, parameters });
    body.take(5);
    count += body.u32();
    expect(body.failure).toBeUndefined();
  }
  return count;
}
