import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Admin, Mesh } from "@meshtastic/protobufs";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { scaledClock } from "../../../src/drivers/clock.ts";
import { frame } from "../../../src/drivers/meshtastic/framing.ts";
import { openLink } from "../../../src/drivers/meshtastic/link.ts";
import { meshtasticSetup } from "../../../src/drivers/meshtastic/setup.ts";
import { strangerIn } from "../../../src/drivers/meshtastic/setup-stranger.ts";
import { Introduction, orderIn, orderPacket, orders, settingsOf } from "../../../src/drivers/meshtastic/setup-words.ts";
import { fromHex, toHex, utf8 } from "../../../src/kernel/bytes.ts";
import type { RadioChanges, RadioSetup } from "../../../src/ports/radio-setup.ts";
import type { Ether } from "../../../src/sim/ether.ts";
import { openRadioDevice, type RadioDevice } from "../../../src/sim/radio-device.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { nodeNumber } from "../../../src/sim/topology.ts";
import { VirtualClock } from "../../../src/sim/virtual-clock.ts";
import { Cable, openPair } from "../../fakes/modem-rigs.ts";
import { ScriptedRadio } from "../../fakes/scripted-radio.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const never = new AbortController().signal;

function bytes(hex: string): Uint8Array {
  const value = fromHex(hex.replaceAll(" ", ""));
  if (value === undefined) throw new Error("no hex");
  return value;
}

/** Lets virtual time go on until the promise settles. */
async function within<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  const done = { yet: false };
  const settled = promise.finally(() => (done.yet = true));
  settled.catch(() => undefined);
  for (let i = 0; i < 4_000 && !done.yet; i++) await clock.advance(50);
  return settled;
}

describe("settings of a simulated radio over TCP", () => {
  let clock: VirtualClock;
  let ether: Ether;
  let device: RadioDevice;
  let setup: RadioSetup;

  beforeEach(async () => {
    clock = new VirtualClock({ settle: () => pause(1) });
    ether = openPair(clock);
    const own = { ether, nodeNumber: nodeNumber(0), clock, random: seededRandom("device") };
    device = await openRadioDevice({ ...own, region: "UNSET", preset: "LongFast" });
    setup = meshtasticSetup({ clock, random: seededRandom("setup") });
  });

  afterEach(async () => {
    await device[Symbol.asyncDispose]();
    await ether[Symbol.asyncDispose]();
    await clock.advance(1);
    expect(clock.sleeping).toBe(0);
  });

  const read = () => within(clock, setup.read(device.uri, never));
  const write = (changes: RadioChanges) => within(clock, setup.write(device.uri, changes, never));

  test("are read as they come from the factory", async () => {
    expect(await read()).toMatchObject({
      nodeNumber: nodeNumber(0),
      firmware: "2.7.26.54e0d8d",
      managed: false,
      role: "CLIENT",
      region: "UNSET",
      preset: "LongFast",
      hopLimit: 3,
      txEnabled: false,
      slot: 0,
      channels: [{ name: "", psk: Uint8Array.of(1) }, ...Array.from({ length: 7 }, () => undefined)],
    });
  });

  test("are written in one go, kept over the restart that follows, and read back", async () => {
    const channels = [
      { name: "village", psk: KEY },
      { name: "chat", psk: Uint8Array.of(1) },
    ];
    await write({ region: "EU_868", preset: "ShortFast", longName: "clinic-roof", channels });
    expect(device.flash.commits).toBe(1);
    await clock.advance(4_000);
    expect(await read()).toMatchObject({
      region: "EU_868",
      preset: "ShortFast",
      longName: "clinic-roof",
      txEnabled: true,
      channels: [...channels, ...Array.from({ length: 6 }, () => undefined)],
    });
  });

  test("are lost when the power goes before the end of the edit, and so is nothing else", async () => {
    device.flash.take({ case: "beginEditSettings", value: true });
    const order = orderIn(6, bytes("92020c320a080110063803 4003 4801".replaceAll(" ", "")));
    if (order !== undefined) device.flash.take(order);
    expect(device.flash.region).toBe("EU_868");
    await device.unplug();
    await device.plug();
    expect(await read()).toMatchObject({ region: "UNSET", preset: "LongFast" });
  });

  test("stay when the radio does not know the region, and get the region's own preset when theirs does not fit", async () => {
    await write({ region: "EU_868", preset: "ShortTurbo" });
    await clock.advance(4_000);
    expect(await read()).toMatchObject({ region: "EU_868", preset: "LongFast" });
  });

  test("are not taken by a radio that is managed", async () => {
    device.flash.managed = true;
    await write({ region: "US" });
    expect(await read()).toMatchObject({ managed: true, region: "UNSET" });
    expect(device.flash.commits).toBe(0);
  });

  test("can't be read where nobody answers, nor while nothing is heard", async () => {
    await device.unplug();
    await expect(read()).rejects.toMatchObject({ code: "RADIO_ABSENT" });
    await expect(setup.read("serial:///dev/caye-no-such-radio", never)).rejects.toMatchObject({ code: "RADIO_ABSENT" });
    await expect(setup.read("mesh://x", never)).rejects.toMatchObject({ code: "RADIO_URI" });
  });

  test("that this version has no number for are refused before anything is written", async () => {
    await expect(write({ region: "ATLANTIS" })).rejects.toMatchObject({ code: "RADIO_SETTING" });
    expect(device.flash.commits).toBe(0);
  });
});

