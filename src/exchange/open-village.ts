/** Opens what the configuration says of the village: who belongs to it, and the key that it keeps its messages under. @module */
import { fromHex, type Bytes } from "../kernel/bytes.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Modem } from "../ports/modem.ts";
import type { Store } from "../ports/store.ts";
import { Membership, type Strangers } from "../dag/membership.ts";
import { authorityOf } from "../dag/statement.ts";
import { parseGroupKeys } from "./group-key-file.ts";
import { radioNumber, Sealing } from "./sealing.ts";

/** As it stands in the configuration's table `[village]`. */
export interface VillageWishes {
  /** 128 hex digits, or empty. */
  readonly authority: string;
  readonly strangers: Strangers;
  /** A path, or empty. */
  readonly group_key_file: string;
}

export interface VillagePorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly modem: Pick<Modem, "state">;
  /** @throws AgentError "SECRET_OPEN", "SECRET_UNREADABLE" */
  readonly readSecret: (path: string) => Promise<Bytes>;
}

/** Undefined where the configuration names no authority. @throws what the store throws */
export async function openMembership(
  { authority: hex, strangers }: VillageWishes,
  { store, clock }: Pick<VillagePorts, "store" | "clock">,
): Promise<Membership | undefined> {
  const authority = authorityOf(fromHex(hex) ?? new Uint8Array(0));
  return authority && Membership.open({ store, clock, authority, strangers });
}

/** Undefined where no group key is configured. @throws AgentError "GROUP_KEY_INVALID", and as `readSecret` */
export async function openSealing(
  { group_key_file: path }: VillageWishes,
  { store, clock, log, modem, readSecret }: VillagePorts,
): Promise<Sealing | undefined> {
  if (path === "") return undefined;
  const keys = parseGroupKeys(await readSecret(path));
  return Sealing.open({ store, clock, log, keys, number: () => radioNumber(modem.state()) });
}
