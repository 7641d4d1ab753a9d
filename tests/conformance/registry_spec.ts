/**
 * The OCI distribution specification 1.1, case by case, in the categories of its own conformance suite:
 * pull, push, content discovery, content management. Each category has its own files.
 */
import { Api, type Case, type Cases } from "./registry_api.ts";
import { DELETE } from "./registry_spec_delete.ts";
import { LISTS } from "./registry_spec_lists.ts";
import { MANIFESTS } from "./registry_spec_manifests.ts";
import { PULL } from "./registry_spec_pull.ts";
import { UPLOADS } from "./registry_spec_uploads.ts";

/** A running registry. */
export interface RegistryUnderTest extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
}

/** A deviation of a registry from a case: what it does instead, and why. */
export interface Deviation {
  readonly why: string;
  /** Proves just what it does. */
  readonly instead: Case;
}

/** Deviations by the titles of their cases. */
export type Deviations = Readonly<Record<string, Deviation>>;

const CASES: Cases = { ...PULL, ...UPLOADS, ...MANIFESTS, ...LISTS, ...DELETE };

/** Registers all cases for a registry. Each case gets an empty registry of its own. */
export function registryConformance(
  label: string,
  start: () => Promise<RegistryUnderTest>,
  { deviations = {}, ignore = false }: {
    readonly ignore?: boolean;
    readonly deviations?: Deviations;
  } = {},
): void {
  for (const title of Object.keys(deviations)) {
    if (!(title in CASES)) throw new Error(`Cannot deviate from ${title}: there is no such case`);
  }
  for (const [title, run] of Object.entries(CASES)) {
    const deviation = deviations[title];
    Deno.test({
      name: `${label}: ${title}${deviation === undefined ? "" : ` (deviates: ${deviation.why})`}`,
      ignore,
      fn: async () => {
        await using registry = await start();
        await (deviation?.instead ?? run)(new Api(registry.url));
      },
    });
  }
}
