/** The playbooks and roles, read by Ansible's own tools, and what they refuse. */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, type TestContext } from "vitest";
import { z } from "zod";
import { collision } from "../../src/provision/card-firmware.ts";
import { orderOf } from "../../src/provision/order.ts";
import { ROOT } from "../e2e/agent-process.ts";

const ANSIBLE = join(ROOT, "ansible");
const PLAYBOOKS = readdirSync(ANSIBLE).filter((name) => name.endsWith(".yml"));
const ROLES = readdirSync(join(ANSIBLE, "roles"));
const INVENTORIES = ["inventory/example/hosts.yml", "inventory/local.yml"];
const LINT = ["--profile", "production", "--offline", "--nocolor"];
/** Python starts slowly on a busy machine. */
const SLOW_MS = 240_000;

interface Said {
  readonly status: number | null;
  readonly text: string;
}

function ran(context: TestContext, command: string, args: readonly string[], folder = ANSIBLE): Said {
  const settings = { LC_ALL: "C.UTF-8", ANSIBLE_NOCOLOR: "1", ANSIBLE_CONFIG: join(folder, "ansible.cfg") };
  const result = spawnSync(command, args, { cwd: folder, encoding: "utf8", env: { ...process.env, ...settings } });
  if (result.error !== undefined) context.skip(`${command} is not installed`);
  return { status: result.status, text: `${result.stdout}${result.stderr}` };
}

/** A file of the folder, as Ansible's own reader of YAML has it. */
function yaml<T>(context: TestContext, file: string, schema: z.ZodType<T>): T {
  const script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding='utf-8'))))";
  const { status, text } = ran(context, "python3", ["-c", script, join(ANSIBLE, file)]);
  if (text.includes("No module named 'yaml'")) context.skip("python3-yaml is not installed");
  expect(status, text).toBe(0);
  return schema.parse(JSON.parse(text));
}

/** The project's own folder stays as it is, whatever a linter writes beside what it reads. */
async function withCopy(use: (folder: string) => Promise<void> | void): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "caye-ansible-"));
  try {
    cpSync(ANSIBLE, join(home, "ansible"), { recursive: true });
    await use(join(home, "ansible"));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

describe("Ansible's own tools", { timeout: SLOW_MS }, () => {
  test("ansible-lint finds nothing by its strictest profile", async (context) => {
    await withCopy((folder) => {
      const { status, text } = ran(context, "ansible-lint", LINT, folder);
      expect(status, text).toBe(0);
    });
  });

  test("and would find a task that says nothing of what it changes", async (context) => {
    await withCopy(async (folder) => {
      await writeFile(join(folder, "planted.yml"), "---\n- hosts: nodes\n  tasks:\n    - shell: echo planted\n");
      const { status, text } = ran(context, "ansible-lint", [...LINT, "planted.yml"], folder);
      expect(status, text).not.toBe(0);
      expect(text).toContain("no-changed-when");
    });
  });

  test("yamllint finds nothing", (context) => {
    const { status, text } = ran(context, "yamllint", ["--strict", "."]);
    expect(status, text).toBe(0);
  });

  test.for(PLAYBOOKS)("%s can be read, with each inventory", (playbook, context) => {
    for (const inventory of INVENTORIES) {
      const { status, text } = ran(context, "ansible-playbook", ["--syntax-check", "-i", inventory, playbook]);
      expect(status, text).toBe(0);
    }
  });

  test("only modules that come with Ansible itself are used: a node has no collections", (context) => {
    const { text } = ran(context, "grep", ["-rhoE", String.raw`^ +(- )?[a-z_]+\.[a-z_]+\.[a-z_]+:`, "roles", "tasks"]);
    const used = new Set(text.split("\n").map((line) => line.trim().replace(/^- /, "")));
    expect([...used].filter((name) => name !== "" && !name.startsWith("ansible.builtin."))).toEqual([]);
    expect(used.size).toBeGreaterThan(10);
  });
});

describe("roles", () => {
  const Specs = z.object({
    argument_specs: z.object({
      main: z.object({
        options: z.record(z.string(), z.object({ description: z.unknown(), type: z.string(), default: z.unknown() })),
      }),
    }),
  });

  test.for(ROLES)("%s: every default is explained, and the explanation tells the same default", (role, context) => {
    const defaults = yaml(context, `roles/${role}/defaults/main.yml`, z.record(z.string(), z.unknown()));
    const { options } = yaml(context, `roles/${role}/meta/argument_specs.yml`, Specs).argument_specs.main;
    const told = Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]));
    expect(told).toEqual(defaults);
  });

  test("the hats that need the TPM hat's chip select are those that a card refuses beside a TPM hat", (context) => {
    const Hats = z.object({ radio_hats: z.record(z.string(), z.object({ chip_select: z.int() })) });
    const { radio_hats: hats } = yaml(context, "roles/radio/vars/main.yml", Hats);
    const needing = Object.keys(hats).filter((name) => hats[name]?.chip_select === 7);
    const refused = Object.keys(hats).filter((hat) => collision(orderWithHat(hat), "") !== undefined);
    expect(needing).toEqual(refused);
    expect(needing.length).toBeGreaterThan(0);
  });
});

