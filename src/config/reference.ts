/** Renders the reference page of the configuration from its schema. */

import { variableOf } from "./environment.ts";
import { type Key, keys, sectionNames } from "./schema.ts";

/** The whole page. */
export function renderConfigReference(): string {
  const all = [...keys.values()];
  const parts = [
    introduction,
    heading("Top level", all.filter((key) => key.section === undefined)),
    ...sectionNames.map((section) =>
      heading(`\`${section}\``, all.filter((key) => key.section === section))
    ),
  ];
  return `${parts.join("\n\n")}\n`;
}

const introduction = `# Configuration

<!-- Generated from src/config/schema.ts by scripts/config_reference.ts. Do not edit. -->

${
  wrapped(
    "`skein start --config FILE` reads YAML. Every key can be left out. A value comes " +
      "from the defaults, the file, the environment and the flags, each of which wins " +
      "over the one before it; `skein config print` shows every value in effect and where " +
      "it came from, `skein config check FILE` says what is wrong with a file. A key that " +
      "is not known, a value of the wrong type or a combination that makes no sense stops " +
      "the start. In the environment, lists are written as JSON, and URLs also with commas " +
      "between them.",
  )
}

The smallest file of a cluster of three:

\`\`\`yaml
cluster_id: "prod-cluster"
node_id: 1
rpc_addr: "10.0.0.1:9081"
http_addr: "10.0.0.1:8081"
data_dir: ./data
peers:
  - { id: 2, addr: "10.0.0.2:9081" }
  - { id: 3, addr: "10.0.0.3:9081" }
security:
  insecure_allow_non_loopback: true
\`\`\``;

function heading(title: string, section: readonly Key[]): string {
  return [`## ${title}`, ...section.map(entry)].join("\n\n");
}

function entry(key: Key): string {
  const byDefault = key.defaultValue === undefined
    ? "not set"
    : `\`${JSON.stringify(key.defaultValue)}\``;
  return [
    `### \`${key.path}\``,
    wrapped(key.description),
    [
      `- Default: ${byDefault}`,
      `- Allowed: ${key.allowed}`,
      `- Environment: \`${variableOf(key)}\``,
    ].join("\n"),
  ].join("\n\n");
}

/** Breaks a sentence into lines of the page's width, and none within backticks. */
function wrapped(sentence: string): string {
  const lines = [""];
  for (const [word] of sentence.matchAll(/(?:`[^`]*`|[^ `])+/g)) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= 100) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}
