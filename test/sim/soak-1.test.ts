/** The first half of the quick soak; the other file is the second, so that two cores share it. `npm run soak` plays 10,000. */
import { soak } from "./soak-part.ts";

soak(1, 120);
