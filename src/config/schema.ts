/**
 * The one configuration schema: each field with its sentence, unit, default and an example.
 *
 * Keys are written in the file as they stand here. `parse.ts` reads a file against it, `describe.ts` documents it.
 * @module
 */
import { z } from "zod";
import type { Decoded } from "../kernel/decoded.ts";
import { field } from "./field.ts";
import { phones } from "./phones-table.ts";
import { village } from "./village-table.ts";
import { parseEntropy, parseModem, parseTpm } from "./devices.ts";

/** Meshtastic's names of modem presets. */
export const PRESET_NAMES = [
  "ShortTurbo",
  "ShortFast",
  "ShortSlow",
  "MediumFast",
  "MediumSlow",
  "LongTurbo",
  "LongFast",
  "LongModerate",
  "LongSlow",
  "VeryLongSlow",
  "LiteFast",
  "LiteSlow",
  "NarrowFast",
  "NarrowSlow",
  "MediumTurbo",
  "TinyFast",
  "TinySlow",
] as const;

/** Meshtastic's names of regions. */
export const REGION_NAMES = [
  ..."US EU_433 EU_868 EU_866 EU_N_868 CN JP ANZ ANZ_433 KR TW RU IN NZ_865 TH LORA_24 UA_433 UA_868 MY_433 MY_919".split(
    " ",
  ),
  ..."SG_923 PH_433 PH_868 PH_915 KZ_433 KZ_863 NP_865 BR_902".split(" "),
  ..."ITU1_2M ITU2_2M ITU3_2M ITU2_125CM ITU1_70CM ITU2_70CM ITU3_70CM".split(" "),
] as const;

const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45})$/;
const CONTROL = /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u;

function uri<T>(parse: (text: string) => Decoded<T>) {
  return z.string().transform((text, context): T => {
    const address = parse(text);
    if (address.ok) return address.value;
    context.issues.push({ code: "custom", input: text, message: address.reason });
    return z.NEVER;
  });
}

const node = z.strictObject({
  name: field(
    z
      .string()
      .refine((name) => byteLength(name) >= 1 && byteLength(name) <= 24 && !CONTROL.test(name) && name.trim() === name)
      .default("caye"),
    {
      description: "The node's short name, as neighbours see it behind each of its files.",
      expects: "a text of 1 to 24 bytes (UTF-8), without control characters and without a space at either end",
      example: '"clinic-roof"',
      unit: "1–24 bytes",
    },
  ),
});

const radio = z.strictObject({
  modem: field(uri(parseModem).prefault("auto"), {
    description:
      "Where the Meshtastic radio is; `auto` takes a radio on a known USB id, and when there is none starts the simulated village.",
    expects: "auto, serial:///dev/…?baud=115200, tcp://host:port or sim:",
    example: '"serial:///dev/ttyACM0"',
    unit: "device URI",
  }),
  preset: field(z.enum(["auto", ...PRESET_NAMES]).default("auto"), {
    description:
      "The modem preset that time on air is computed by; `auto` asks the radio, and takes LongFast until it says.",
    expects: `auto, or Meshtastic's name of a preset (${PRESET_NAMES.join(", ")})`,
    example: '"LongFast"',
  }),
  region: field(z.enum(["auto", ...REGION_NAMES]).default("auto"), {
    description:
      "The region whose law limits time on air; `auto` asks the radio, and takes 10 % of the hour until it says.",
    expects: `auto, or Meshtastic's name of a region (${REGION_NAMES.join(", ")})`,
    example: '"US"',
  }),
  hop_limit: field(z.int().min(0).max(7).default(3), {
    description: "How many relays may pass our packets on.",
    expects: "a whole number from 0 to 7",
    example: "3",
    unit: "relays, 0–7",
  }),
  duty_share: field(z.number().gt(0).max(1).default(0.5), {
    description:
      "The part of the law's time on air that Caye may use; the rest stays free for relaying, and for the people who chat over the same radio. What the radio itself reports to have sent for others is never used a second time.",
    expects: "a ratio above 0 and at most 1",
    example: "0.5",
    unit: "ratio, 0 < share ≤ 1",
  }),
  channel: field(z.int().min(0).max(7).default(0), {
    description: "The radio's channel that Caye speaks on; neighbours must share that channel's key.",
    expects: "a whole number from 0 to 7",
    example: "0",
    unit: "channel index, 0–7",
  }),
});

