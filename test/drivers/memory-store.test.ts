/** The store in memory passes the contract, and so does the one with faults while it has none. @module */
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { describeStore } from "../contract/store.ts";
import { FaultyStore } from "../fakes/store.ts";

describeStore("memory", async () => openMemoryStore());
describeStore("faulty", async () => new FaultyStore());
