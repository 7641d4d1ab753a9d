/**
 * What every store promises, as a function of a factory.
 *
 * Each part has a file of its own; `storeConformance` runs them all.
 */
import type { Store } from "../../lib/store/mod.ts";
import { contentConformance } from "./store_content.ts";
import { ingestConformance } from "./store_ingest.ts";
import { ingestLayersConformance } from "./store_ingest_layers.ts";
import { keptConformance } from "./store_kept.ts";
import { rowsConformance } from "./store_rows.ts";

/** An empty store. Disposing the fixture closes it and removes its files. */
export interface StoreFixture extends AsyncDisposable {
  readonly store: Store;
}

/** Makes a new, empty store. */
export type StoreFactory = () => Promise<StoreFixture>;

/** Registers the tests of all parts. */
export function storeConformance(name: string, factory: StoreFactory): void {
  const test = (title: string, fn: (store: Store) => Promise<void> | void) => {
    Deno.test(`${name}: ${title}`, async () => {
      await using fixture = await factory();
      await fn(fixture.store);
    });
  };
  ingestConformance(test);
  ingestLayersConformance(test);
  keptConformance(test);
  contentConformance(test);
  rowsConformance(test);
}

/** Registers one test over a new, empty store. */
export type StoreTest = (title: string, fn: (store: Store) => Promise<void> | void) => void;
