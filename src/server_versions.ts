/** Which versions of what a node speaks and applies. */

import { type DataVersion, dataVersion } from "./kv/data_version.ts";
import { type ProtocolRange, spokenProtocols } from "./node/protocol.ts";

/** What a node of one version of the program understands. */
export interface Versions {
  readonly protocols: ProtocolRange;
  /** The newest version of commands. */
  readonly data: DataVersion;
}

/** Of this program. Tests put others in their place, to have nodes of two versions meet. */
export const programVersions: Versions = { protocols: spokenProtocols, data: dataVersion };