describe("settings of a simulated radio over a pseudo-terminal", () => {
  const SPEED = 20;

  test("are written and read as over TCP, with the firmware's log between; a port in use is said to be", async (context) => {
    if (spawnSync("socat", ["-V"]).error !== undefined) context.skip("socat is not installed");
    const clock = scaledClock(SPEED);
    const folder = await mkdtemp(join(tmpdir(), "radio-"));
    await using cleaning = new AsyncDisposableStack();
    cleaning.defer(() => rm(folder, { recursive: true }));
    const ether = cleaning.use(openPair(clock));
    const own = { ether, nodeNumber: nodeNumber(0), clock, random: seededRandom("device") };
    const device = cleaning.use(await openRadioDevice({ ...own, region: "UNSET", preset: "LongFast", logText: true }));
    const cable = new Cable(`${folder}/radio`, device.port);
    await cable.plug();
    cleaning.defer(() => cable.unplug());
    const setup = meshtasticSetup({ clock, random: seededRandom("setup") });
    const uri = `serial://${folder}/radio`;
    expect(await setup.read(uri, never)).toMatchObject({ region: "UNSET", nodeNumber: nodeNumber(0) });
    await setup.write(uri, { region: "EU_868", longName: "clinic" }, never);
    expect(device.flash.settings.owner.longName).toBe("clinic");
    expect(device.flash.region).toBe("EU_868");
    await cable.unplug();
    while (!device.radio.powered) await pause(5);
    await cable.plug();
    const address = { kind: "serial", path: `${folder}/radio`, baud: 115_200 } as const;
    const holder = await openLink(address, () => undefined, never);
    await expect(setup.read(uri, never)).rejects.toMatchObject({ code: "RADIO_BUSY" });
    await holder[Symbol.asyncDispose]();
    expect(await setup.read(uri, never)).toMatchObject({ region: "EU_868", longName: "clinic" });
  });
});

describe("what is no Meshtastic radio", () => {
  const sentences = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n";
  const random = seededRandom("qrng").bytes(4096);

  test.each([
    ["a GPS receiver", utf8(sentences)],
    ["a GPS receiver", bytes("b5620a041400")],
    ["a radio with MeshCore's firmware", bytes("3e03000d0901")],
    ["a radio with MeshCore's firmware", utf8("MeshCore repeater v1.9\r\n")],
    ["a source of random bytes", random],
    ["something that speaks text", utf8("login: ")],
    [undefined, new Uint8Array()],
    [undefined, bytes("00ff01fe")],
  ])("is told by what it says: %s", (what, said) => {
    expect(strangerIn(said)).toBe(what);
  });

  async function complaint(talk: (radio: ScriptedRadio) => void): Promise<unknown> {
    const clock = new VirtualClock({ settle: () => pause(1) });
    await using radio = await ScriptedRadio.open();
    radio.configuration = () => [];
    const setup = meshtasticSetup({ clock, random: seededRandom("setup") });
    const asked = setup.read(radio.uri, never).catch((error: unknown) => error);
    for (let i = 0; i < 20 && radio.open === 0; i++) await clock.advance(50);
    talk(radio);
    return await within(clock, asked);
  }

  test("is named in the error", async () => {
    const gps = await complaint((radio) => radio.sayBytes(utf8(sentences)));
    expect(gps).toMatchObject({ code: "RADIO_STRANGE", message: expect.stringContaining("a GPS receiver") });
    expect(await complaint((radio) => radio.sayBytes(random))).toMatchObject({ code: "RADIO_STRANGE" });
    expect(await complaint(() => undefined)).toMatchObject({ code: "RADIO_SILENT" });
    expect(await complaint((radio) => radio.hangUp())).toMatchObject({ code: "RADIO_LOST" });
  });

  test("and one that tells more of its settings than an order can hold is given none", async () => {
    const clock = new VirtualClock({ settle: () => pause(1) });
    await using radio = await ScriptedRadio.open();
    // config.device {}; config.lora { use_preset, and 480 bytes in field 120 (unknown) }.
    radio.configuration = (nonce) => {
      radio.sayBytes(frame(bytes("1a0308ac02")));
      radio.sayBytes(frame(bytes("2a020a00")));
      radio.sayBytes(frame(bytes(`2ae90332e6030801c207e003${"00".repeat(480)}`)));
      return [{ case: "configCompleteId", value: nonce }];
    };
    const setup = meshtasticSetup({ clock, random: seededRandom("setup") });
    await expect(within(clock, setup.write(radio.uri, { region: "US" }, never))).rejects.toMatchObject({
      code: "RADIO_STRANGE",
    });
    const orders = radio.heard.filter((words) => words.case === "packet");
    expect(orders).toEqual([]);
  });

  test("is asked MeshCore's question only after it was silent, and answers it", async () => {
    const clock = new VirtualClock({ settle: () => pause(1) });
    await using radio = await ScriptedRadio.open();
    radio.configuration = () => [];
    const asked = meshtasticSetup({ clock, random: seededRandom("s") }).read(radio.uri, never);
    asked.catch(() => undefined);
    const question = "3c02001603";
    while (!toHex(radio.raw).endsWith(question)) await clock.advance(50);
    radio.sayBytes(bytes("3e03000d0901"));
    await expect(within(clock, asked)).rejects.toThrow("MeshCore");
  });
});

