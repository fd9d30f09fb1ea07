/**
 * Splits TypeScript into tokens, so that the gate's rules see code and never the inside of a string
 * or a comment. It knows no grammar. Where the language needs one (is `/` a division or a regular
 * expression?) it decides by the token before, which is right for every file that `deno fmt` has
 * laid out.
 */

export interface Token {
  readonly kind: "name" | "number" | "string" | "template" | "regex" | "punctuation";
  /** Of a string the contents between the quotes, as written; else the source text. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

export interface Comment {
  /** With its marks. */
  readonly text: string;
  readonly line: number;
  readonly endLine: number;
}

export interface Tokens {
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

const namePattern = /[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*/uy;
const numberPattern =
  /0[xXbBoO][0-9a-fA-F_]+n?|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?n?/y;
const regexPattern = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const punctuationPattern = /=>|\.\.\.|\?\.(?![0-9])|[\s\S]/y;
const blankPattern = /\s+/y;

/** Names behind which a `/` opens a regular expression, because an operand must follow. */
const operandMustFollow: ReadonlySet<string> = new Set(
  "return typeof case in of do else void delete throw new instanceof yield await".split(" "),
);

/** All tokens of `source` in order, comments apart. Total: whatever is not understood is split. */
export function tokenize(source: string): Tokens {
  return new Tokenizer(source).run();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  readonly #comments: Comment[] = [];
  /** Of every `${` that is open: how many braces are open inside it. */
  readonly #templates: number[] = [];
  #at = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Tokens {
    if (this.#source.startsWith("#!")) this.#take(this.#source.indexOf("\n"));
    while (this.#at < this.#source.length) this.#next();
    return { tokens: this.#tokens, comments: this.#comments };
  }

  #next(): void {
    const blank = this.#match(blankPattern);
    if (blank !== undefined) {
      this.#take(blank.length);
      return;
    }
    const two = this.#source.slice(this.#at, this.#at + 2);
    const one = two.slice(0, 1);
    if (two === "//") this.#comment(this.#find("\n", this.#at));
    else if (two === "/*") this.#comment(this.#find("*/", this.#at + 2) + 2);
    else if (one === '"' || one === "'") this.#string(one);
    else if (one === "`") this.#template();
    else if (one === "}" && this.#templates.at(-1) === 0) this.#template();
    else this.#plain();
  }

  #plain(): void {
    const number = this.#match(numberPattern);
    if (number !== undefined) return this.#push("number", number.length, number);
    const name = this.#match(namePattern);
    if (name !== undefined) return this.#push("name", name.length, name);
    const regex = this.#regexMayStart() ? this.#match(regexPattern) : undefined;
    if (regex !== undefined) return this.#push("regex", regex.length, regex);
    const mark = this.#match(punctuationPattern)!;
    const depth = this.#templates.length - 1;
    if (depth >= 0 && mark === "{") this.#templates[depth]! += 1;
    if (depth >= 0 && mark === "}") this.#templates[depth]! -= 1;
    this.#push("punctuation", mark.length, mark);
  }

  #string(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#source.length && this.#source[end] !== quote) {
      if (this.#source[end] === "\n") break;
      end += this.#source[end] === "\\" ? 2 : 1;
    }
    this.#push("string", end + 1 - this.#at, this.#source.slice(this.#at + 1, end));
  }

  /** From a backtick, or the brace that closes an expression, to the next `${` or the end. */
  #template(): void {
    if (this.#source[this.#at] === "}") this.#templates.pop();
    let end = this.#at + 1;
    while (end < this.#source.length && this.#source[end] !== "`") {
      if (this.#source.startsWith("${", end)) {
        this.#templates.push(0);
        end += 1;
        break;
      }
      end += this.#source[end] === "\\" ? 2 : 1;
    }
    const length = end + 1 - this.#at;
    this.#push("template", length, this.#source.slice(this.#at, this.#at + length));
  }

  #comment(end: number): void {
    const line = this.#line;
    const text = this.#source.slice(this.#at, end);
    this.#take(text.length);
    this.#comments.push({ text, line, endLine: this.#line });
  }

  #regexMayStart(): boolean {
    const before = this.#tokens.at(-1);
    if (before === undefined) return true;
    if (before.kind === "name") return operandMustFollow.has(before.text);
    if (before.kind === "template") return before.text.endsWith("${");
    return before.kind === "punctuation" && !/^[)\]}]$/.test(before.text);
  }

  #push(kind: Token["kind"], length: number, text: string): void {
    this.#tokens.push({ kind, text, line: this.#line });
    this.#take(length);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source)?.[0];
  }

  #find(text: string, from: number): number {
    const found = this.#source.indexOf(text, from);
    return found < 0 ? this.#source.length : found;
  }

  #take(length: number): void {
    const end = Math.min(this.#at + length, this.#source.length);
    for (let at = this.#at; at < end; at++) if (this.#source.charCodeAt(at) === 10) this.#line++;
    this.#at = Math.max(end, this.#at + 1);
  }
}
