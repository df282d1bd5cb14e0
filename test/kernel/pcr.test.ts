import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../src/kernel/bytes.ts";
import { extend, pcrMask, pcrPolicyDigest, pcrSelection, pcrsOfMask, replay } from "../../src/kernel/pcr.ts";
import { decodeEccPublic } from "../../src/kernel/tpm-public.ts";

const pcrs = fc.uniqueArray(fc.nat(23));

describe("registers", () => {
  test("a selection names its bank and sets one bit a register", () => {
    expect(toHex(pcrSelection([14]))).toBe("00000001000b03004000");
    expect(toHex(pcrSelection([14, 0, 7, 23]))).toBe("00000001000b03814080");
    expect(toHex(pcrSelection([]))).toBe("00000001000b03000000");
  });

  test("a mask and its registers say the same, in any order", () => {
    fc.assert(
      fc.property(pcrs, (some) => {
        expect(pcrsOfMask(pcrMask(some))).toEqual([...some].sort((a, b) => a - b));
      }),
    );
  });

  test.each([-1, 24, 1.5, Number.NaN])("there is no register %d", (pcr) => {
    expect(() => pcrSelection([pcr])).toThrow(RangeError);
  });

  test("extending and replaying agree with a software TPM", () => {
    // tpm2_pcrextend 14:sha256=00…07 (32 bytes) on swtpm 0.7.1, then tpm2_pcrread.
    const digest = new Uint8Array(32);
    digest[31] = 7;
    const expected = "2ebe6807995c988b9d292b535a81546078d93d753a42bf8d15ddcaf2d84be200";
    expect(toHex(extend(new Uint8Array(32), digest))).toBe(expected);
    expect(toHex(replay([digest]))).toBe(expected);
    expect(toHex(replay([]))).toBe("00".repeat(32));
  });

  test("a policy needs the value of each of its registers", () => {
    expect(() => pcrPolicyDigest([14], new Map())).toThrow(RangeError);
  });

  test("a policy depends on the registers and their values, and not on the order they are named in", () => {
    const values = new Map([3, 14].map((pcr) => [pcr, new Uint8Array(32).fill(pcr)]));
    expect(pcrPolicyDigest([3, 14], values)).toEqual(pcrPolicyDigest([14, 3], values));
    expect(pcrPolicyDigest([3], values)).not.toEqual(pcrPolicyDigest([14], values));
    const other = new Map([...values, [14, new Uint8Array(32)]]);
    expect(pcrPolicyDigest([14], values)).not.toEqual(pcrPolicyDigest([14], other));
  });
});

describe("the public area of a key", () => {
  test("is refused unless it is whole, and P-256", () => {
    const area = fromHex("0023000b00050472000000100018000b000300100020" + "11".repeat(32) + "0020" + "22".repeat(32));
    if (area === undefined) throw new Error("not hex");
    expect(decodeEccPublic(area)).toMatchObject({ ok: true, value: { attributes: 0x5_0472, scheme: 0x18 } });
    for (let length = 0; length < area.length; length++) {
      expect(decodeEccPublic(area.subarray(0, length)).ok).toBe(false);
    }
    for (const at of [1, 3, 19]) {
      const other = Uint8Array.from(area);
      other[at] = 4;
      expect(decodeEccPublic(other).ok).toBe(false);
    }
  });
});
