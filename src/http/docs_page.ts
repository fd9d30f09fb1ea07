/**
 * The document as one page of HTML: no script, no style sheet, no font and no picture from
 * anywhere, so that it is as readable on a machine without a network.
 */

import type { OpenApiDocument } from "./openapi.ts";

/** The page may do nothing but show itself. */
export const docsPagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

const methods = ["get", "head", "put", "post", "patch", "delete"] as const;

/** The whole page. */
export function docsPage(document: OpenApiDocument): string {
  const tags = document.tags ?? [];
  const sections = tags.map(({ name, description }) => {
    const operations = operationsOf(document).filter(({ tag }) => tag === name);
    const body = operations.map((operation) => operationHtml(document, operation)).join("");
    return markup`<section><h2 id="${name}">${name}</h2><p>${description ?? ""}</p>${
      raw(body)
    }</section>`;
  });
  const links = tags.map(({ name }) => markup`<a href="#${name}">${name}</a>`);
  const schemas = Object.entries(document.components?.schemas ?? {}).map(([name, schema]) =>
    markup`
      <details id="schema-${name}">
        <summary><code>${name}</code></summary>
        <pre>${JSON.stringify(schema, undefined, 2)}</pre>
      </details>
    `
  );
  const { title, version, description } = document.info;
  return `<!doctype html>${markup`
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <title>${title} ${version}</title>
        <meta name="viewport" content="width=device-width">
        <style>${raw(style)}</style>
      </head>
      <body>
        <header>
          <h1>${title} <small>${version}</small></h1>
          <p>${description ?? ""}</p>
          <nav>${
    raw(
      links.join(" "),
    )
  } <a href="#schemas">schemas</a> <a href="/openapi.json">openapi.json</a></nav>
        </header>
        <main>${raw(sections.join(""))}
    <section><h2 id="schemas">schemas</h2>${raw(schemas.join(""))}</section></main>
      </body>
    </html>
  `}`;
}

interface OperationEntry {
  readonly method: string;
  readonly path: string;
  readonly tag: string | undefined;
  readonly operation: Operation;
}

type PathItem = NonNullable<OpenApiDocument["paths"]>[string];
type Operation = NonNullable<PathItem["get"]>;

function operationsOf(document: OpenApiDocument): readonly OperationEntry[] {
  const entries: OperationEntry[] = [];
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of methods) {
      const operation = item[method];
      if (operation !== undefined) {
        entries.push({ method, path, tag: operation.tags?.[0], operation });
      }
    }
  }
  return entries;
}

function operationHtml(document: OpenApiDocument, entry: OperationEntry): string {
  const { method, path, operation } = entry;
  const parameters = (operation.parameters ?? []).map((parameter) =>
    "$ref" in parameter ? "" : markup`
      <tr>
        <td><code>${parameter.name}</code></td>
        <td>${parameter.in}</td>
        <td>${typeOf(parameter.schema)}</td>
        <td>${parameter.description ?? describe(parameter.schema)}</td>
      </tr>
    `
  );
  const responses = Object.entries(operation.responses ?? {}).map(([status, response]) =>
    markup`
      <tr>
        <td>${status}</td>
        <td>${raw(responseHtml(document, response))}</td>
      </tr>
    `
  );
  const table = parameters.length === 0
    ? ""
    : `<table><tr><th>option</th><th>in</th><th>type</th><th></th></tr>${
      parameters.join("")
    }</table>`;
  return markup`<details id="${operation.operationId ?? ""}"><summary>
<b class="${method}">${method.toUpperCase()}</b> <code>${path}</code> ${operation.summary ?? ""}
</summary><p>${operation.description ?? ""}</p>${raw(table)}${raw(bodyHtml(operation))}
<table><tr><th>status</th><th></th></tr>${raw(responses.join(""))}</table></details>`;
}

/** What the operation takes as its body, with an example of each media type. */
function bodyHtml({ requestBody }: Operation): string {
  const contents: Readonly<Record<string, unknown>> = Object(Object(requestBody).content);
  const rows = Object.entries(contents).map(([mediaType, content]) => {
    const { schema, example }: { readonly schema?: unknown; readonly example?: unknown } = Object(
      content,
    );
    const shown = example === undefined ? "" : markup`<pre>${JSON.stringify(example)}</pre>`;
    return markup`
      <tr>
        <td><code>${mediaType}</code> ${raw(schemaLink(Object(schema)["items"] ?? schema))}</td>
        <td>${raw(shown)}</td>
      </tr>
    `;
  });
  return rows.length === 0 ? "" : `<table><tr><th>body</th><th></th></tr>${rows.join("")}</table>`;
}

type Components = NonNullable<OpenApiDocument["components"]>;
type Response = NonNullable<Components["responses"]>[string];

function responseHtml(document: OpenApiDocument, response: Response): string {
  if ("$ref" in response) {
    const name = String(response.$ref).split("/").at(-1) ?? "";
    const target = document.components?.responses?.[name];
    return target === undefined ? markup`${name}` : responseHtml(document, target);
  }
  const contents = Object.entries(response.content ?? {}).map(([mediaType, content]) => {
    const link = schemaLink(Object(content)["schema"]);
    return markup`
      <code>${mediaType}</code> ${raw(link)}
    `;
  });
  return markup`${response.description ?? ""}${raw(contents.join(","))}`;
}

function schemaLink(schema: unknown): string {
  const name = /^#\/components\/schemas\/(.+)$/.exec(String(Object(schema).$ref))?.[1];
  return name === undefined ? "" : markup`<a href="#schema-${name}">${name}</a>`;
}

function typeOf(schema: unknown): string {
  return String(Object(schema).type ?? "");
}

function describe(schema: unknown): string {
  return String(Object(schema).description ?? "");
}

/** Text that is HTML already. */
interface Raw {
  readonly html: string;
}

function raw(text: string): Raw {
  return { html: text };
}

function markup(parts: TemplateStringsArray, ...values: readonly (string | Raw)[]): string {
  let text = parts[0]!;
  for (const [i, value] of values.entries()) {
    text += (typeof value === "string" ? escaped(value) : value.html) + parts[i + 1]!;
  }
  return text;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const style = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
header p{white-space:pre-line}nav a{margin-right:1rem}
details{border:1px solid #8884;border-radius:.4rem;margin:.4rem 0;padding:.4rem .8rem}
summary{cursor:pointer}b{display:inline-block;min-width:4.5rem}
.get,.head{color:#28a}.put,.post,.patch{color:#282}.delete{color:#b33}
table{border-collapse:collapse;margin:.6rem 0;width:100%}
td,th{border-top:1px solid #8884;padding:.2rem .6rem;text-align:left;vertical-align:top}
pre{overflow:auto}code{font-size:.95em}`;
