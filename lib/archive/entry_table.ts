import { type ByteString, toText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import type { Entry } from "../layer/mod.ts";
import { cleanName, type FileAt, MAX_LINKS } from "./files.ts";

/**
 * Limit of entries in the outer archive. An image has a few entries for each layer, so real archives are far below this
 * limit.
 */
const MAX_ENTRIES = 200_000;
/**
 * Limit of the length of a name in the outer archive: `PATH_MAX` of Linux without its NUL. A `Map`
 * takes all long strings of one length for equal hashes, so tens of thousands of them would take
 * many minutes.
 */
const MAX_NAME = 4095;

type Slot = FileAt | { readonly kind: "link"; readonly target: string | undefined };

/** The files and links of an outer tar, by name. */
export class EntryTable {
  readonly #label: string;
  readonly #slots = new Map<string, Slot>();

  /** `label` names the archive in errors. */
  constructor(label: string) {
    this.#label = label;
  }

  /**
   * The name of an entry, in the form of {@linkcode cleanName}.
   *
   * @throws {VarveError} `E_PATH_ESCAPE` when it leads outside the archive, `E_NAME_TOO_LONG`
   */
  nameOf(entry: Entry): string {
    const { length } = entry.path;
    if (length > MAX_NAME) {
      throw new VarveError(
        "E_NAME_TOO_LONG",
        `Cannot read ${this.#label}: an entry has a name of ${length} bytes, and no file of an image has more than ${MAX_NAME}`,
        { subject: this.#label, expected: MAX_NAME, actual: length },
      );
    }
    const name = cleanName(toText(entry.path));
    if (name !== undefined) return name;
    throw new VarveError(
      "E_PATH_ESCAPE",
      `Cannot read ${this.#label}: an entry has the name ${JSON.stringify(toText(entry.path))}`,
    );
  }

  /** Adds a file. @throws {VarveError} `E_NAME_CLASH` when the name is taken, `E_LIMIT` */
  add(name: string, slot: Slot): void {
    if (this.#slots.has(name)) {
      // Two readers could pick different entries: one entry would be verified, and the other would be used.
      throw new VarveError(
        "E_NAME_CLASH",
        `Cannot read ${this.#label}: it holds ${JSON.stringify(name)} twice`,
        { subject: name },
      );
    }
    if (this.#slots.size >= MAX_ENTRIES) {
      throw new VarveError(
        "E_LIMIT",
        `Cannot read ${this.#label}: more than ${MAX_ENTRIES} entries`,
        {
          expected: MAX_ENTRIES,
        },
      );
    }
    this.#slots.set(name, slot);
  }

  /** Adds a symbolic or hard link. @throws {VarveError} as {@linkcode nameOf} and {@linkcode add} */
  addLink(entry: Entry): void {
    const name = this.nameOf(entry);
    this.add(name, { kind: "link", target: linkTarget(name, entry) });
  }

  /**
   * Finds a file by name, and follows links. `undefined` when the name is unknown.
   *
   * @throws {VarveError} `E_FORMAT` for a bad link
   */
  find(name: string): FileAt | undefined {
    let at = cleanName(name);
    for (let hops = 0; hops <= MAX_LINKS; hops++) {
      const slot = at === undefined ? undefined : this.#slots.get(at);
      if (slot === undefined) {
        if (hops === 0) return undefined;
        throw this.#badLink(name, "its links lead nowhere");
      }
      if (slot.kind !== "link") return slot;
      at = slot.target;
    }
    throw this.#badLink(name, `its links form a circle, or are more than ${MAX_LINKS}`);
  }

  /** All files, without the links. */
  *files(): Iterable<readonly [name: string, at: FileAt]> {
    for (const [name, slot] of this.#slots) if (slot.kind !== "link") yield [name, slot];
  }

  #badLink(name: string, state: string): VarveError {
    return new VarveError(
      "E_FORMAT",
      `Cannot find ${JSON.stringify(name)} in ${this.#label}: ${state}`,
      { subject: name },
    );
  }
}

/** A symbolic link is relative to its directory, a hard link to the root of the archive. */
function linkTarget(name: string, entry: Entry): string | undefined {
  const target = toText(entry.linkname as ByteString);
  if (entry.type === "hardlink") return cleanName(target);
  if (target.startsWith("/")) return undefined;
  const slash = name.lastIndexOf("/");
  return cleanName(slash < 0 ? target : `${name.slice(0, slash)}/${target}`);
}
