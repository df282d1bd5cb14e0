/** What somebody tries who can write where a package lies, or who asks without being allowed to look. */
import { expect, test } from "vitest";
import { utf8 } from "../../src/kernel/bytes.ts";
import { readState } from "../../src/release/state.ts";
import { updateTools } from "../../src/release/tools.ts";
import { FakeClock } from "../fakes/clock.ts";
import { seeded } from "../fakes/seeded.ts";
import { type FakeNode, fakeNode } from "./fake-node.ts";

const OPTIONS = { waitS: 60, now: false };

function toolsOf({ machine }: FakeNode) {
  const { signal } = new AbortController();
  return updateTools({ machine, clock: new FakeClock(), random: seeded(3).random, signal });
}

test("a file that is another one while dpkg-deb looks at it does not say what the signed one writes", async () => {
  const node = fakeNode();
  const file = node.bring("1.1.0", { format: 2 });
  const { answer } = node.machine;
  node.machine.answer = (command, args, limits) => {
    const said = answer(command, args, limits);
    const isSwapped = command === "dpkg-deb" && args[0] === "--field" && args[1] === file;
    return isSwapped
      ? { ...said, stdout: said?.stdout?.replace("Caye-State-Format: 2", "Caye-State-Format: 1") ?? "" }
      : said;
  };
  await expect(toolsOf(node).apply(file, OPTIONS, () => undefined)).rejects.toMatchObject({ code: "UPDATE_ONE_WAY" });
  expect(await readState(node.machine)).toBeUndefined();
});

test("who may not look for release keys is not told that there are none", async () => {
  const node = fakeNode();
  const file = node.bring("1.1.0", { signer: undefined });
  node.machine.files.set(`${file}.manifest`, utf8("forged"));
  node.machine.list = async () => [];
  node.machine.status = async () => {
    throw Object.assign(new Error("permission denied"), { code: "EACCES" });
  };
  await expect(toolsOf(node).check(file)).rejects.toMatchObject({ code: "NOT_ROOT" });
});

test.each(["1.0.0-1", "1:1.0.0"])("from %s, which the state can't name, no update begins", async (version) => {
  const node = fakeNode();
  node.installed = version;
  const file = node.bring("9.0.0");
  await expect(toolsOf(node).apply(file, OPTIONS, () => undefined)).rejects.toMatchObject({
    code: "UPDATE_NO_WAY_BACK",
  });
  expect(node.machine.files.has("/var/lib/caye-update/state")).toBe(false);
});
