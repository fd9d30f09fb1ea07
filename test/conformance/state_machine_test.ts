import { memoryPlace, runtime, sqlitePlace } from "./state_machine_places.ts";
import { stateMachineSuite } from "./state_machine_suite.ts";

stateMachineSuite({ name: `sqlite on ${runtime.name}`, makePlace: sqlitePlace });

stateMachineSuite({ name: "memory", makePlace: memoryPlace });
