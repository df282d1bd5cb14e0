/** Queue and radio with spans: when a frame was offered, and when the radio took it, both within what the frame answers. @module */
import type { Modem } from "../ports/modem.ts";
import type { SpanContext, Tracer } from "../ports/tracer.ts";
import type { Frame } from "./frame.ts";
import type { Offer } from "./waiting.ts";

interface Queue {
  offer(frame: Frame): Offer;
  cancel(key: string): boolean;
  heard(airtimeUs: number): void;
}

/** Of each payload that waits, the span that it was offered in; frames are not copied on their way. */
export class AirTrace {
  readonly #tracer: Tracer;
  readonly #offered = new WeakMap<Uint8Array, SpanContext>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  queue(queue: Queue): Queue {
    return {
      offer: (frame) => {
        const offered = this.#tracer.here();
        // What nobody asked for (beacons, say) is no part of a request.
        if (offered === undefined) return queue.offer(frame);
        this.#offered.set(frame.payload, offered);
        const { priority, payload } = frame;
        return this.#tracer.span("air.schedule", { priority, bytes: payload.length }, () => {
          const offer = queue.offer(frame);
          this.#tracer.note({ offer });
          return offer;
        });
      },
      cancel: (key) => queue.cancel(key),
      heard: (airtimeUs) => queue.heard(airtimeUs),
    };
  }

  modem<M extends Modem>(modem: M): M {
    const send: Modem["send"] = (packet, signal) => {
      const offered = this.#offered.get(packet.payload);
      if (offered === undefined) return modem.send(packet, signal);
      const work = async (): ReturnType<Modem["send"]> => {
        const outcome = await modem.send(packet, signal);
        this.#tracer.note({ outcome: outcome.kind });
        return outcome;
      };
      return this.#tracer.span("air.send", { bytes: packet.payload.length }, work, offered);
    };
    return { ...modem, send };
  }
}
