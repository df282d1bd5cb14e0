/** Reading and extending the registers of the SHA-256 bank. TCG TPM 2.0 Library, part 3, section 22. @module */
import { ByteWriter, copyBytes, type ByteReader } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import { PCR_BYTES, pcrSelection, pcrsOfMask } from "../../kernel/pcr.ts";
import { ALGORITHM } from "../../kernel/tpm-public.ts";
import { finished, type TpmScopes } from "./scopes.ts";
import { badWire } from "./transport.ts";

const MAX_PCR_READS = 32;

/** At most 8 registers come at a time; when one is extended meanwhile, reading starts over. */
export async function readPcrs(scopes: TpmScopes, wanted: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
  const values = new Map<number, Uint8Array>();
  let counter: number | undefined;
  for (let reads = 0; values.size < wanted.length; reads++) {
    if (reads >= MAX_PCR_READS) throw badWire("the TPM's registers do not stand still");
    const missing = wanted.filter((pcr) => !values.has(pcr));
    const { parameters } = await scopes.execute({ name: "PCR_Read", parameters: pcrSelection(missing) });
    const page = finished("PCR_Read", parameters, (reader) => decodePcrPage(reader, missing));
    if (page.values.size === 0) {
      throw new AgentError("TPM_NO_BANK", "the TPM has no SHA-256 registers", {
        fix: "allocate them with tpm2_pcrallocate sha256:all, then restart the machine",
      });
    }
    if (counter !== undefined && counter !== page.counter) values.clear();
    counter = page.counter;
    for (const [pcr, value] of page.values) values.set(pcr, value);
  }
  return values;
}

export async function extendPcr(scopes: TpmScopes, pcr: number, digest: Uint8Array): Promise<void> {
  const { parameters } = await scopes.execute({
    name: "PCR_Extend",
    handles: [pcr],
    authorizations: ["empty-password"],
    parameters: new ByteWriter().u32(1).u16(ALGORITHM.sha256).bytes(digest).finish(),
  });
  finished("PCR_Extend", parameters, () => undefined);
}

function decodePcrPage(
  reader: ByteReader,
  asked: readonly number[],
): { readonly counter: number; readonly values: ReadonlyMap<number, Uint8Array> } {
  const counter = reader.u32();
  const selections = reader.u32();
  const pcrs: number[] = [];
  for (let i = 0; i < selections && reader.failure === undefined; i++) {
    if (reader.u16() !== ALGORITHM.sha256) reader.fail("another bank than asked for");
    pcrs.push(...pcrsOfMask(reader.take(reader.u8())));
  }
  if (reader.u32() !== pcrs.length) reader.fail("as many values as registers were expected");
  const values = new Map<number, Uint8Array>();
  for (const pcr of reader.failure === undefined ? pcrs : []) {
    if (!asked.includes(pcr) || values.has(pcr)) reader.fail("another register than asked for");
    if (reader.u16() !== PCR_BYTES) reader.fail("a register of another length");
    values.set(pcr, copyBytes(reader.take(PCR_BYTES)));
  }
  return { counter, values };
}
