/** Directories for one test each, removed after it. @module */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "caye-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
