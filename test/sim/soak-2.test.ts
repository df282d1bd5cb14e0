/** The second half of the quick soak. */
import { soak } from "./soak-part.ts";

soak(121, 120);
