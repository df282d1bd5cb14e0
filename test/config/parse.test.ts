/** The configuration's laws, and every sentence that a wrong one is refused with. @module */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeConfig } from "../../src/config/describe.ts";
import { fieldRows } from "../../src/config/fields.ts";
import { loadConfig } from "../../src/config/load.ts";
import { parseConfig, variableName } from "../../src/config/parse.ts";
import { PRESET_NAMES, REGION_NAMES } from "../../src/config/radio-table.ts";
import { isAgentError } from "../../src/kernel/errors.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { regionNames } from "../../src/radio/region.ts";

const VALID: Readonly<Record<string, string>> = Object.fromEntries(
  fieldRows().map((row) => [row.path, row.facts.example]),
);

function problems(toml: string, env: Record<string, string | undefined> = {}): string[] {
  try {
    parseConfig(toml, env);
  } catch (error) {
    if (!isAgentError(error, "CONFIG_INVALID")) throw error;
    const [head, ...lines] = error.message.split("\n");
    expect(head).toBe(`${lines.length === 1 ? "1 problem" : `${lines.length} problems`} in the configuration:`);
    expect(error.fix).toContain("docs/configuration.md");
    return lines.map((line) => line.slice(2));
  }
  return [];
}

describe("a configuration", () => {
  test("may be empty: every field has its default", () => {
    expect(parseConfig("", {})).toEqual({
      node: { name: "caye" },
      radio: {
        modem: { kind: "auto", uri: "auto" },
        preset: "auto",
        region: "auto",
        hop_limit: 3,
        duty_share: 0.5,
        channel: 0,
      },
      files: {
        max_air_bytes: 65_536,
        large_bytes: 4_096,
        hours: { from: 0, until: 24 },
        cache_bytes: 8_388_608,
        carry_bytes: 0,
      },
      alerts: { authorised: ["enrolled"], strangers: "show-unverified" },
      phones: { answer: "auto", language: "en", max_texts: 8, questions: 6, max_file_bytes: 1_500 },
      trust: {
        mode: "warn",
        tpm: { kind: "auto", uri: "auto" },
        pcr: 14,
        pcrs: [14],
        update_key: "",
        policy_file: "",
        attest_hours: 24,
      },
      entropy: {
        source: { kind: "kernel", uri: "kernel" },
        sources: [],
        min_entropy_bits: 7,
        on_failure: "quarantine",
        reseed_minutes: 10,
        assess_days: 7,
      },
      api: { host: "127.0.0.1", port: 8420 },
      metrics: { host: "127.0.0.1", port: 9427 },
      time: { radio: "listen", max_ahead_days: 3_650 },
      backup: { directory: "", key_file: "", keep: 7 },
      board: {
        siren_severities: ["Extreme", "Severe"],
        siren_urgencies: ["Immediate", "Expected"],
        siren_seconds: 120,
        tamper_alert: "off",
        radio_reset_minutes: 15,
        power_fail_ms: 200,
      },
      log: { level: "info", format: "auto" },
      telemetry: { traces: "" },
      village: {
        authority: "",
        strangers: "show-unverified",
        group_key_file: "",
        neighbours: 3,
        loss: 0.1,
        speed: 1,
      },
    });
  });

  test("takes what operators' scripts write", () => {
    const config = parseConfig(
      '[radio]\nmodem = "tcp://127.0.0.1:4403"\n[api]\nport = 0\n[metrics]\nport = 0\n[trust]\nmode = "enforce"\n',
      {},
    );
    expect(config.radio.modem).toEqual({ kind: "tcp", uri: "tcp://127.0.0.1:4403", host: "127.0.0.1", port: 4403 });
    expect([config.api.port, config.metrics.port, config.trust.mode]).toEqual([0, 0, "enforce"]);
  });

  test("accepts each field's own example and own default, in the file and as a variable", () => {
    for (const { table, key, path, facts, initial } of fieldRows()) {
      // A register that is not among the policy's is refused: see below.
      for (const value of [facts.example, initial]) {
        expect(problems(`[${table}]\n${key} = ${value}\n`), path).toEqual([]);
        expect(problems("", { [variableName(path)]: value.replace(/^"(.*)"$/, "$1") }), path).toEqual([]);
      }
    }
  });

  test("documents every field with a sentence", () => {
    for (const { path, facts } of fieldRows()) {
      expect(facts.description, path).toMatch(/^[A-Z`].*[.)]$/);
      expect(VALID[path]).toBeDefined();
    }
  });

  test("is documented by docs/configuration.md as the schema says", () => {
    expect(readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8")).toBe(describeConfig());
  });

  test("names the presets and regions that the radio room knows, and no other", () => {
    expect(PRESET_NAMES.toSorted()).toEqual(Object.keys(PRESETS).toSorted());
    expect(REGION_NAMES.toSorted()).toEqual(regionNames().toSorted());
  });

  test("lets a variable win over the file", () => {
    const config = parseConfig("[radio]\nhop_limit = 5\nchannel = 2\n", { CAYE_RADIO_HOP_LIMIT: "1" });
    expect([config.radio.hop_limit, config.radio.channel]).toEqual([1, 2]);
  });

  test("leaves CAYE_STATE, CAYE_CONFIG and foreign variables alone", () => {
    expect(problems("", { CAYE_STATE: "/x", CAYE_CONFIG: "y", PATH: "/bin", CAYENNE: "hot" })).toEqual([]);
  });

  test("takes lists of registers as a variable, with and without brackets, and sorts them", () => {
    expect(parseConfig("", { CAYE_TRUST_PCRS: "14, 10" }).trust.pcrs).toEqual([10, 14]);
    expect(parseConfig("", { CAYE_TRUST_PCRS: "[14,7,0]" }).trust.pcrs).toEqual([0, 7, 14]);
  });

  test("is read although a Windows editor left its mark in front", () => {
    expect(parseConfig('\uFEFF[node]\r\nname = "a"\r\n', {}).node.name).toBe("a");
  });
});

describe("a wrong configuration", () => {
  test.each([
    ["[radio]\nhop_limt = 3", "radio.hop_limt: there is no such field; did you mean hop_limit?"],
    ["[api]\nprot = 3", "api.prot: there is no such field; did you mean port?"],
    ["[api]\nlevel = 3", "api.level: there is no such field; level belongs to [log]"],
    ["[api]\nzebra = 3", "api.zebra: there is no such field; [api] has host, port"],
    ["[radios]\n", "radios: there is no such table; did you mean radio?"],
    ["[zebra]\n", "zebra: there is no such table"],
    ["__proto__ = 1", "__proto__: there is no such table"],
    ["hop_limit = 3", "hop_limit: stands outside of its table: write it below [radio]"],
    ["radio = 3", "radio: must be a table: write [radio] on a line of its own"],
    ["[[radio]]\nhop_limit = 3", "radio: must be a table: write [radio] on a line of its own"],
    [
      '[radio]\nhop_limit = "3"',
      'radio.hop_limit = "3": must be a whole number from 0 to 7, for example hop_limit = 3; write it without quotes',
    ],
    ["[radio]\nhop_limit = 8", "radio.hop_limit = 8: must be a whole number from 0 to 7, for example hop_limit = 3"],
    [
      "[radio]\nhop_limit = 1.5",
      "radio.hop_limit = 1.5: must be a whole number from 0 to 7, for example hop_limit = 3",
    ],
    [
      "[radio]\nduty_share = 50",
      "radio.duty_share = 50: must be a ratio above 0 and at most 1, for example duty_share = 0.5; 50 % is 0.5",
    ],
    [
      '[radio]\nduty_share = "50 %"',
      'radio.duty_share = "50 %": must be a ratio above 0 and at most 1, for example duty_share = 0.5; write a percentage as a ratio: 50 % is 0.5',
    ],
    [
      "[radio]\nduty_share = 0",
      "radio.duty_share = 0: must be a ratio above 0 and at most 1, for example duty_share = 0.5",
    ],
    [
      '[village]\nspeed = "20x"',
      'village.speed = "20x": must be a number from 1 to 1000, for example speed = 20; write the bare number, its unit is fixed',
    ],
    [
      '[radio]\nmodem = "/dev/ttyACM0"',
      'radio.modem = "/dev/ttyACM0": must be auto, serial:///dev/…?baud=115200, tcp://host:port or sim: (it starts with none of serial://, tcp:// and sim:), for example modem = "serial:///dev/ttyACM0"',
    ],
    [
      "[radio]\nmodem = 3",
      'radio.modem = 3: must be auto, serial:///dev/…?baud=115200, tcp://host:port or sim:, for example modem = "serial:///dev/ttyACM0"',
    ],
    ['[log]\nlevel = "loud"', 'log.level = "loud": must be debug, info, warn or error, for example level = "info"'],
    [
      '[trust]\ntpm = "tpm:foo"',
      'trust.tpm = "tpm:foo": must be auto, tpm:/dev/tpmrm0, swtpm:, swtpm:tcp://127.0.0.1:2321, swtpm:unix:/run/swtpm.sock or none (tpm: takes a device file under /dev), for example tpm = "tpm:/dev/tpmrm0"',
    ],
    [
      '[entropy]\nsource = "qrng"',
      'entropy.source = "qrng": must be kernel, tpm, hwrng:/dev/hwrng or qrng:DEVICE:/dev/… (see docs/entropy-devices.md) (it is none of kernel, tpm, hwrng:/dev/… and qrng:DEVICE:/dev/…), for example source = "hwrng:/dev/hwrng"',
    ],
    [
      "[trust]\npcrs = [14, 14]",
      "trust.pcrs = [14,14]: must be a list of 1 to 24 different whole numbers from 0 to 23, for example pcrs = [14]",
    ],
    [
      '[trust]\npcrs = ["a", "b", 24]',
      'trust.pcrs = ["a","b",24]: must be a list of 1 to 24 different whole numbers from 0 to 23, for example pcrs = [14]',
    ],
    [
      "[trust]\npcr = 12",
      "trust.pcrs = [14]: must name register 12 (trust.pcr) too: else what is measured there protects nothing",
    ],
    [
      "[metrics]\nport = 8420",
      "metrics.port = 8420: is the port of [api] too; give each its own, for example port = 9427",
    ],
    ['[node]\nname = "', "line 2, column 8: "],
    ["x = = 3", "line 1, column 5: invalid value"],
    ["a = 1\na = 2", "line 2, column 1: "],
  ])("%j says: %s", (toml, sentence) => {
    const found = problems(toml);
    expect(found).toHaveLength(1);
    // TOML's own reasons are the parser's words; the place is ours.
    if (/^line \d+, column \d+: $/.test(sentence)) expect(found[0]?.startsWith(sentence.slice(0, 6))).toBe(true);
    else expect(found[0]).toBe(sentence);
  });

  test("has all of its problems listed at once", () => {
    expect(problems('[radio]\nhop_limit = 9\nx = 1\n[api]\nport = "a"\n', { CAYE_FOO: "1" })).toHaveLength(4);
  });

  test("from the environment is refused with the field's path and the variable's name", () => {
    expect(problems("", { CAYE_RADIO_HOPLIMIT: "3" })).toEqual([
      "radio.hoplimit: there is no such field, yet the environment variable CAYE_RADIO_HOPLIMIT is set; did you mean CAYE_RADIO_HOP_LIMIT?",
    ]);
    expect(problems("", { CAYE_METRICS_PORT: "x" })).toEqual([
      'metrics.port = "x": must be a whole number from 0 to 65535 (0: any that is free), for example port = 9427; the value is from the environment variable CAYE_METRICS_PORT',
    ]);
    expect(problems("radio = 1", { CAYE_RADIO_CHANNEL: "1" })).toEqual([
      "radio: must be a table: write [radio] on a line of its own",
    ]);
  });

  test("is refused when it is no configuration at all", () => {
    expect(problems(`a = "${"x".repeat(100_001)}"`)).toEqual([
      "the file is longer than 100000 characters: is it the right one?",
    ]);
  });

  test("never does anything but parse or throw CONFIG_INVALID, whatever the file says", () => {
    const scraps = fc.constantFrom(
      ...fieldRows().flatMap((row) => [`[${row.table}]`, row.key, row.facts.example]),
      "=",
      "[",
      "]",
      "{",
      "}",
      '"',
      "\n",
      ",",
      ".",
      "nan",
      "inf",
      "1979-05-27",
      "é",
      "\u0000",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(scraps, fc.string()), { maxLength: 30 }), (parts) => {
        problems(parts.join(" "));
      }),
      { numRuns: 2_000 },
    );
  });

  test("never gets past a field's bounds, whatever value stands there", () => {
    fc.assert(
      fc.property(fc.constantFrom(...fieldRows()), fc.oneof(fc.double(), fc.integer(), fc.string()), (row, value) => {
        const text =
          typeof value === "string" ? JSON.stringify(value) : Number.isFinite(value) ? value.toFixed(9) : "nan";
        const found = problems(`[${row.table}]\n${row.key} = ${text}\n`);
        for (const problem of found) expect(problem).toMatch(/^(?:[a-z_.]+(?: = .*)?: |line \d)/su);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("loading", () => {
  const reads = (result: Uint8Array | Error) => () =>
    result instanceof Error ? Promise.reject(result) : Promise.resolve(result);

  test("hands over the bytes as they were read, for measuring", async () => {
    const bytes = new TextEncoder().encode("[api]\nport = 1\n");
    const loaded = await loadConfig("/etc/caye.toml", {}, reads(bytes));
    expect([loaded.config.api.port, loaded.bytes]).toEqual([1, bytes]);
    expect((await loadConfig(undefined, {}, reads(new Error("not asked")))).bytes).toHaveLength(0);
  });

  test("says which file is missing, unreadable, broken or no text", async () => {
    const missing = Object.assign(new Error("x"), { code: "ENOENT" });
    await expect(loadConfig("/a", {}, reads(missing))).rejects.toMatchObject({
      code: "CONFIG_MISSING",
      message: "the configuration file /a: there is no such file",
    });
    const broken = new TextEncoder().encode("[x");
    await expect(loadConfig("/a", {}, reads(broken))).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/^\/a: 1 problem in the configuration:\n {2}line 1, /),
    });
    await expect(loadConfig("/a", {}, reads(Uint8Array.of(0xff, 0xfe)))).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: "/a is not UTF-8 text",
    });
  });
});
