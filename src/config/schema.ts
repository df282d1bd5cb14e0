/**
 * The one configuration schema: each field with its sentence, unit, default and an example.
 *
 * Keys are written in the file as they stand here. `parse.ts` reads a file against it, `describe.ts` documents it.
 * @module
 */
import { z } from "zod";
import { backup } from "./backup-table.ts";
import { board } from "./board-table.ts";
import { field } from "./field.ts";
import { alerts, files } from "./files-table.ts";
import { phones } from "./phones-table.ts";
import { radio } from "./radio-table.ts";
import { entropy } from "./entropy-table.ts";
import { time } from "./time-table.ts";
import { telemetry } from "./telemetry-table.ts";
import { trust } from "./trust-table.ts";
import { village } from "./village-table.ts";

const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45})$/;
const CONTROL = /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u;

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
      "How the log is written: `text` for people, `json` for machines; `auto` writes JSON for the journal when systemd reads it, each line with its level, and text else.",
    expects: "auto, text or json",
    example: '"json"',
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
  entropy: { table: entropy, sentence: "Where randomness comes from, and how closely it is watched." },
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
  time: { table: time, sentence: "The time, where there is no internet." },
  backup: { table: backup, sentence: "Backups that a node makes by itself." },
  board: { table: board, sentence: "What is wired to the node's GPIO lines; docs/board.md shows how." },
  log: { table: log, sentence: "What the agent writes to standard output." },
  telemetry: { table: telemetry, sentence: "Traces, for whoever looks into how the agent spends its time." },
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
  time: TABLES.time.table.prefault({}),
  backup: TABLES.backup.table.prefault({}),
  board: TABLES.board.table.prefault({}),
  log: TABLES.log.table.prefault({}),
  telemetry: TABLES.telemetry.table.prefault({}),
  village: TABLES.village.table.prefault({}),
});

/** A whole configuration, checked: every field is there, device URIs are taken apart. */
export type Config = z.output<typeof schema>;

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
