/** This process and its clocks as the port `Instance`. @module */
import { pid } from "node:process";
import type { Instance } from "../ports/instance.ts";

export const processInstance: Instance = () => ({ pid, monotonicMs: performance.now(), wallMs: Date.now() });
