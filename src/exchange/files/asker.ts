/**
 * Asks for the block that a transfer wants: once for all who want it too, if they can hear each other.
 * @module
 */
import { refKey } from "../../dag/block-ref.ts";
import { chance } from "../../radio/chance.ts";
import type { GetAmount } from "../../wire/get.ts";
import type { Neighbours } from "../neighbours.ts";
import { TRIES_A_RELAY, type ExchangeParts } from "../parts.ts";
import {
  answerWaitMs,
  firstWaitMs,
  lengthening,
  MAX_FRUITLESS,
  needyWaitMs,
  packetMs,
  priceOf,
  type Pace,
} from "./asking.ts";
import type { Losses } from "./losses.ts";
import { getFor, symbolsAskedBy } from "./question.ts";
import type { Transfer } from "./transfer.ts";

export interface AskerPorts extends ExchangeParts {
  readonly neighbours: Pick<Neighbours, "hopsTo" | "nearestHops">;
  readonly losses: Losses;
  /** Agents that could want the same: all that are known but one, who holds it. */
  readonly audience: () => number;
}

export interface AskerEvents {
  /** Before each question. */
  readonly onAsk: (transfer: Transfer) => Promise<void>;
  /** So many questions were in vain that no more are asked. */
  readonly onGivenUp: (transfer: Transfer) => Promise<void>;
}

/** Others' questions that nobody answers keep us silent no longer than that: they may be false. */
const MAX_DEFERRED = 3;

export class Asker {
  readonly #ports: AskerPorts;
  readonly #events: AskerEvents;

  constructor(ports: AskerPorts, events: AskerEvents) {
    this.#ports = ports;
    this.#events = events;
  }

  /** A block is wanted: somebody else may want it at the same moment. */
  begin(transfer: Transfer): void {
    const draw = this.#chance();
    this.#askIn(transfer, (pace) => firstWaitMs(pace, draw), draw);
  }

  /** Somebody else has asked: the answer serves both, so we keep silent until it is over. */
  afterOthersQuestion(transfer: Transfer, amount: GetAmount): void {
    if (transfer.block === undefined || transfer.deferred >= MAX_DEFERRED) return;
    transfer.deferred++;
    if (amount.kind === "whole") transfer.listeners = Math.max(transfer.listeners, amount.listeners);
    const symbols = symbolsAskedBy(amount, Math.max(1, transfer.block.total), this.#price());
    const draw = this.#chance();
    this.withdraw(transfer);
    this.#askIn(transfer, (pace) => answerWaitMs(pace, symbols) + firstWaitMs(pace, draw));
  }

  /** A symbol came: at the end of its burst it shows who lacks most. */
  afterSymbol(transfer: Transfer): void {
    const { bursts } = transfer;
    const lossRatio = this.#ports.losses.ratio(bursts.speaker);
    const draw = this.#chance();
    this.withdraw(transfer);
    this.#askIn(transfer, (pace) => {
      const { sent, heard } = bursts;
      const endMs = bursts.endMs(pace.packetMs) ?? this.#nowMs();
      return Math.max(0, endMs - this.#nowMs()) + needyWaitMs(pace, { sent, heard, lossRatio }, draw);
    });
  }

  /** Takes back a question that is not on air yet. */
  withdraw(transfer: Transfer): void {
    this.#ports.agenda.cancel(taskOf(transfer));
    this.#ports.air.cancel(taskOf(transfer));
    if (transfer.waitsForAir) transfer.fruitless = Math.max(0, transfer.fruitless - 1);
    transfer.waitsForAir = false;
  }

  /** @param draw by which the wait was drawn, where it says something of how many others wait */
  async #ask(transfer: Transfer, draw: number | undefined): Promise<void> {
    if (transfer.fruitless >= MAX_FRUITLESS) return this.#events.onGivenUp(transfer);
    await this.#events.onAsk(transfer);
    const { block } = transfer;
    if (transfer.ended || block === undefined) return;
    // A question that still waits for its turn on air was not asked in vain: the radio may be away, or the hour used up.
    if (!transfer.waitsForAir) transfer.fruitless++;
    const lossRatio = this.#ports.losses.ratio(transfer.bursts.speaker);
    const { listeners } = transfer;
    const get = getFor(block, { lossRatio, price: this.#price(), draw, listeners, audience: this.#ports.audience() });
    const symbols = symbolsAskedBy(get.amount, Math.max(1, block.total), this.#price());
    transfer.waitsForAir = true;
    const said = this.#ports.air.say(get, {
      priority: transfer.priority,
      hops: this.#reach(transfer),
      key: taskOf(transfer),
      onSent: (payloadBytes, airtimeMs) => {
        transfer.waitsForAir = false;
        transfer.countRequest(payloadBytes, airtimeMs);
        this.#again(transfer, symbols, airtimeMs);
      },
    });
    if (!said) transfer.waitsForAir = false;
    this.#again(transfer, symbols, 0);
  }

  /** When nothing came of it. */
  #again(transfer: Transfer, symbols: number, airtimeMs: number): void {
    const longer = lengthening(transfer.fruitless);
    const draw = this.#chance();
    this.#askIn(transfer, (pace) => airtimeMs + longer * (answerWaitMs(pace, symbols) + firstWaitMs(pace, draw)));
  }

  #askIn(transfer: Transfer, waitMs: (pace: Pace) => number, draw?: number): void {
    if (transfer.ended) return;
    const hops = this.#reach(transfer);
    const paceMs = Math.max(packetMs(this.#ports.air, hops), transfer.bursts.paceMs ?? 0);
    const pace = { packetMs: paceMs, hops, audience: this.#ports.audience() };
    this.#ports.agenda.set(taskOf(transfer), waitMs(pace), () => this.#ask(transfer, draw));
  }

  /** As far as the file's author, if it was heard, else as the nearest neighbour; one relay farther when loss alone hardly explains the silence any more. */
  #reach(transfer: Transfer): number {
    const { neighbours } = this.#ports;
    const { author } = transfer.target;
    const nearest = (author === undefined ? undefined : neighbours.hopsTo(author)) ?? neighbours.nearestHops();
    return this.#ports.air.reach(
      nearest === undefined ? undefined : nearest + Math.floor(transfer.fruitless / TRIES_A_RELAY),
    );
  }

  #price(): number {
    return priceOf(this.#ports.air, this.#ports.losses.ratio(undefined));
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  #chance(): number {
    return chance(this.#ports.random);
  }
}

function taskOf({ root }: Transfer): string {
  return `get:${refKey(root)}`;
}
