/**
 * What the links between houses are like just now: the roads that there are, walls that cut them, and what else befalls the
 * frames that a house receives. Whoever raises something takes it away again.
 * @module
 */
import type { Ether } from "./ether.ts";
import type { Impairment } from "./impairment.ts";
import type { Road } from "./terrain.ts";
import { nodeNumber } from "./topology.ts";

/** Raised until it is called. */
export type Lift = () => void;

export class Sky {
  readonly #ether: Ether;
  readonly #lossRatio: number;
  readonly #houses: number;
  readonly #walls = new Set<ReadonlySet<number>>();
  readonly #troubled = new Set<{ readonly house: number; readonly impairment: Impairment }>();
  #roads: ReadonlySet<string>;

  constructor(
    ether: Ether,
    { houses, roads, lossRatio }: { houses: number; roads: readonly Road[]; lossRatio: number },
  ) {
    this.#ether = ether;
    this.#houses = houses;
    this.#lossRatio = lossRatio;
    this.#roads = new Set(roads.map(keyOf));
  }

  /** Other roads than before. */
  lay(roads: readonly Road[]): void {
    this.#roads = new Set(roads.map(keyOf));
    this.#apply();
  }

  /** Nothing passes between these houses and the others. */
  wall(inside: readonly number[]): Lift {
    const one = new Set(inside);
    this.#walls.add(one);
    this.#apply();
    return () => {
      this.#walls.delete(one);
      this.#apply();
    };
  }

  /** What this house hears is impaired, too. Of two impairments of one kind the later holds. */
  impair(house: number, impairment: Impairment): Lift {
    const one = { house, impairment };
    this.#troubled.add(one);
    this.#applyTo(house);
    return () => {
      this.#troubled.delete(one);
      this.#applyTo(house);
    };
  }

  #applyTo(house: number): void {
    const now = [...this.#troubled].filter((one) => one.house === house).map(({ impairment }) => impairment);
    this.#ether.impair(Object.assign({}, ...now), [nodeNumber(house)]);
  }

  #apply(): void {
    for (let a = 0; a < this.#houses; a++) {
      for (let b = a + 1; b < this.#houses; b++) {
        this.#ether.setLink({ a: nodeNumber(a), b: nodeNumber(b), loss: this.#loss(a, b) });
      }
    }
  }

  #loss(a: number, b: number): number {
    if (!this.#roads.has(keyOf([a, b]))) return 1;
    for (const inside of this.#walls) if (inside.has(a) !== inside.has(b)) return 1;
    return this.#lossRatio;
  }
}

function keyOf([a, b]: Road): string {
  return `${Math.min(a, b)} ${Math.max(a, b)}`;
}
