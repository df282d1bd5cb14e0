/** What every implementation of the port `Modem` must do, whatever stands behind it. @module */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BROADCAST, PRIVATE_APP, type Modem, type OutgoingPacket, type RadioPacket } from "../../src/ports/modem.ts";

/** A modem, its radio, and a second radio beside it which the test holds in its hand. */
export interface ModemRig extends AsyncDisposable {
  readonly modem: Modem;
  readonly nodeNumber: number;
  readonly neighbour: {
    readonly nodeNumber: number;
    /** Free places in its radio's queue. */
    readonly free: number;
    /** What it heard, in order. */
    readonly heard: {
      readonly from: number;
      readonly id: number;
      readonly payload: Uint8Array;
      readonly hopLimit: number;
    }[];
    send(packet: {
      readonly to: number;
      readonly port: number;
      readonly payload: Uint8Array;
      readonly hopLimit: number;
    }): number;
  };
  /** Lets time pass until the condition holds; fails when it takes too long. */
  until(condition: () => boolean, what: string): Promise<void>;
  reboot(): Promise<void>;
  unplug(): Promise<void>;
  plug(): Promise<void>;
  /** Of what the modem opened or waits for, how much is left once it has ended. */
  leftovers(): number;
}

export function describeModem(name: string, openRig: () => Promise<ModemRig>): void {
  describe(`${name} as a modem`, () => {
    let rig: ModemRig;
    let stop: AbortController;
    let running: Promise<void>;

    beforeEach(async () => {
      rig = await openRig();
      stop = new AbortController();
      running = rig.modem.run(stop.signal);
    });

    afterEach(async () => {
      stop.abort();
      await running;
      await rig[Symbol.asyncDispose]();
    });

    const ready = (): Promise<void> => rig.until(() => rig.modem.state().kind === "ready", "ready");
    const send = (packet: Partial<OutgoingPacket>): ReturnType<Modem["send"]> =>
      rig.modem.send(
        { to: BROADCAST, port: PRIVATE_APP, payload: Uint8Array.of(1), hopLimit: 0, ...packet },
        stop.signal,
      );
    const sent = async (payload: Uint8Array): Promise<void> => {
      const before = rig.neighbour.heard.length;
      let outcome = await send({ payload });
      // "Busy" is worth another try, as the port says: on a loaded machine the line may be slow to take the bytes.
      for (let tries = 0; outcome.kind === "busy" && tries < 20; tries++) {
        let looks = 0;
        await rig.until(() => ++looks > 5, "a moment");
        await ready();
        outcome = await send({ payload });
      }
      expect(outcome).toEqual({ kind: "taken" });
      await rig.until(() => rig.neighbour.heard.length > before, "heard by the neighbour");
      expect([...(rig.neighbour.heard.at(-1)?.payload ?? [])]).toEqual([...payload]);
    };
    const received = async (payload: Uint8Array): Promise<RadioPacket> => {
      const coming = rig.modem.receive(stop.signal);
      let packet: RadioPacket | undefined;
      void coming.then((value) => (packet = value));
      const id = rig.neighbour.send({ to: BROADCAST, port: PRIVATE_APP, payload, hopLimit: 3 });
      await rig.until(() => packet !== undefined, "received");
      expect(packet?.id).toBe(id);
      expect([...(packet?.payload ?? [])]).toEqual([...payload]);
      return packet ?? expect.fail("no packet");
    };

    test("gets ready by itself and knows its radio's settings", async () => {
      await ready();
      const state = rig.modem.state();
      expect(state).toMatchObject({
        kind: "ready",
        settings: { nodeNumber: rig.nodeNumber, preset: "ShortFast", region: "US" },
      });
    });

    test("hands over what a neighbour sends", async () => {
      await ready();
      const packet = await received(Uint8Array.of(7, 8, 9));
      expect(packet).toMatchObject({
        from: rig.neighbour.nodeNumber,
        to: BROADCAST,
        port: PRIVATE_APP,
        hopsTaken: 0,
      });
      expect(packet.rssiDbm).toBeLessThan(0);
    });

    test("puts packets on the air with the hop limit that was asked for, and does not hear itself", async () => {
      await ready();
      expect(await send({ payload: Uint8Array.of(1, 2, 3), hopLimit: 5 })).toEqual({ kind: "taken" });
      await rig.until(() => rig.neighbour.heard.length > 0, "heard");
      expect(rig.neighbour.heard[0]).toMatchObject({ from: rig.nodeNumber, hopLimit: 5 });
      await received(Uint8Array.of(4));
    });

    test("takes 231 bytes, and refuses 232 and none", async () => {
      await ready();
      await sent(new Uint8Array(231).fill(0xa5));
      expect((await send({ payload: new Uint8Array(232) })).kind).toBe("refused");
      expect((await send({ payload: new Uint8Array(0) })).kind).toBe("refused");
    });

    test("refuses a hop limit above 7 and a port above 511", async () => {
      await ready();
      expect((await send({ hopLimit: 8 })).kind).toBe("refused");
      expect((await send({ port: 512 })).kind).toBe("refused");
    });

    test("carries the frame mark 94 C3 in payloads, both ways, again and again", async () => {
      await ready();
      const nasty = Uint8Array.of(0x01, 0x02, 0x94, 0xc3, 0x05, 0x06, 0x07, 0x08, 0x01);
      const worse = new Uint8Array(200).map((_, i) => (i % 2 === 0 ? 0x94 : 0xc3));
      for (const payload of [nasty, worse, nasty, Uint8Array.of(0x94), Uint8Array.of(0x94, 0xc3, 0xff, 0xff)]) {
        await received(payload);
        await sent(payload);
      }
    });

    test("gives every packet an id of its own, so that the same bytes go twice", async () => {
      await ready();
      await sent(Uint8Array.of(5, 5));
      await sent(Uint8Array.of(5, 5));
      const [first, second] = rig.neighbour.heard;
      expect(first?.id).not.toBe(second?.id);
    });

    test("comes back by itself after the radio restarted", async () => {
      await ready();
      await rig.reboot();
      await ready();
      await sent(Uint8Array.of(1));
      await received(Uint8Array.of(2));
    });

    test("is busy while the radio is gone, says why, and comes back with it", async () => {
      expect((await send({})).kind).not.toBe("refused");
      await ready();
      await rig.unplug();
      await rig.until(() => rig.modem.state().kind === "down", "down");
      const state = rig.modem.state();
      expect(state.kind === "down" && state.reason.length > 5).toBe(true);
      expect((await send({})).kind).toBe("busy");
      await rig.plug();
      await ready();
      await sent(Uint8Array.of(3));
    });

    test("keeps a bounded number of unread packets and counts what it drops", async () => {
      await ready();
      for (let i = 0; i < 130; i++) {
        await rig.until(() => rig.neighbour.free > 8, "room");
        rig.neighbour.send({ to: BROADCAST, port: PRIVATE_APP, payload: Uint8Array.of(i), hopLimit: 0 });
      }
      await rig.until(() => (rig.modem.counters()["dropped_packets"] ?? 0) === 30, "30 dropped");
      expect(rig.modem.counters()["packets_in"]).toBe(100);
      const first = await rig.modem.receive(stop.signal);
      expect([...(first?.payload ?? [])]).toEqual([0]);
    });

    test("ends when it is told to, with nothing left behind", async () => {
      await ready();
      const waiting = rig.modem.receive(stop.signal);
      stop.abort();
      await running;
      expect(await waiting).toBeUndefined();
      expect((await send({})).kind).toBe("busy");
      await rig.until(() => rig.leftovers() === 0, "all closed");
    });
  });
}
