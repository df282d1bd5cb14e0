/** What looks after a node, over a machine in memory: for tests of the commands. @module */
import type { UpkeepTools } from "../../src/kernel/upkeep.ts";
import { backupTools } from "../../src/upkeep/backup.ts";
import { makeBundle } from "../../src/upkeep/bundle.ts";
import { applyTime } from "../../src/upkeep/time-apply.ts";
import { retire } from "../../src/upkeep/retire.ts";
import { fakeLongFiles } from "./long-file.ts";
import { type FakeMachine, fakeMachine } from "./machine.ts";
import { seeded } from "./seeded.ts";

export function fakeUpkeep(machine: FakeMachine = fakeMachine()): UpkeepTools {
  return {
    settings: async () => ({
      node: "clinic-roof",
      groupKeyFile: "/etc/caye/group.key",
      backup: { directory: "", keyFile: "", keep: 7 },
      hardware: { tpm: "auto", statePath: "/var/lib/caye", modem: "auto" },
    }),
    hardware: async () => [],
    retire: (wish) => retire(machine, wish),
    bundle: (wish) => makeBundle(machine, wish, 1_800_000_000),
    applyTime: (report) =>
      applyTime(machine, { report, statePath: "/var/lib/caye", machineS: 1_800_000_000, maxAheadS: 86_400 }),
    backup: backupTools({ machine, files: fakeLongFiles(machine.files), random: seeded(10).random }),
  };
}
