/** Loaded before the program of a process whose event loop is to be measured. */

import { measureLoopDelay } from "./loop_delay.ts";

measureLoopDelay();
