/** The policy on the disk. */
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPolicyFile } from "../../src/drivers/policy-file.ts";

test("is read whole; one that is away, a directory or too large is refused with what to do", async () => {
  const directory = await mkdtemp(join(tmpdir(), "caye-policy-"));
  try {
    const path = join(directory, "village.policy");
    await expect(readPolicyFile(path)).rejects.toMatchObject({
      code: "POLICY_UNREADABLE",
      fix: expect.stringContaining("trust.policy_file"),
    });
    await expect(readPolicyFile(directory)).rejects.toMatchObject({ code: "POLICY_UNREADABLE" });
    await writeFile(path, "caye-policy 1\n");
    expect(Buffer.from(await readPolicyFile(path)).toString()).toBe("caye-policy 1\n");
    await truncate(path, 300_000);
    await expect(readPolicyFile(path)).rejects.toMatchObject({ code: "POLICY_UNREADABLE" });
  } finally {
    await rm(directory, { recursive: true });
  }
});
