/** TPM commands over a byte stream that carries bare TPM frames: a socket of a software TPM. @module */
import type { Duplex } from "node:stream";
import { concatBytes } from "../../kernel/bytes.ts";
import type { AgentError } from "../../kernel/errors.ts";
import { badWire, gone, isPossibleSize, responseSize, type Transport } from "./transport.ts";

interface Waiting {
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (error: AgentError) => void;
}

export class StreamTransport implements Transport {
  readonly #stream: Duplex;
  #received: Uint8Array = new Uint8Array();
  #waiting: Waiting | undefined;
  #death: AgentError | undefined;

  /** Owns the stream from now on, and its listeners until it closes. */
  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    stream.on("error", (error) => this.#die(gone("the connection to the TPM failed", error)));
    stream.on("end", () => this.#ended());
    stream.on("close", () => this.#ended());
  }

  send(command: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    if (this.#waiting !== undefined) return Promise.reject(new Error("a TPM command is under way already"));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#die(gone(`the TPM did not answer within ${timeoutMs} ms`)), timeoutMs);
      this.#waiting = {
        resolve: (response) => {
          clearTimeout(timer);
          resolve(response);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#stream.write(command);
    });
  }

  close(): Promise<void> {
    this.#die(gone("the connection to the TPM is closed"));
    return Promise.resolve();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#death !== undefined) return;
    if (this.#waiting === undefined) return this.#die(badWire("the TPM spoke without being asked"));
    this.#received = concatBytes(this.#received, chunk);
    const size = responseSize(this.#received);
    if (size === undefined) return;
    if (!isPossibleSize(size)) return this.#die(badWire("the TPM's response has an impossible size"));
    if (this.#received.length < size) return;
    if (this.#received.length > size) return this.#die(badWire("bytes follow the TPM's response"));
    const waiting = this.#waiting;
    const response = this.#received;
    this.#waiting = undefined;
    this.#received = new Uint8Array();
    waiting.resolve(response);
  }

  #ended(): void {
    this.#die(
      this.#received.length > 0
        ? badWire("the connection ended in the midst of the TPM's response")
        : gone("the connection to the TPM ended"),
    );
  }

  #die(error: AgentError): void {
    if (this.#death !== undefined) return;
    this.#death = error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#stream.destroy();
    waiting?.reject(error);
  }
}