function orderWithHat(hat: string) {
  return orderOf({
    node: { name: "clinic", timezone: "UTC", language: "en" },
    radio: { kind: "spi", modem: "tcp://127.0.0.1:4403", region: "US", preset: "LongFast", channel: 0, hat },
    trust: { tpm: "chip" },
    entropy: { source: "kernel" },
  });
}

/** Each is refused before anything is changed; that no machine is, check mode sees to. */
describe("refused with the reason", { timeout: SLOW_MS }, () => {
  const refusals: readonly (readonly [what: string, role: string, variables: object, reason: string])[] = [
    ["a watchdog that a Pi can't hold", "base", { base_watchdog_seconds: 20 }, "resets the machine for ever"],
    ["a hat that nobody knows", "radio", { radio_kind: "spi", radio_hat: "lora-mine.yaml" }, "none of the known hats"],
    ["a hat that would have to be guessed", "radio", { radio_kind: "spi", radio_hat: "auto" }, "no EEPROM"],
    [
      "two hats on one chip select",
      "radio",
      { radio_kind: "spi", radio_hat: "lora-Adafruit-RFM9x.yaml", radio_with_tpm_hat: true },
      "both would answer at once",
    ],
    ["a radio that is not a kind of radio", "radio", { radio_kind: "wifi" }, "value of radio_kind must be one of"],
    ["a serial number that is a rule of udev", "radio", { radio_usb_serial: '1", RUN+="/bin/sh' }, "letters, digits"],
    ["a hotspot without a country", "hotspot", { hotspot_enabled: true, hotspot_ssid: "caye" }, "hotspot_country"],
    ["a node without a name", "caye", { caye_package_on_node: "/nowhere.deb" }, "names no node.name"],
    ["a node without a package", "caye", {}, "no package to install"],
  ];

  test.for(refusals)("%s", async ([, role, variables, reason], context) => {
    await withCopy(async (folder) => {
      const play = [
        {
          name: "Try",
          hosts: "localhost",
          connection: "local",
          roles: [{ role }],
          vars: variables,
        },
      ];
      await writeFile(join(folder, "try.yml"), JSON.stringify(play));
      const { status, text } = ran(context, "ansible-playbook", ["--check", "-i", "localhost,", "try.yml"], folder);
      expect(status, text).toBe(2);
      expect(text.replaceAll(/\s+/g, " ")).toContain(reason);
    });
  });

  test("a retirement that was not typed", (context) => {
    const values = ["--extra-vars", "retire_node=cayo-school", "--extra-vars", "retire_confirm=yes"];
    const { status, text } = ran(context, "ansible-playbook", ["--check", "retire.yml", ...values]);
    expect(status, text).toBe(2);
    expect(text).toContain('"retire cayo-school"');
  });

  test("an update without a package", (context) => {
    const { status, text } = ran(context, "ansible-playbook", ["--check", "-i", INVENTORIES[1] ?? "", "update.yml"]);
    expect(status, text).toBe(2);
    expect(text).toContain("update_package=FILE.deb");
  });
});
