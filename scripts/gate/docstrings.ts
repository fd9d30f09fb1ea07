/** What a file of src exports is documented where it stands. */

import type { Finding, ParsedFile } from "./rule.ts";
import type { Comment } from "./tokens.ts";

const documented: ReadonlySet<string> = new Set(["function", "class", "interface"]);
const modifiers: ReadonlySet<string> = new Set(["async", "abstract", "declare"]);

/** Every exported function, class and interface of src has a docstring directly above it. */
export function checkDocstrings({ path, tokens, comments }: ParsedFile): readonly Finding[] {
  if (!path.startsWith("src/")) return [];
  const docs = new Set(comments.filter(isDocstring).map(({ endLine }) => endLine));
  const findings: Finding[] = [];
  const overloaded = new Set<string>();
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== "name" || token.text !== "export") continue;
    let word = at + 1;
    while (modifiers.has(tokens[word]?.text ?? "")) word++;
    const [kind, name] = [tokens[word]?.text ?? "", tokens[word + 1]?.text ?? ""];
    if (!documented.has(kind) || overloaded.has(name)) continue;
    // The overloads of a function share the docstring of the first.
    if (docs.has(token.line - 1)) overloaded.add(name);
    else findings.push({ line: token.line, message: `${kind} ${name} has no docstring` });
  }
  return findings;
}

function isDocstring({ text }: Comment): boolean {
  return text.startsWith("/**") && text.length > "/** */".length;
}
