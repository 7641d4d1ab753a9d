/** What a page shows: all of it is in the address. */
export interface PageState {
  /** `layers`, `tree`, `map`, `waste`, `search` or `diff`. */
  readonly view: string;
  /** Index of the image. */
  readonly image: number;
  /** Path of the directory or file. */
  readonly at: string;
  /** Index of the only layer to count; -1 for all. */
  readonly layer: number;
  /** `treemap` or `icicle`. */
  readonly map: string;
  /** What colours mean: `layer` or `kind`. */
  readonly color: string;
  /** Text to search. */
  readonly find: string;
}

/** Reads the state from the part of an address after `#`. What it does not say is as at the beginning. */
export function readState(hash: string): PageState {
  const given: Record<string, string> = {};
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [name = "", value = ""] = part.split("=");
    try {
      given[name] = decodeURIComponent(value);
    } catch {
      // A part that is no text says nothing.
    }
  }
  const number = (text: string | undefined, other: number) =>
    text !== undefined && /^[0-9]{1,4}$/.test(text) ? Number(text) : other;
  return {
    view: given["view"] ?? "layers",
    image: number(given["image"], 0),
    at: given["at"] ?? "/",
    layer: number(given["layer"], -1),
    map: given["map"] ?? "treemap",
    color: given["color"] ?? "layer",
    find: given["find"] ?? "",
  };
}

/** The part of an address that says a state. */
export function writeState(state: PageState): string {
  const said = Object.entries(state).filter(([, value]) => value !== -1 && value !== "");
  return `#${said.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}
