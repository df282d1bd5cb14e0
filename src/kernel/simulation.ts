/** What a simulation is asked for, and what it tells: between the command line and the simulator. @module */

export interface ScenarioOptions {
  /** Agents, 2 … 200. */
  readonly nodes: number;
  /** New entries, 1 … 10,000. */
  readonly entries: number;
  /** Share of frames that each receiver loses beside collisions, 0 … 0.9. */
  readonly lossRatio: number;
  /** Packets that the file of a file scenario needs, 1 … 64. */
  readonly symbols: number;
  /** The same seed gives the same run: 0 … 2^53 − 1. */
  readonly seed: number;
  /** Virtual time after which a run is given up. */
  readonly limitMs: number;
}

/** What one kind of message has cost. */
export interface AirCount {
  readonly packets: number;
  readonly airMs: number;
}

/** A law that must hold in every run, whatever happens in it. */
export interface InvariantReport {
  readonly name: string;
  readonly held: boolean;
  /** What was looked at; where it did not hold, what was found. */
  readonly detail: string;
}

export interface ScenarioReport {
  readonly scenario: string;
  readonly seed: number;
  readonly nodes: number;
  readonly entries: number;
  readonly lossRatio: number;
  /** Time on air of all packets of all agents, from the event that the scenario measures. */
  readonly airMs: number;
  /** What one all-knowing sender needs; null where the scenario has no such bound. */
  readonly boundMs: number | null;
  /** `airMs` / `boundMs`; null where there is no bound. */
  readonly ratio: number | null;
  readonly packets: number;
  /** True when the scenario's goal was reached within the limit of virtual time. */
  readonly complete: boolean;
  readonly invariants: readonly InvariantReport[];
  /** What troubles really came to pass, by kind and how often; nothing in scenarios that have none. */
  readonly befallen: Readonly<Record<string, number>>;
  /** Figures of single happenings, by what they tell, in the order in which they came; left out where there are none. */
  readonly measured?: Readonly<Record<string, readonly number[]>>;
  /** Virtual time from the event to the goal. */
  readonly virtualMs: number;
  readonly byMessage: Readonly<Record<string, AirCount>>;
  /** Receptions that were spoiled by another frame. */
  readonly collisions: number;
  /** SHA-256 (hex) over every packet of the run, with its time and sender: equal runs have equal hashes. */
  readonly traceHash: string;
}

/** `jsonl`: one JSON object a packet. `pcap`: for Wireshark, link type 147 (USER0), each packet our payload alone. */
export type TraceFormat = "jsonl" | "pcap";

export interface SimulationRequest extends Partial<ScenarioOptions> {
  readonly scenario: string;
  readonly trace?: TraceFormat;
}

export interface Simulation {
  readonly report: ScenarioReport;
  /** The trace as a file, when it was asked for. */
  readonly trace: Uint8Array | undefined;
}

/** What of a scenario can be chosen, besides its seed. */
export type ScenarioChoice = "nodes" | "entries" | "lossRatio" | "symbols";

export interface ScenarioFacts {
  readonly name: string;
  /** The choices that it heeds; others change nothing. */
  readonly takes: readonly ScenarioChoice[];
  /** One sentence. */
  readonly about: string;
  readonly defaults: ScenarioOptions;
}

/** Simulated radios in real time, for agents on this machine. */
export interface RadiosRequest {
  /** 1 … 20. */
  readonly count: number;
  /** TCP port of the first on 127.0.0.1, the others follow it; 0: any that are free. */
  readonly port: number;
  /** Share of packets that each receiver loses beside collisions, 0 … 0.9. */
  readonly lossRatio: number;
  /** True: each hears its two neighbours alone, so that packets must be relayed; false: all hear each other. */
  readonly inLine: boolean;
  /** Meshtastic's names; `LongFast` and `US` when left out. */
  readonly preset?: string | undefined;
  readonly region?: string | undefined;
}

/** One of them, as an agent's configuration and a phone's text name it. */
export interface SimulatedRadio {
  readonly uri: string;
  readonly nodeNumber: number;
}

/** One text to a node, as a person with a Meshtastic app sends it. */
export interface TextRequest {
  /** The person's own radio: `tcp://127.0.0.1:4405`. */
  readonly radio: string;
  /** The node number of the radio that is asked. */
  readonly to: number;
  readonly text: string;
  /** How long an answer is waited for after the question and after each text, in ms. */
  readonly patienceMs: number;
  /** True: texts are heard until the signal aborts, also after a whole answer. */
  readonly stay: boolean;
}

export interface Simulator {
  readonly scenarios: readonly ScenarioFacts[];
  /**
   * Plays one scenario from its seed; what is left out is as the scenario has it.
   * @param onProgress told now and then how far the run's virtual time is
   * @throws AgentError "SCENARIO_UNKNOWN"
   */
  run(request: SimulationRequest, onProgress: (virtualMs: number, packets: number) => void): Promise<Simulation>;
}

/** Radios for whoever has none, and a phone for whoever has none. */
export interface RadioTools {
  /**
   * Keeps radios on the air until the signal aborts.
   * @param onUp told once, when all can be reached
   * @throws AgentError "PORT_TAKEN", "USAGE" (an unknown preset or region)
   */
  serveRadios(
    request: RadiosRequest,
    onUp: (radios: readonly SimulatedRadio[]) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Sends one text and hears the answer, of one text or of several numbered ones.
   * @param onText told of each text of that node
   * @returns true when the answer came whole
   * @throws AgentError "RADIO_URI", "RADIO_SILENT" (the radio is not there)
   */
  ask(request: TextRequest, onText: (text: string) => void, signal: AbortSignal): Promise<boolean>;
}