const trust = z
  .strictObject({
    mode: field(z.enum(["enforce", "warn"]).default("warn"), {
      description:
        "What a failed boot step does: `enforce` keeps data and radio shut (quarantine), `warn` runs and says so everywhere.",
      expects: "enforce or warn",
      example: '"warn"',
    }),
    tpm: field(uri(parseTpm).prefault("auto"), {
      description:
        "The TPM 2.0 that measures and seals; `auto` takes `/dev/tpmrm0`, and when it is not there a TPM in software.",
      expects: "auto, tpm:/dev/tpmrm0, swtpm: or none",
      example: '"tpm:/dev/tpmrm0"',
      unit: "device URI",
    }),
    pcr: field(z.int().min(8).max(15).default(14), {
      description: "The register that the agent's own files and configuration are measured into.",
      expects: "a whole number from 8 to 15 (the registers below belong to the firmware, those above can be reset)",
      example: "14",
      unit: "PCR index, 8–15",
    }),
    pcrs: field(
      z
        .array(z.int().min(0).max(23))
        .min(1)
        .max(24)
        .refine((list) => new Set(list).size === list.length)
        .transform((list) => list.toSorted((a, b) => a - b))
        .default([14]),
      {
        description:
          "The registers that the quote covers and that the store key is sealed to; `pcr` must be among them.",
        expects: "a list of 1 to 24 different whole numbers from 0 to 23",
        example: "[14]",
        unit: "PCR indices, 0–23",
      },
    ),
  })
  .check((context) => {
    const { pcr, pcrs } = context.value;
    if (pcrs.includes(pcr)) return;
    const message = `must name register ${pcr} (trust.pcr) too: else what is measured there protects nothing`;
    context.issues.push({ code: "custom", input: pcrs, path: ["pcrs"], message, params: { whole: true } });
  });

const entropy = z.strictObject({
  source: field(uri(parseEntropy).prefault("kernel"), {
    description:
      "The source of random samples that is tested at boot and mixed into the seed (mixed, never trusted alone).",
    expects: "kernel, hwrng:/dev/hwrng or tpm",
    example: '"hwrng:/dev/hwrng"',
    unit: "device URI",
  }),
  min_entropy_bits: field(z.number().gt(0).max(8).default(7), {
    description:
      "The min-entropy that is claimed for one 8-bit sample of the source; it sets the cutoffs of the health tests. The default of 7 is what NIST's estimators still grant an ideal source of a million samples (7.3): a claim of 8 is one that no measurement supports. Write a noise source's own assessed figure.",
    expects: "a number above 0 and at most 8",
    example: "7",
    unit: "bits in 8, 0 < H ≤ 8",
  }),
});

function port(initial: number, what: string) {
  return field(z.int().min(0).max(65_535).default(initial), {
    description: `The TCP port of ${what}; 0 takes any that is free and writes it to \`agent.json\` in the state directory.`,
    expects: "a whole number from 0 to 65535 (0: any that is free)",
    example: String(initial),
    unit: "TCP port, 0–65535",
  });
}

function host(what: string) {
  return field(z.string().regex(HOST).default("127.0.0.1"), {
    description: `The address that ${what} listens on. Anything but 127.0.0.1 or ::1 lets the network read it: put TLS in front.`,
    expects: "an IP address or a host name, without a port",
    example: '"127.0.0.1"',
    unit: "IP address or host name",
  });
}

const log = z.strictObject({
  level: field(z.enum(["debug", "info", "warn", "error"]).default("info"), {
    description: "The least grave sentence that is still written.",
    expects: "debug, info, warn or error",
    example: '"info"',
  }),
  format: field(z.enum(["auto", "text", "json"]).default("auto"), {
    description:
      "How the log is written: `text` for people, `json` for machines, `auto` decides by whether a terminal reads it.",
    expects: "auto, text or json",
    example: '"json"',
  }),
});

const alerts = z.strictObject({
  authorised: field(
    z
      .array(z.string().regex(/^(?:enrolled|[0-9a-fA-F]{16}|[0-9a-fA-F]{64})$/))
      .max(256)
      .transform((list) => list.map((key) => key.toLowerCase()))
      .default(["enrolled"]),
    {
      description:
        "Whose alerts count here besides this node's own: author ids (`caye status` shows a node's own) or, safer, whole public keys; `enrolled` stands for all whom the village's authority has enrolled; all others are strangers.",
      expects: "a list of at most 256 author ids (16 hex digits), Ed25519 public keys (64 hex digits) or enrolled",
      example: '["3f9a1c20b4d5e6f7"]',
      unit: "author ids or public keys, hex",
    },
  ),
  strangers: field(z.enum(["show-unverified", "drop"]).default("show-unverified"), {
    description:
      "What is done with alerts of strangers: `show-unverified` shows and passes on a few of them, marked as unverified; `drop` forgets them.",
    expects: "show-unverified or drop",
    example: '"drop"',
  }),
});

