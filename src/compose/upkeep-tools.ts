/** What looks after a node, over this machine's drivers. @module */
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../drivers/clock.ts";
import { longFiles } from "../drivers/long-file.ts";
import { thisMachine } from "../drivers/machine.ts";
import { systemRandom } from "../drivers/random.ts";
import type { HardwareWish, UpkeepSettings, UpkeepTools } from "../kernel/upkeep.ts";
import { backupTools } from "../upkeep/backup.ts";
import { makeBundle } from "../upkeep/bundle.ts";
import { applyTime } from "../upkeep/time-apply.ts";
import { retire } from "../upkeep/retire.ts";
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
    retire: (wish) => retire(machine, wish),
    bundle: (wish) => makeBundle(machine, wish, systemClock().nowMs() / 1000),
    applyTime: async (report) => {
      const clock = systemClock();
      const days = (await loaded(options).catch(() => undefined))?.time.max_ahead_days ?? 3_650;
      const machineS = clock.nowMs() / 1000;
      return applyTime(machine, { report, statePath: options.statePath(), machineS, maxAheadS: days * 86_400 });
    },
    backup: backupTools({ machine, files: longFiles(), random: systemRandom() }),
  };
}

async function loaded({ env }: UpkeepOptions): Promise<Config> {
  const machine = thisMachine();
  const { config } = await loadConfig(env["CAYE_CONFIG"] || undefined, env, async (path) => {
    const bytes = await machine.read(path);
    if (bytes === undefined) throw Object.assign(new Error(`there is no ${path}`), { code: "ENOENT" });
    return bytes;
  });
  return config;
}

async function settings(options: UpkeepOptions): Promise<UpkeepSettings> {
  const config = await loaded(options);
  const { directory, key_file: keyFile, keep } = config.backup;
  return {
    node: config.node.name,
    groupKeyFile: config.village.group_key_file,
    backup: { directory, keyFile, keep },
    hardware: { tpm: chipWish(config), statePath: options.statePath(), modem: config.radio.modem.uri },
  };
}

function chipWish({ trust }: Config): HardwareWish["tpm"] {
  const { kind } = trust.tpm;
  if (kind === "device") return "chip";
  return kind === "auto" || kind === "none" ? kind : "software";
}
