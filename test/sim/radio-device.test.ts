import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Mesh, type FromRadio } from "@meshtastic/protobufs";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { frame, FrameReader } from "../../src/drivers/meshtastic/framing.ts";
import { decodeFromRadio, type RadioEvent } from "../../src/drivers/meshtastic/messages.ts";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import { payloadAirtimeUs, PRESETS } from "../../src/radio/airtime.ts";
import type { Ether } from "../../src/sim/ether.ts";
import { openRadioDevice, type RadioDevice } from "../../src/sim/radio-device.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";
import { eventually, neighbourOn, openPair } from "../fakes/modem-rigs.ts";

type Words = NonNullable<MessageInitShape<typeof Mesh.ToRadioSchema>["payloadVariant"]>;

type FromRadioWords = FromRadio["payloadVariant"];

/** Picks the messages of one kind. */
const said = {
  channel: (words: FromRadioWords) => (words.case === "channel" ? [words.value] : []),
  configCompleteId: (words: FromRadioWords) => (words.case === "configCompleteId" ? [words.value] : []),
  myInfo: (words: FromRadioWords) => (words.case === "myInfo" ? [words.value] : []),
  nodeInfo: (words: FromRadioWords) => (words.case === "nodeInfo" ? [words.value] : []),
  packet: (words: FromRadioWords) => (words.case === "packet" ? [words.value] : []),
  queueStatus: (words: FromRadioWords) => (words.case === "queueStatus" ? [words.value] : []),
  rebooted: (words: FromRadioWords) => (words.case === "rebooted" ? [words.value] : []),
};

/** A bare client of the protocol. */
class Client {
  readonly messages: FromRadioWords[] = [];
  readonly decoded: RadioEvent[] = [];
  readonly lines: string[] = [];
  closed = false;
  readonly #socket: Socket;

  constructor(port: number) {
    const reader = new FrameReader();
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => (this.closed = true));
    this.#socket.on("data", (chunk) => {
      for (const piece of reader.push(chunk)) {
        if (piece.kind === "text") this.lines.push(piece.line);
        else {
          this.messages.push(fromBinary(Mesh.FromRadioSchema, piece.bytes).payloadVariant);
          const event = decodeFromRadio(piece.bytes);
          if (event.ok) this.decoded.push(event.value);
        }
      }
    });
  }

  say(...all: Words[]): void {
    for (const words of all) {
      this.#socket.write(frame(toBinary(Mesh.ToRadioSchema, create(Mesh.ToRadioSchema, { payloadVariant: words }))));
    }
  }

  of<T>(pick: (words: FromRadioWords) => T[]): T[] {
    return this.messages.flatMap(pick);
  }

  /** What our own decoder makes of it. */
  events(kind: RadioEvent["kind"]): RadioEvent[] {
    return this.decoded.filter((event) => event.kind === kind);
  }

  close(): void {
    this.#socket.destroy();
  }
}

function data(
  id: number,
  payload: Uint8Array,
  changes: { to?: number; hopLimit?: number; wantAck?: boolean; port?: number } = {},
): Words {
  const { port = PRIVATE_APP, ...rest } = changes;
  const decoded = { case: "decoded", value: { portnum: port, payload } } as const;
  return { case: "packet", value: { to: BROADCAST, id, payloadVariant: decoded, ...rest } };
}

