/**
 * LevelDB's repair of a directory whose bookkeeping is damaged.
 * @module
 */
import { Level } from "level";
import { AgentError } from "../../kernel/errors.ts";

/** Rebuilds what can be rebuilt, under the directory's lock. `level` hands out a class whose types leave this out. */
export async function repair(directory: string): Promise<void> {
  const engine: unknown = Level;
  if (typeof engine !== "function" || !("repair" in engine) || typeof engine.repair !== "function") {
    throw new AgentError("STORE_IO", "this version of LevelDB has no repair");
  }
  await engine.repair(directory);
}
