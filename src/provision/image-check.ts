/**
 * Looks at a tree that an image is made of, or at one that runs: whether a node can live in it. The traps of a read-only root
 * with two systems: what belongs to a slot is gone after an update, and what is baked in at a shared place wins over the node's
 * own at every start.
 *
 * Source: raspberrypi/rpi-image-gen, `image/gpt/ab_userdata/image.adoc`, "Slot-shared application data".
 * @module
 */
import { fromUtf8 } from "../kernel/bytes.ts";
import type { CardCheck, ImageCheck } from "../kernel/provision.ts";
import type { Machine } from "../ports/machine.ts";

const SHARED_FOLDER = "etc/rpi-image-gen/slot-shared.d";
/** What a node must keep when its system is exchanged. */
const MUST_SHARE = ["/etc/caye", "/var/lib/caye", "/var/lib/caye-provision", "/var/lib/caye-update"];

export async function checkImage(machine: Machine, directory: string): Promise<ImageCheck> {
  const checks = [
    await shared(machine, directory),
    await baked(machine, directory),
    await installed(machine, directory),
  ];
  return { directory, checks: [...checks, await firstBoot(machine, directory), await login(machine, directory)] };
}

async function text(machine: Machine, path: string): Promise<string> {
  return fromUtf8((await machine.read(path)) ?? new Uint8Array()) ?? "";
}

async function shared(machine: Machine, directory: string): Promise<CardCheck> {
  const name = "data across slots";
  const paths = new Set<string>();
  for (const file of await machine.list(`${directory}/${SHARED_FOLDER}`)) {
    if (!file.endsWith(".conf")) continue;
    const lines = (await text(machine, `${directory}/${SHARED_FOLDER}/${file}`)).split("\n");
    // Of another version the generator takes nothing.
    if (!lines.includes("Version=1")) continue;
    for (const line of lines)
      if (line.startsWith("Path=")) paths.add(`/${line.slice("Path=".length).replace(/^\//, "")}`);
  }
  const missing = MUST_SHARE.filter((path) => !paths.has(path));
  if (missing.length === 0) return { name, state: "OK", detail: `shared: ${[...paths].join(", ")}`, fix: "" };
  return {
    name,
    state: "FAIL",
    detail: `an update of the system loses ${missing.join(", ")}`,
    fix: `Path=… of each, below Version=1, in /${SHARED_FOLDER}/caye.conf`,
  };
}

async function baked(machine: Machine, directory: string): Promise<CardCheck> {
  const name = "nothing baked in";
  const found: string[] = [];
  for (const path of MUST_SHARE) {
    for (const file of await machine.list(`${directory}${path}`)) {
      // The keys of releases may come with the image: they are the same for all its nodes.
      if (file !== "release-keys") found.push(`${path}/${file}`);
    }
  }
  if (found.length === 0) return { name, state: "OK", detail: "shared directories are empty in the image", fix: "" };
  return {
    name,
    state: "FAIL",
    detail: `each start would put these over the node's own: ${found.join(", ")}`,
    fix: "remove them when the image is built, after the package was installed",
  };
}

async function installed(machine: Machine, directory: string): Promise<CardCheck> {
  const name = "package";
  const status = await text(machine, `${directory}/var/lib/dpkg/info/caye.list`);
  const there = (await machine.status(`${directory}/usr/bin/caye`)) !== undefined;
  if (there && status !== "") return { name, state: "OK", detail: "Caye is installed", fix: "" };
  return { name, state: "FAIL", detail: "Caye is not installed in this image", fix: "name the .deb when it is built" };
}

async function firstBoot(machine: Machine, directory: string): Promise<CardCheck> {
  const name = "first boot";
  const unit = "usr/lib/systemd/system/caye-first-boot-resume.service";
  const says = await text(machine, `${directory}/${unit}`);
  // A link to a path of the image's own root: there it leads nowhere, so it is looked for by its name.
  const wanted = await machine.list(`${directory}/etc/systemd/system/multi-user.target.wants`);
  if (says.includes("/bootfs") && wanted.includes("caye-first-boot-resume.service")) {
    return { name, state: "OK", detail: "a card's orders are looked for at each start until they are done", fix: "" };
  }
  return { name, state: "FAIL", detail: `/${unit} is missing, or nothing wants it`, fix: "take the layer caye-node" };
}

async function login(machine: Machine, directory: string): Promise<CardCheck> {
  const name = "passwords";
  const shadow = await text(machine, `${directory}/etc/shadow`);
  const open = shadow.split("\n").flatMap((line) => {
    const [user = "", hash = "*"] = line.split(":");
    return user === "" || /^[!*]/.test(hash) ? [] : [user];
  });
  if (open.length === 0) return { name, state: "OK", detail: "nobody has one", fix: "" };
  return {
    name,
    state: "FAIL",
    detail: `every node of this image has the same password for ${open.join(", ")}`,
    fix: "lock it: log in with an SSH key",
  };
}
