/** What `varve mutate --unset` removes. */
import { VarveError } from "../../../errors.ts";
import type { ContainerChange, ContainerConfig } from "../../../oci/mod.ts";
import { FIELDS, OTHERS, UNSET_NAMES } from "../../image_config/unset_names.ts";

/** The fields of which single items are removed, by the word before the dot. */
const ITEMS = ["env", "label", "annotation", "port", "volume"] as const;

type Item = readonly [kind: typeof ITEMS[number], name: string];

/** What to remove from an image. */
export class Unset {
  readonly #fields: readonly string[];
  readonly #items: readonly Item[];

  /** @throws {VarveError} `E_USAGE` for a name that is not known */
  constructor(names: readonly string[]) {
    const items: Item[] = [];
    this.#fields = names.filter((text) => {
      if (UNSET_NAMES.includes(text)) return true;
      const kind = ITEMS.find((kind) =>
        text.startsWith(`${kind}.`) && text.length > kind.length + 1
      );
      if (kind === undefined) {
        throw new VarveError("E_USAGE", `Cannot unset ${JSON.stringify(text)}: it is not known`, {
          hint: `give ${UNSET_NAMES.join(", ")}, or ${
            ITEMS.map((kind) => `${kind}.NAME`).join(", ")
          }`,
        });
      }
      items.push([kind, text.slice(kind.length + 1)]);
      return false;
    });
    this.#items = items;
  }

  /** The changes to a config. What an image does not have is no error. */
  config(before: ContainerConfig): ContainerChange {
    const of = (kind: Item[0]) =>
      this.#items.filter(([one]) => one === kind).map(([, name]) => name);
    const env = of("env"), labels = of("label"), ports = of("port"), volumes = of("volume");
    const wanted = ports.flatMap((port) => port.includes("/") ? [port] : [port, `${port}/tcp`]);
    const keep = (list: readonly string[] | undefined, names: readonly string[]) =>
      list?.filter((one) => !names.includes(one));
    const fields = this.#fields.flatMap((name) => FIELDS[name] ?? []);
    return {
      env: env.length === 0
        ? undefined
        : before.env?.filter((one) => !env.includes(one.split("=", 1)[0] as string)),
      labels: labels.length === 0 ? undefined : without(before.labels ?? {}, labels),
      exposedPorts: ports.length === 0 ? undefined : keep(before.exposedPorts, wanted),
      volumes: volumes.length === 0 ? undefined : keep(before.volumes, volumes),
      ...Object.fromEntries(fields.map((field) => [field, null])),
    };
  }

  /** Fields to remove that {@linkcode config} does not have, by their names in the document. */
  get removed(): readonly string[] {
    return this.#fields.flatMap((name) => OTHERS[name] ?? []);
  }

  /** The annotations that stay. */
  annotations(before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    if (this.#fields.includes("annotations")) return {};
    const names = this.#items.filter(([kind]) => kind === "annotation").map(([, name]) => name);
    return without(before, names);
  }
}

function without(
  fields: Readonly<Record<string, string>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}