const files = z.strictObject({
  max_air_bytes: field(z.int().min(0).max(65_536).default(65_536), {
    description: "The largest file that is fetched by radio; a larger one waits for a link to the internet.",
    expects: "a whole number from 0 to 65536",
    example: "16384",
    unit: "bytes, 0–65536",
  }),
  large_bytes: field(z.int().min(0).max(65_536).default(4_096), {
    description: "A file above this is large: it is fetched in `hours` only, unless somebody says that it is urgent.",
    expects: "a whole number from 0 to 65536",
    example: "4096",
    unit: "bytes, 0–65536",
  }),
  hours: field(
    z
      .string()
      .regex(/^(?:[01]?\d|2[0-4])-(?:[01]?\d|2[0-4])$/)
      .transform((text) => {
        const [from = 0, until = 24] = text.split("-").map(Number);
        return { from, until };
      })
      .prefault("0-24"),
    {
      description:
        "The hours of the day, local time, in which large files are fetched: from which full hour until which, over midnight when the first is the greater.",
      expects: "two full hours from 0 to 24 with a hyphen between, such as 21-6",
      example: '"21-6"',
      unit: "hours, 0–24",
    },
  ),
  cache_bytes: field(z.int().min(0).max(1_073_741_824).default(8_388_608), {
    description:
      "Until this node holds so much, it keeps neighbours' files that it overheard whole while others fetched them; 0 keeps none.",
    expects: "a whole number from 0 to 1073741824",
    example: "8388608",
    unit: "bytes, 0–1 GiB",
  }),
  carry_bytes: field(z.int().min(0).max(1_073_741_824).default(0), {
    description:
      "Until this node holds so much, it fetches neighbours' files unasked while the channel is idle, the newest small ones first, to carry them to those who can't hear their authors; 0 fetches none.",
    expects: "a whole number from 0 to 1073741824",
    example: "1048576",
    unit: "bytes, 0–1 GiB",
  }),
});

/** The tables, in the order of the documentation, each with its sentence. */
export const TABLES = {
  node: { table: node, sentence: "Who this node is." },
  radio: { table: radio, sentence: "The radio, and how much of the air Caye may use." },
  files: { table: files, sentence: "Which of neighbours' files are fetched by radio, and when." },
  alerts: { table: alerts, sentence: "Whose alerts count." },
  phones: { table: phones, sentence: "People who ask by text, with any Meshtastic app." },
  trust: { table: trust, sentence: "What is measured and sealed at boot, and how strictly." },
  entropy: { table: entropy, sentence: "Where randomness comes from." },
  api: {
    table: z.strictObject({
      host: host("the API"),
      port: port(8420, "the HTTP API, which the `caye` commands speak to"),
    }),
    sentence: "The HTTP API.",
  },
  metrics: {
    table: z.strictObject({ host: host("the metrics page"), port: port(9427, "the Prometheus metrics") }),
    sentence: "Figures for Prometheus.",
  },
  log: { table: log, sentence: "What the agent writes to standard output." },
  village: {
    table: village,
    sentence:
      "The village: who belongs to it, and what it keeps to itself; `neighbours`, `loss` and `speed` are those of the simulated one, and only read when the modem is `sim:`.",
  },
} as const;

export const schema = z.strictObject({
  node: TABLES.node.table.prefault({}),
  radio: TABLES.radio.table.prefault({}),
  files: TABLES.files.table.prefault({}),
  alerts: TABLES.alerts.table.prefault({}),
  phones: TABLES.phones.table.prefault({}),
  trust: TABLES.trust.table.prefault({}),
  entropy: TABLES.entropy.table.prefault({}),
  api: TABLES.api.table.prefault({}),
  metrics: TABLES.metrics.table.prefault({}),
  log: TABLES.log.table.prefault({}),
  village: TABLES.village.table.prefault({}),
});

/** A whole configuration, checked: every field is there, device URIs are taken apart. */
export type Config = z.output<typeof schema>;

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
