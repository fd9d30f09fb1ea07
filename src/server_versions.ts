/** Which versions of what a node speaks and applies. */

import {
  type DataVersion,
  dataVersion,
  type SinceVersions,
  sinceVersions,
} from "./kv/data_version.ts";
import { type ProtocolRange, spokenProtocols } from "./node/protocol.ts";

/** What a node of one version of the program understands. */
export interface Versions {
  readonly protocols: ProtocolRange;
  /** The newest version of commands. */
  readonly data: DataVersion;
  /** Which of them brought what. */
  readonly since: SinceVersions;
}

/** Of this program. Tests put others in their place, to have nodes of two versions meet. */
export const programVersions: Versions = {
  protocols: spokenProtocols,
  data: dataVersion,
  since: sinceVersions,
};
