/** What looks after a node, over this machine's drivers. @module */
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { longFiles } from "../drivers/long-file.ts";
import { thisMachine } from "../drivers/machine.ts";
import { systemRandom } from "../drivers/random.ts";
import type { HardwareWish, UpkeepSettings, UpkeepTools } from "../kernel/upkeep.ts";
import { backupTools } from "../upkeep/backup.ts";
import { hardwareChecks } from "../upkeep/hardware.ts";

export interface UpkeepOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @throws AgentError "STATE_UNSET" */
  readonly statePath: () => string;
}

export function upkeepTools(options: UpkeepOptions): UpkeepTools {
  const machine = thisMachine();
  return {
    settings: () => settings(options),
    hardware: async () => {
      const known = await settings(options).catch(() => undefined);
      return hardwareChecks(machine, known?.hardware ?? { tpm: "auto", statePath: "/", modem: "auto" });
    },
    backup: backupTools({ machine, files: longFiles(), random: systemRandom() }),
  };
}

async function settings({ env, statePath }: UpkeepOptions): Promise<UpkeepSettings> {
  const machine = thisMachine();
  const { config } = await loadConfig(env["CAYE_CONFIG"] || undefined, env, async (path) => {
    const bytes = await machine.read(path);
    if (bytes === undefined) throw Object.assign(new Error(`there is no ${path}`), { code: "ENOENT" });
    return bytes;
  });
  const { directory, key_file: keyFile, keep } = config.backup;
  return {
    backup: { directory, keyFile, keep },
    hardware: { tpm: chipWish(config), statePath: statePath(), modem: config.radio.modem.uri },
  };
}

function chipWish({ trust }: Config): HardwareWish["tpm"] {
  const { kind } = trust.tpm;
  if (kind === "device") return "chip";
  return kind === "auto" || kind === "none" ? kind : "software";
}
