/** A real agent gets a new store key and is killed in the midst of it; then its TPM is lost, and the words open the copy. */
import { randomBytes } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { KeysReport } from "../../src/kernel/keys.ts";
import { secretOf } from "../../src/cli/recovery-words.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { decodeSealed } from "../../src/trust/key-files.ts";
import { openBox } from "../../src/trust/recovery.ts";
import { isInstalled } from "../fakes/chips.ts";
import { ScriptedRadio } from "../fakes/scripted-radio.ts";
import { caye, eventually, startAgent, type AgentProcess } from "./agent-process.ts";

test(
  "a new store key through SIGKILL, and the store on another machine by its words",
  { timeout: 180_000 },
  async (context) => {
    if (!isInstalled("swtpm")) context.skip("swtpm is not installed");
    const directory = await mkdtemp(join(tmpdir(), "caye-keys-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const [state, copy] = [join(directory, "state"), join(directory, "copy")];
    await using radio = await ScriptedRadio.open();
    const start = (at: string): Promise<AgentProcess> =>
      startAgent({
        env: { CAYE_RADIO_MODEM: radio.uri, CAYE_LOG_LEVEL: "debug" },
        state: at,
        command: [process.execPath, "src/main.ts", "run"],
      });
    const file = join(directory, "tide.bin");
    await writeFile(file, randomBytes(2_000_000));
    let said = "";

    let words: string;
    let former = "";
    {
      await using agent = await start(state);
      await agent.printed("caye is up");
      expect(await caye(state, "put", file)).toMatchObject({ code: 0 });
      const refused = await caye(state, "recovery", "create");
      expect(refused.code).toBe(2);
      const created = await caye(state, "recovery", "create", "--show", "--json");
      const report: { readonly words: readonly string[] } = JSON.parse(created.stdout);
      words = report.words.join(" ");
      expect((await caye(state, "rotate", "store-key")).code).toBe(0);
      const { stdout } = await caye(state, "rotate", "author-key", "--json");
      ({ id: former } = JSON.parse(stdout));
      await agent.stop("SIGKILL");
      said += agent.output();
    }
    const wordsFile = join(directory, "words");
    await writeFile(wordsFile, words);
    {
      await using agent = await start(state);
      await agent.printed("caye is up");
      await eventually(async () => {
        const { stdout } = await caye(state, "keys", "--json");
        const { store_key: key, recovery }: KeysReport = JSON.parse(stdout);
        said += stdout;
        return key.state === "settled" && recovery.state === "made" ? true : undefined;
      });
      const { author_key: author }: KeysReport = JSON.parse((await caye(state, "keys", "--json")).stdout);
      expect(author).toEqual({ id: expect.stringMatching(/^[0-9a-f]{16}$/), replaced_at_next_start: false });
      expect([former.length, author.id === former]).toEqual([16, false]);
      const { stdout: log } = await caye(state, "log");
      expect(log).toMatch(new RegExp(`\\(${former}\\) goes on as .*\\(${author.id}\\)$`, "m"));
      expect(await caye(state, "recovery", "check", "--words-file", wordsFile)).toMatchObject({ code: 0 });
      const running = await caye(state, "recovery", "open", "--state", state, "--words-file", wordsFile);
      expect([running.code, running.stderr]).toEqual([1, expect.stringMatching(/^caye: process \d+ is using/m)]);
      expect(await agent.stop()).toBe(0);
      said += agent.output();
    }

    // The machine is lost; what is left is a copy of its state directory, without the TPM.
    await cp(state, copy, { recursive: true });
    await rm(join(copy, "swtpm"), { recursive: true });
    const box = openBox(await readFile(join(copy, "recovery.bin")), secretOf(words));
    expect(box.next).toBeUndefined();
    const opened = await caye(copy, "recovery", "open", "--state", copy, "--words-file", wordsFile);
    expect(opened).toMatchObject({ code: 0, stdout: expect.stringContaining("sealed.bin.lost") });
    {
      await using agent = await start(copy);
      await agent.printed("caye is up");
      expect(agent.output()).toContain("unsealed-recovered");
      const out = join(directory, "back.bin");
      expect((await caye(copy, "get", "tide.bin", "-o", out)).code).toBe(0);
      expect(await readFile(out)).toEqual(await readFile(file));
      expect(await agent.stop()).toBe(0);
      said += agent.output();
    }
    const sealed = decodeSealed(await readFile(join(copy, "sealed.bin")));
    expect(sealed.ok && sealed.value.nextKeyId).toBeUndefined();
    await expect(readFile(join(copy, "store.key"))).rejects.toMatchObject({ code: "ENOENT" });
    for (const secret of [toHex(box.key), toHex(secretOf(words)), words.slice(0, 40)])
      expect(said).not.toContain(secret);
  },
);
