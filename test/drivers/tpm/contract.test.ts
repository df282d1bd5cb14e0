import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll } from "vitest";
import { systemClock } from "../../../src/drivers/clock.ts";
import { systemRandom } from "../../../src/drivers/random.ts";
import { openTpm } from "../../../src/drivers/tpm/open.ts";
import type { Tpm } from "../../../src/ports/tpm.ts";
import { describeTpm } from "../../contract/tpm.ts";
import { isInstalled, openSwtpm, temporaryDirectory } from "../../fakes/chips.ts";
import { silentLog } from "../../fakes/log.ts";
import { missingFor, startSwtpmServer } from "../../fakes/swtpm-server.ts";
import { FakeChip } from "../../fakes/tpm.ts";

const cleanups: (() => void | Promise<void>)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

function directory(): string {
  const made = temporaryDirectory();
  cleanups.push(made.remove);
  return made.path;
}

describeTpm("the fake TPM", async () => new FakeChip().powerOn());

describeTpm("swtpm over its socket pair", async () =>
  isInstalled("swtpm") ? openSwtpm(join(directory(), "swtpm")) : "swtpm is not installed",
);

for (const kind of ["tcp", "unix"] as const) {
  describeTpm(`swtpm of somebody else's over ${kind}`, async () => {
    const missing = missingFor("swtpm");
    if (missing !== undefined) return missing;
    const server = await startSwtpmServer(kind);
    cleanups.push(async () => server[Symbol.asyncDispose]());
    const options = { stateDir: "", clock: systemClock(), random: systemRandom(), log: silentLog };
    return openTpm(server.uri, options);
  });
}

// No kernel TPM is needed: a pseudo terminal in raw mode is a device file that behaves alike, one write a command.
describeTpm("a TPM behind a device file", async (): Promise<Tpm | string> => {
  if (!isInstalled("swtpm")) return "swtpm is not installed";
  if (!isInstalled("socat")) return "socat is not installed";
  const path = directory();
  const tty = join(path, "tpm");
  const script = join(path, "run.sh");
  // A script, since a comma in an address means something to socat.
  writeFileSync(
    script,
    `exec swtpm socket --tpm2 --tpmstate dir='${path}' --fd 3 3<&0 --flags not-need-init,startup-clear --terminate\n`,
  );
  const socat = spawn("socat", [`PTY,link=${tty},raw,echo=0`, `EXEC:sh ${script}`], { stdio: "ignore" });
  cleanups.push(async () => {
    if (socat.exitCode !== null || socat.signalCode !== null) return;
    const closed = once(socat, "close");
    socat.kill();
    await closed;
  });
  for (let i = 0; i < 200 && !existsSync(tty); i++) await sleep(10);
  const options = { stateDir: path, clock: systemClock(), random: systemRandom(), log: silentLog };
  return openTpm(`tpm:${tty}`, options);
});