describe("the simulated Meshtastic device", () => {
  let clock: VirtualClock;
  let ether: Ether;
  let device: RadioDevice;
  let clients: Client[];

  beforeEach(async () => {
    clock = new VirtualClock({ settle: () => pause(1) });
    ether = openPair(clock);
    clients = [];
    const random = seededRandom("device");
    device = await openRadioDevice({
      ether,
      nodeNumber: nodeNumber(0),
      clock,
      random,
      region: "EU_868",
      preset: "ShortFast",
    });
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    await device[Symbol.asyncDispose]();
    await ether[Symbol.asyncDispose]();
    await clock.advance(1);
    expect(clock.sleeping).toBe(0);
  });

  const newClient = (): Client => {
    const client = new Client(device.port);
    clients.push(client);
    return client;
  };
  const configured = async (nonce = 99): Promise<Client> => {
    const client = newClient();
    client.say({ case: "wantConfigId", value: nonce });
    await eventually(() => client.of(said.configCompleteId).length > 0, "configured");
    return client;
  };
  const until = async (condition: () => boolean): Promise<void> => {
    expect(await clock.runUntil(condition, 120_000)).toBe(true);
  };

  test("answers the request for its configuration in the firmware's order", async () => {
    const client = await configured(0xdead_beef);
    const kinds = client.messages.map((words) => words.case);
    expect(kinds.slice(0, 3)).toEqual(["myInfo", "nodeInfo", "metadata"]);
    expect(kinds.filter((kind) => kind === "channel")).toHaveLength(8);
    expect(kinds.at(-1)).toBe("configCompleteId");
    expect(client.of(said.configCompleteId)).toEqual([0xdead_beef]);
    expect(client.of(said.myInfo)[0]?.myNodeNum).toBe(nodeNumber(0));
    expect(client.of(said.nodeInfo).map(({ num }) => num)).toEqual([nodeNumber(0), nodeNumber(1)]);
    expect(client.events("lora")).toMatchObject([{ preset: "ShortFast", region: "EU_868" }]);
    expect(client.events("firmware")).toEqual([{ kind: "firmware", version: "2.7.26.54e0d8d" }]);
  });

  test("knows the two nonces that ask for a part", async () => {
    const client = await configured(69_420);
    expect(client.of(said.nodeInfo)).toHaveLength(1);
    expect(client.of(said.channel)).toHaveLength(8);
    const other = await configured(69_421);
    expect(other.of(said.nodeInfo)).toHaveLength(2);
    expect(other.of(said.channel)).toHaveLength(0);
  });

  test("serves one client: a second throws out the first", async () => {
    const first = await configured();
    const second = await configured();
    await eventually(() => first.closed, "the first is out");
    expect(second.closed).toBe(false);
    await eventually(() => device.clients === 1, "one is left");
  });

  test("says nothing of the air before it was asked for its configuration", async () => {
    const client = newClient();
    const neighbour = neighbourOn(ether);
    neighbour.send({ to: BROADCAST, port: PRIVATE_APP, payload: Uint8Array.of(1), hopLimit: 0 });
    await clock.advance(10_000);
    expect(client.messages).toHaveLength(0);
    client.say({ case: "wantConfigId", value: 1 });
    await until(() => client.of(said.packet).length === 1);
  });

  test("answers heartbeats with its queue", async () => {
    const client = await configured();
    client.say({ case: "heartbeat", value: {} });
    await until(() => client.of(said.queueStatus).length === 1);
    expect(client.of(said.queueStatus)[0]).toMatchObject({ res: 0, free: 16, maxlen: 16 });
  });

  test("loses all but two answers about its queue in a burst", async () => {
    const client = await configured();
    client.say(...Array.from({ length: 30 }, (_, i) => data(i + 1, new Uint8Array(200))));
    await pause(50);
    await clock.advance(25);
    const statuses = client.of(said.queueStatus);
    expect(statuses.length).toBeLessThanOrEqual(4);
    expect(statuses.at(-1)).toMatchObject({ res: 32, free: 0, meshPacketId: 30 });
  });

  test("takes 231 bytes and refuses 232 with TOO_LARGE", async () => {
    const client = await configured();
    const neighbour = neighbourOn(ether);
    client.say(data(1, new Uint8Array(231)), data(2, new Uint8Array(232)));
    await until(() => client.events("routing").length > 0 && neighbour.heard.length > 0);
    expect(client.events("routing")).toEqual([{ kind: "routing", from: nodeNumber(0), requestId: 2, error: 7 }]);
    expect(neighbour.heard).toHaveLength(1);
  });

  test("sends zero-hop when the client leaves the hop limit out, unless it wants an acknowledgement", async () => {
    const client = await configured();
    const neighbour = neighbourOn(ether);
    client.say(
      data(1, Uint8Array.of(1)),
      data(2, Uint8Array.of(2), { wantAck: true }),
      data(3, Uint8Array.of(3), { hopLimit: 5 }),
    );
    await until(() => neighbour.heard.length === 3);
    expect(neighbour.heard.map(({ hopLimit }) => hopLimit)).toEqual([0, 3, 5]);
  });

  test("passes on what the radio says of packets that want an acknowledgement: ours from ourselves, the real one from its maker", async () => {
    const client = await configured();
    client.say(data(1, Uint8Array.of(1), { wantAck: true, hopLimit: 1 }));
    await until(() => client.events("routing").length === 1);
    client.say(data(2, Uint8Array.of(2), { wantAck: true, to: nodeNumber(1) }));
    await until(() => client.events("routing").length === 2);
    ether.radio(nodeNumber(1)).power(false);
    client.say(data(3, Uint8Array.of(3), { wantAck: true, to: nodeNumber(1) }));
    await until(() => client.events("routing").length === 3);
    expect(client.events("routing")).toEqual([
      { kind: "routing", from: nodeNumber(0), requestId: 1, error: 0 },
      { kind: "routing", from: nodeNumber(1), requestId: 2, error: 0 },
      { kind: "routing", from: nodeNumber(0), requestId: 3, error: 5 },
    ]);
  });

  test("plays firmware 2.8 when told to, and says so", async () => {
    const options = { ether, nodeNumber: nodeNumber(1), clock, random: seededRandom("new"), region: "US" };
    await using newer = await openRadioDevice({ ...options, preset: "ShortFast", firmware: "2.8" });
    const client = new Client(newer.port);
    clients.push(client);
    client.say({ case: "wantConfigId", value: 1 });
    await eventually(() => client.of(said.configCompleteId).length > 0, "configured");
    expect(client.events("firmware")).toEqual([{ kind: "firmware", version: "2.8.0.7754068" }]);
    client.say(data(1, new Uint8Array(20)));
    await until(() => ether.stats().frames === 1);
    expect(ether.stats().airtimeUs).toBe(payloadAirtimeUs(20, PRESETS.ShortFast, true));
  });

  test("allows one chat text in two seconds", async () => {
    const client = await configured();
    client.say(data(1, Uint8Array.of(65), { port: 1 }), data(2, Uint8Array.of(66), { port: 1 }));
    await until(() => client.events("routing").length > 0);
    expect(client.events("routing")).toMatchObject([{ requestId: 2, error: 38 }]);
    await clock.advance(2000);
    client.say(data(3, Uint8Array.of(67), { port: 1 }));
    await clock.advance(1000);
    expect(client.events("routing")).toHaveLength(1);
  });

  test("refuses with minutes when the law's hour is used up", async () => {
    const client = await configured();
    device.radio.limitDutyCycle(0.0001);
    client.say(data(1, new Uint8Array(231)), data(2, new Uint8Array(231)), data(3, new Uint8Array(231)));
    await clock.advance(5000);
    client.say(data(4, new Uint8Array(10)));
    await until(() => client.events("routing").length > 0);
    expect(client.events("routing")).toMatchObject([{ requestId: 4, error: 9 }]);
    expect(client.events("notice")).toEqual([
      { kind: "notice", text: "Duty cycle limit exceeded. You can send again in 60 mins" },
    ]);
  });

  test("keeps 32 packets for a client that is away, and counts the rest", async () => {
    const neighbour = neighbourOn(ether);
    for (let i = 0; i < 40; i++) {
      neighbour.send({ to: BROADCAST, port: PRIVATE_APP, payload: Uint8Array.of(i), hopLimit: 0 });
      await clock.runUntil(() => neighbour.free === 16, 10_000);
    }
    await clock.advance(1000);
    expect(device.dropped).toBe(8);
    const client = await configured();
    await until(() => client.of(said.packet).length === 32);
  });

  test("reports the channel's use once a minute", async () => {
    const client = await configured();
    await clock.advance(61_000);
    expect(client.events("channel-use")).toMatchObject([{ from: nodeNumber(0) }]);
  });

  test("announces a restart when the line stays up, and must be asked again", async () => {
    const client = await configured();
    const restarted = device.reboot({ keepLine: true });
    await until(() => client.of(said.rebooted).length === 1);
    await restarted;
    expect(client.closed).toBe(false);
    expect(client.lines).toEqual(["Booting..."]);
    client.messages.length = 0;
    client.say({ case: "wantConfigId", value: 5 });
    await eventually(() => client.of(said.configCompleteId).length === 1, "configured again");
    expect(client.of(said.myInfo)[0]?.rebootCount).toBe(2);
  });

  test("is deaf to garbage", async () => {
    const client = await configured();
    const socket = connect(device.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(seededRandom("garbage").bytes(20_000));
    await eventually(() => client.closed, "taken over");
    await pause(20);
    socket.destroy();
    const again = await configured();
    expect(again.of(said.configCompleteId)).toEqual([99]);
  });
});
