import { describeModem } from "../contract/modem.ts";
import { etherRig } from "../fakes/modem-rigs.ts";

describeModem("the simulated modem on the air", etherRig);
