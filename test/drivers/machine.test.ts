import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { thisMachine } from "../../src/drivers/machine.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { describeMachine } from "../contract/machine.ts";
import { fakeMachine } from "../fakes/machine.ts";

const machine = thisMachine();

describe("a machine in memory", () => describeMachine(async () => ({ machine: fakeMachine(), at: "/srv" })));

describe("this machine", () => {
  describeMachine(async () => ({ machine, at: await mkdtemp(join(tmpdir(), "caye-machine-")) }));

  test("runs a command without a shell, with input and environment", async () => {
    const ran = await machine.run("sh", ["-c", 'cat; echo "$WORD" "$1" >&2; exit 3', "sh", "$(id)"], {
      input: utf8("in"),
      env: { WORD: "caye" },
    });
    expect(ran).toEqual({ status: 3, stdout: "in", stderr: "caye $(id)\n", missing: false });
  });

  test("tells a command that is not installed, and ends one that takes too long", async () => {
    expect(await machine.run("caye-no-such-command", [])).toMatchObject({ status: undefined, missing: true });
    expect(await machine.run("sleep", ["60"], { timeoutMs: 20 })).toMatchObject({ status: undefined, missing: false });
  });

  test("reads files of /proc, which say that they are empty, and devices without end", async () => {
    expect((await machine.read("/proc/self/status"))?.length).toBeGreaterThan(100);
    expect(await machine.read("/dev/zero", 100_000)).toHaveLength(100_000);
    expect(await machine.status("/dev/zero")).toMatchObject({ kind: "special", bytes: 0 });
  });
});
