/** What a card orders: written in one form, read with all problems named at once, and never with a secret in a message. @module */
import fc from "fast-check";
import { expect, test } from "vitest";
import { REGION_NAMES } from "../../src/config/radio-table.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { orderFile, parseOrder, parseSecrets, secretsFile, type Order } from "../../src/provision/order.ts";

const ORDER: Order = {
  node: { name: "clinic-roof", timezone: "America/Belize", language: "en" },
  radio: { kind: "usb", modem: "serial:///dev/meshtastic", region: "US", preset: "LongFast", channel: 0, hat: "auto" },
  trust: { tpm: "any" },
  entropy: { source: "kernel" },
  hotspot: { ssid: "Caye «clinic»", country: "BZ" },
};
const KEY = `caye-group-key 1 ${"5a".repeat(32)}`;
const URL = "https://meshtastic.org/e/#CgMSAQESBggBQANIAQ";

function problemsOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof AgentError && error.code === "ORDER_INVALID") return error.message;
    throw error;
  }
  return "";
}

test("an order is read as it was written, with and without a hotspot", () => {
  const { hotspot, ...without } = ORDER;
  expect(hotspot?.country).toBe("BZ");
  for (const order of [ORDER, without, { ...ORDER, node: { ...ORDER.node, name: 'a"b\\c é' } }]) {
    expect(parseOrder(orderFile(order))).toEqual(order);
  }
});

test("every text that the schema lets through is read back as it was", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 24 });
  fc.assert(
    fc.property(name, fc.constantFrom(...REGION_NAMES), fc.nat(7), (name, region, channel) => {
      const order: Order = { ...ORDER, node: { ...ORDER.node, name }, radio: { ...ORDER.radio, region, channel } };
      const text = orderFile(order);
      if (problemsOf(() => parseOrder(text)) === "") expect(parseOrder(text)).toEqual(order);
    }),
  );
});

test("all problems are named at once, each with its field and what was meant", () => {
  const file = orderFile({ ...ORDER, node: { ...ORDER.node, timezone: "america/belize" } })
    .replace('region = "US"', 'region = "EU868"')
    .replace('ssid = "Caye «clinic»"', 'ssid = ""\npassword = "x"')
    .replace('kind = "usb"', 'kind = "sim"')
    .replace('[entropy]\nsource = "kernel"\n', "");
  const problems = problemsOf(() => parseOrder(file)).split("\n");
  expect(problems[0]).toBe("5 problems in order.toml:");
  expect(problems.slice(1)).toEqual([
    expect.stringMatching(/^ {2}node\.timezone = "america\/belize": must be a time zone/),
    '  radio.region = "EU868": must be one of Meshtastic\'s names; did you mean EU_868?',
    "  entropy is missing: must be a table",
    '  hotspot.ssid = "": must be a name of 1 to 32 bytes',
    "  hotspot.password: there is no such field",
  ]);
  expect(problemsOf(() => parseOrder(orderFile(ORDER).replace('"usb"', '"tcp"')))).toContain(
    "must fit the kind of radio",
  );
});

test("secrets are read as they were written, and no message has a word of them", () => {
  for (const secrets of [
    { channel_url: URL, group_key: KEY },
    { channel_url: "", group_key: `${KEY}\n${KEY.replace(" 1 ", " 2 ")}` },
    { channel_url: "", group_key: "" },
  ]) {
    expect(parseSecrets(secretsFile(secrets))).toEqual(secrets);
  }
  for (const spoiled of [
    secretsFile({ channel_url: `${URL}!`, group_key: `${KEY}5a` }),
    secretsFile({ channel_url: URL, group_key: KEY }).replace("\ngroup", "group"),
    `group_key = "${KEY}\n`,
    `${KEY.replaceAll(" ", "-")} = 1`,
  ]) {
    const problems = problemsOf(() => parseSecrets(spoiled));
    expect(problems).not.toBe("");
    expect(problems).not.toMatch(/5a5a|CgMS/);
  }
});

test("whatever bytes stand in the files, the answer is an order or the problems of one", () => {
  const whole = orderFile(ORDER);
  fc.assert(
    fc.property(fc.nat(whole.length), fc.string({ maxLength: 12 }), fc.nat(9), (at, put, cut) => {
      const text = whole.slice(0, at) + put + whole.slice(at + cut);
      problemsOf(() => parseOrder(text));
      problemsOf(() => parseSecrets(text));
    }),
    { numRuns: 400 },
  );
  expect(problemsOf(() => parseOrder("#".repeat(20_001)))).toContain("longer than");
});
