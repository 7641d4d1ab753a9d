/**
 * A key that was pressed: a printable character as itself, any other key by its name, such as `up`, `tab`, `ctrl-a`.
 * `ctrl-i` is `tab` and `ctrl-m` is `enter`: terminals send the same for both.
 */
export type Key = string;

/** Keys of one byte that have names of their own. */
const NAMED: Readonly<Record<number, Key>> = {
  0x00: "ctrl-space",
  0x08: "backspace",
  0x09: "tab",
  0x0d: "enter",
  0x1b: "escape",
  0x1f: "ctrl-slash",
  0x7f: "backspace",
};

/** Keys by what follows ESC, after a `[` or `O`. */
const SEQUENCES: Readonly<Record<string, Key>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  Z: "back-tab",
  "1~": "home",
  "4~": "end",
  "5~": "page-up",
  "6~": "page-down",
  "7~": "home",
  "8~": "end",
};

/** Longest control sequence: what is longer is none. */
const LONGEST = 16;

/** Reads keys from what a terminal sends. A sequence may come in several parts. */
export class KeyReader {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** The keys in the next bytes. Sequences of unknown keys are left out. */
  read(bytes: Uint8Array): Key[] {
    let text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    this.#rest = "";
    const keys: Key[] = [];
    while (text !== "") {
      // deno-lint-ignore no-control-regex
      const sequence = /^\x1b(?:\[([0-9;?<=>]*[ -/]*[@-~])|O([@-~]))/.exec(text);
      if (sequence !== null) {
        const key = SEQUENCES[sequence[1] ?? sequence[2] ?? ""];
        if (key !== undefined) keys.push(key);
        text = text.slice(sequence[0].length);
        continue;
      }
      // deno-lint-ignore no-control-regex
      if (/^\x1b[[O][0-9;?<=>]*[ -/]*$/.test(text) && text.length < LONGEST) {
        this.#rest = text;
        break;
      }
      const char = String.fromCodePoint(text.codePointAt(0) as number);
      text = text.slice(char.length);
      const code = char.charCodeAt(0);
      if (code >= 0x20 && code !== 0x7f) keys.push(char);
      else keys.push(NAMED[code] ?? `ctrl-${String.fromCharCode(0x60 + code)}`);
    }
    return keys;
  }
}

/** Whether a key is a printable character. */
export function isCharacter(key: Key): boolean {
  return key.length === 1 || [...key].length === 1;
}
