import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { fromHex, toHex } from "../../src/kernel/bytes.ts";
import { quoteForTools } from "../../src/attest/quote-files.ts";
import { isInstalled, openSwtpm, temporaryDirectory } from "../fakes/chips.ts";
import { FakeChip, sha256 } from "../fakes/tpm.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

test.for([[14], [0, 7, 14], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14]])(
  "tpm2_checkquote accepts our quote over PCR %j, and no other nonce",
  async (pcrs, context) => {
    for (const program of ["swtpm", "tpm2_checkquote"]) {
      if (!isInstalled(program)) context.skip(`${program} is not installed`);
    }
    const directory = temporaryDirectory();
    cleanups.push(directory.remove);
    await using tpm = await openSwtpm(join(directory.path, "swtpm"));
    for (const pcr of pcrs) await tpm.pcrExtend(pcr, sha256(`event ${pcr}`));
    const nonce = new Uint8Array(randomBytes(20));
    const quote = await tpm.quote(nonce, pcrs);
    const { publicArea } = await tpm.attestationKey();
    const report = quoteForTools({ quote, publicArea, nonce, pcrs, values: await tpm.pcrRead(pcrs) });
    expect(report.selection).toBe(`sha256:${pcrs.join(",")}`);
    const write = (name: string, bytes: Uint8Array | string): string => {
      writeFileSync(join(directory.path, name), bytes);
      return join(directory.path, name);
    };
    const hex = (text: string): Uint8Array => fromHex(text) ?? new Uint8Array();
    const check = (withNonce: string): number | null => {
      const files = ["-u", write("ak.pem", report.ak_pem), "-m", write("quote.msg", hex(report.msg))];
      files.push("-s", write("quote.sig", hex(report.sig)), "-f", write("quote.pcrs", hex(report.pcrs)));
      return spawnSync("tpm2_checkquote", [...files, "-g", "sha256", "-q", withNonce]).status;
    };
    expect(check(report.nonce)).toBe(0);
    expect(check(toHex(randomBytes(20)))).not.toBe(0);
  },
);

test("the register file is byte for byte what tpm2_quote of tpm2-tools 5.4 writes", async () => {
  const chip = new FakeChip();
  const tpm = chip.powerOn();
  const nonce = new Uint8Array(32);
  const values = new Map([0, 7, 14].map((pcr) => [pcr, new Uint8Array(32)]));
  const last = fromHex("2ebe6807995c988b9d292b535a81546078d93d753a42bf8d15ddcaf2d84be200");
  values.set(14, last ?? new Uint8Array());
  const quote = await tpm.quote(nonce, [0, 7, 14]);
  const { pcrs } = quoteForTools({ quote, publicArea: chip.publicArea(), nonce, pcrs: [0, 7, 14], values });
  // tpm2_quote -l sha256:0,7,14 on swtpm 0.7.1, x86-64: 668 bytes, in runs.
  const empty = "00".repeat(64);
  const expected =
    "010000000b00038140000000" +
    "00".repeat(120) +
    "01000000" +
    "03000000" +
    `2000${empty}2000${empty}2000${toHex(last ?? new Uint8Array())}${"00".repeat(32)}` +
    "00".repeat(5 * 66);
  expect(pcrs).toBe(expected);
});

test("a key that is none, or a register without a value, is refused", async () => {
  const chip = new FakeChip();
  const quote = await chip.powerOn().quote(new Uint8Array(32), [14]);
  const claim = { quote, publicArea: chip.publicArea(), nonce: new Uint8Array(32), pcrs: [14], values: new Map() };
  expect(() => quoteForTools(claim)).toThrow("no value is known of PCR 14");
  const values = new Map([[14, new Uint8Array(32)]]);
  expect(() => quoteForTools({ ...claim, values, publicArea: new Uint8Array(9) })).toThrow("not a key");
});