describe("orders in Meshtastic's bytes", () => {
  const introduced = (...messages: string[]) => {
    const introduction = new Introduction();
    for (const message of messages) introduction.hear(bytes(message));
    const known = introduction.known();
    if (known === undefined) throw new Error("not introduced");
    return known;
  };
  // my_info 300; config.device {}; config.lora { use_preset, LONG_FAST, hop_limit 3, tx_enabled, and field 120 (unknown) = 1 }.
  const KNOWN = introduced("1a0308ac02", "2a020a00", "2a0b3209080140034801c00701");

  test("keep what this version does not know of", () => {
    const [begin, lora, commit] = orders(KNOWN, { region: "EU_868" }).map(toHex);
    // begin_edit_settings = 64, commit_edit_settings = 65: tags 80 04 and 88 04.
    expect(begin).toBe("800401");
    expect(commit).toBe("880401");
    // set_config = 34 (tag 92 02); Config.lora = 6; region = 7 is 3; field 120 (tag c0 07) is still there.
    expect(lora).toBe("92020d320b0801380340034801c00701");
  });

  test("are the bytes that the protobufs of Meshtastic name", () => {
    const changes = { role: "CLIENT_MUTE", longName: "roof", channels: [{ name: "v", psk: Uint8Array.of(9, 9) }] };
    expect(orders(KNOWN, changes).map(toHex)).toEqual([
      "800401",
      // set_owner = 32; User.long_name = 2
      "820206 1204 726f6f66".replaceAll(" ", ""),
      // set_config, Config.device = 1, role = 1 is CLIENT_MUTE
      "9202040a020801",
      // set_channel = 33; Channel: settings = 2 { psk = 2, name = 3, module_settings = 7 {} }, role = 3 PRIMARY
      "8a020d 1209 12020909 1a0176 3a00 1801".replaceAll(" ", ""),
      "880401",
    ]);
  });

  test("go to the radio itself on port 6", () => {
    // ToRadio.packet = 1; MeshPacket.to = 2 fixed32 300, decoded = 4 { portnum 6, payload 80 04 01 }, id = 6 fixed32
    expect(toHex(orderPacket(300, 0x12345678, bytes("800401")))).toBe("0a13152c0100002207080612038004013578563412");
  });

  test("and settings agree with the project's own decoder of them", () => {
    const admin = create(Admin.AdminMessageSchema, { payloadVariant: { case: "beginEditSettings", value: true } });
    expect(orderIn(6, toBinary(Admin.AdminMessageSchema, admin))).toEqual({ case: "beginEditSettings", value: true });
    expect(orderIn(256, toBinary(Admin.AdminMessageSchema, admin))).toBeUndefined();
    expect(orderIn(6, bytes("ff"))).toBeUndefined();
    expect(settingsOf(KNOWN)).toMatchObject({ nodeNumber: 300, region: "UNSET", preset: "LongFast", role: "CLIENT" });
    const packet = fromBinary(Mesh.ToRadioSchema, orderPacket(300, 1, bytes("880401"))).payloadVariant;
    expect(packet).toMatchObject({ case: "packet", value: { to: 300, id: 1 } });
  });

  test("are not made before the radio has told all of itself", () => {
    const introduction = new Introduction();
    for (const message of ["1a0308ac02", "2a020a00", "ff", ""]) introduction.hear(bytes(message));
    expect(introduction.known()).toBeUndefined();
  });
});
