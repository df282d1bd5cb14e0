/** A radio that says what the test writes for it, on a real TCP port. @module */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Mesh, type MeshPacket, type ToRadio } from "@meshtastic/protobufs";
import { listenOnLoopback, type LoopbackClient, type LoopbackServer } from "../../src/drivers/loopback-server.ts";
import { frame, FrameReader } from "../../src/drivers/meshtastic/framing.ts";
import { concatBytes } from "../../src/kernel/bytes.ts";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";
import { decodeToRadio } from "../../src/sim/radio-words.ts";

export const OWN_NUMBER = 0x1111;
export const OTHER_NUMBER = 0x2222;
type Words = NonNullable<MessageInitShape<typeof Mesh.FromRadioSchema>["payloadVariant"]>;

export function fromRadio(words: Words): Uint8Array {
  return frame(toBinary(Mesh.FromRadioSchema, create(Mesh.FromRadioSchema, { payloadVariant: words })));
}

/** A packet as the radio gives it to its client. */
export function packetWords(packet: {
  readonly from?: number;
  readonly to?: number;
  readonly id?: number;
  readonly port?: number;
  readonly payload: Uint8Array;
  readonly requestId?: number;
}): Words {
  const { from = OTHER_NUMBER, to = BROADCAST, id = 1, port = PRIVATE_APP, payload, requestId = 0 } = packet;
  const data = { portnum: port, payload, requestId, bitfield: 1 };
  return { case: "packet", value: { from, to, id, payloadVariant: { case: "decoded", value: data } } };
}

/** ROUTING_APP: error 0 is an acknowledgement. */
export function routingWords(from: number, requestId: number, error: number): Words {
  const payload = toBinary(
    Mesh.RoutingSchema,
    create(Mesh.RoutingSchema, { variant: { case: "errorReason", value: error } }),
  );
  return packetWords({ from, port: 5, payload, requestId });
}

export class ScriptedRadio implements AsyncDisposable {
  /** Every message that came, of all connections. */
  readonly heard: ToRadio["payloadVariant"][] = [];
  /** Every byte that came, as it came. */
  raw: Uint8Array = new Uint8Array(0);
  connections = 0;
  open = 0;
  /** What it says to a request for the configuration; the default is what the least of devices says. */
  configuration: (nonce: number) => Words[] = (nonce) => [
    { case: "myInfo", value: { myNodeNum: OWN_NUMBER } },
    { case: "configCompleteId", value: nonce },
  ];
  answersHeartbeats = true;
  #client: LoopbackClient | undefined;
  #server: LoopbackServer | undefined;

  /** @param port 0 for any that is free */
  static async open(port = 0): Promise<ScriptedRadio> {
    const radio = new ScriptedRadio();
    radio.#server = await listenOnLoopback(port, (client) => {
      const reader = new FrameReader();
      radio.#client = client;
      radio.connections++;
      radio.open++;
      return {
        bytes: (chunk) => {
          radio.raw = concatBytes(radio.raw, chunk);
          for (const piece of reader.push(chunk)) if (piece.kind === "message") radio.#answer(piece.bytes);
        },
        closed: () => void radio.open--,
      };
    });
    return radio;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get uri(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  get nonces(): number[] {
    return this.heard.flatMap((words) => (words.case === "wantConfigId" ? [words.value] : []));
  }

  get heartbeats(): number {
    return this.heard.filter((words) => words.case === "heartbeat").length;
  }

  get packets(): MeshPacket[] {
    return this.heard.flatMap((words) => (words.case === "packet" ? [words.value] : []));
  }

  say(...words: Words[]): void {
    for (const one of words) this.sayBytes(fromRadio(one));
  }

  sayBytes(bytes: Uint8Array): void {
    this.#client?.write(bytes);
  }

  hangUp(): void {
    this.#client?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  #answer(bytes: Uint8Array): void {
    const message = decodeToRadio(bytes);
    if (!message.ok) return;
    this.heard.push(message.value);
    if (message.value.case === "wantConfigId") this.say(...this.configuration(message.value.value));
    if (message.value.case === "heartbeat" && this.answersHeartbeats) {
      this.say({ case: "queueStatus", value: { free: 16, maxlen: 16 } });
    }
  }
}
