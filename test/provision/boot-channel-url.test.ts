import { readFileSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { AppOnly } from "@meshtastic/protobufs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { channelUrl, fingerprintOf, keyKind, parseChannelUrl } from "../../src/provision/channel-url.ts";
import type { RadioChannel } from "../../src/ports/radio-setup.ts";

interface Vector {
  readonly source: string;
  readonly url: string;
  readonly adds: boolean;
  readonly channels: readonly { readonly name: string; readonly bytes: number; readonly kind: string }[];
  readonly modem: object;
}

const VECTORS: { readonly addresses: readonly Vector[] } = JSON.parse(
  readFileSync(new URL("../vectors/meshtastic/channel-urls.json", import.meta.url), "utf8"),
);
const LONG_FAST = "CgMSAQESBggBQANIAQ";
const KEY = Uint8Array.from({ length: 32 }, (_, i) => 7 * i);

const channels = fc.array(
  fc.record({
    name: fc.stringMatching(/^[A-Za-z0-9 ]{0,11}$/),
    psk: fc.constantFrom(0, 1, 16, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
  }),
  { minLength: 1, maxLength: 8 },
);

describe("addresses of channels", () => {
  test.each(VECTORS.addresses)("are read as others write them: $source", ({ url, adds, channels: wanted, modem }) => {
    const parsed = parseChannelUrl(url);
    if (!parsed.ok) throw new Error(parsed.reason);
    const { value } = parsed;
    expect(value.adds).toBe(adds);
    expect(value.modem).toEqual({ region: undefined, ...modem });
    const seen = value.channels.map((one) => ({ name: one.name, bytes: one.psk.length, kind: keyKind(one) }));
    expect(seen).toEqual(wanted);
  });

  test("are read in every form that the apps write", () => {
    const right = parseChannelUrl(`https://meshtastic.org/e/#${LONG_FAST}`);
    for (const form of ["https://www.meshtastic.org/e/#", "HTTPS://Meshtastic.ORG/E/#", "https://meshtastic.org/e#"]) {
      expect(parseChannelUrl(form + LONG_FAST)).toEqual(right);
    }
    expect(parseChannelUrl(` https://meshtastic.org/e/#${LONG_FAST}==\n`)).toEqual(right);
    const behind = parseChannelUrl(`https://meshtastic.org/e/#${LONG_FAST}?add=true`);
    expect(behind.ok && behind.value.adds).toBe(true);
  });

  test.each([
    ["", "it does not begin with"],
    ["https://meshtastic.org/d/#CgMSAQE", "it does not begin with"],
    ["https://meshtastic.example/e/#CgMSAQE", "it does not begin with"],
    [`http://meshtastic.org/e/#${LONG_FAST}`, "it does not begin with"],
    [`https://meshtastic.org/e/#${LONG_FAST} `.repeat(2), "it does not begin with"],
    ["https://meshtastic.org/e/#CgMSAQF", "no base64"],
    ["https://meshtastic.org/e/#A", "no base64"],
    ["https://meshtastic.org/e/#____", "no set of channels"],
    ["https://meshtastic.org/e/#EgYIAUADSAE", "no channels"],
    [`https://meshtastic.org/e/#${"A".repeat(2_000)}`, "too long"],
  ])("are refused with a reason: %s", (url, reason) => {
    const parsed = parseChannelUrl(url);
    expect(parsed).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
  });

  const written = (set: Parameters<typeof create<typeof AppOnly.ChannelSetSchema>>[1]): string =>
    `https://meshtastic.org/e/#${Buffer.from(toBinary(AppOnly.ChannelSetSchema, create(AppOnly.ChannelSetSchema, set))).toString("base64url")}`;

  test("are refused for what no radio takes", () => {
    const reasonOf = (set: Parameters<typeof written>[0]): string => {
      const parsed = parseChannelUrl(written(set));
      return parsed.ok ? "taken" : parsed.reason;
    };
    const one = { settings: [{ psk: KEY, name: "v" }] };
    expect(reasonOf(one)).toBe("taken");
    expect(reasonOf({ settings: [{ psk: KEY.subarray(1) }] })).toMatch("length");
    expect(reasonOf({ settings: [{ name: "twelve bytes" }] })).toMatch("name");
    expect(reasonOf({ settings: [{ name: "a\u001bb" }] })).toMatch("name");
    expect(reasonOf({ settings: Array.from({ length: 9 }, () => ({ name: "v" })) })).toMatch("more than 8");
    expect(reasonOf({ ...one, loraConfig: { hopLimit: 8 } })).toMatch("out of range");
    expect(reasonOf({ ...one, loraConfig: { channelNum: 1_001 } })).toMatch("out of range");
    expect(reasonOf({ ...one, loraConfig: { usePreset: true, modemPreset: 99 } })).toMatch("does not know");
  });

  test("come back as they were written", () => {
    fc.assert(
      fc.property(channels, fc.boolean(), (all, adds) => {
        const setup = { channels: all.map(({ name, psk }) => ({ name, psk: new Uint8Array(psk) })), adds };
        const parsed = parseChannelUrl(channelUrl(setup.channels, adds));
        expect(parsed).toEqual({ ok: true, value: { ...setup, modem: undefined } });
      }),
    );
  });

  test("of any bytes give a value or a reason, and one value has no two addresses by padding bits", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64url");
        const parsed = parseChannelUrl(`https://meshtastic.org/e/#${text}`);
        if (parsed.ok) expect(parsed.value.channels.length).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
    const whole = VECTORS.addresses[2]?.url ?? "";
    for (let i = 0; i < whole.length; i++) parseChannelUrl(whole.slice(0, i));
    const flipped = Array.from(whole, (_, i) => parseChannelUrl(`${whole.slice(0, i)}A${whole.slice(i + 1)}`));
    expect(flipped.filter(({ ok }) => ok).length).toBeLessThan(flipped.length);
  });
});

describe("keys", () => {
  const channel = (...psk: number[]): RadioChannel => ({ name: "", psk: Uint8Array.from(psk) });
  const factory = [..."d4f1bb3a20290759f0bcffabcf4e6901".matchAll(/../g)].map(([hex]) => Number.parseInt(hex, 16));

  test("that everybody has are told from secret ones", () => {
    expect(keyKind(channel())).toBe("none");
    expect(keyKind(channel(0))).toBe("none");
    expect(keyKind(channel(1))).toBe("public");
    expect(keyKind(channel(...factory))).toBe("public");
    expect(keyKind(channel(...factory.with(15, 9)))).toBe("public");
    expect(keyKind(channel(...Array.from({ length: 32 }, () => 0)))).toBe("public");
    expect(keyKind(channel(...factory.with(0, 9)))).toBe("secret");
    expect(keyKind({ name: "", psk: KEY })).toBe("secret");
  });

  test("are told by the first bytes of SHA-256", () => {
    // printf '' | sha256sum
    expect(fingerprintOf(channel())).toBe("e3b0c442");
  });
});
