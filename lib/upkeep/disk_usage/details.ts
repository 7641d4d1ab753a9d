import { CONTAINER_LABELS } from "../../container/internal.ts";
import type { Digest } from "../../digest/mod.ts";
import { IMAGE_MANIFEST_LABEL } from "../../snapshot/mod.ts";
import { reachedFrom } from "../../store/internal.ts";
import type { DiskStore, Marks, Thing } from "../../store/mod.ts";
import type { ImageUsage, LayerUsage } from "./contract.ts";
import type { Measured } from "./measure.ts";
import type { Unit } from "./units.ts";

/** An image with everything that it needs. */
interface Image {
  readonly digest: Digest;
  readonly names: string[];
  readonly marks: Marks;
}

/** Bytes that belong to the same things. */
interface Portion {
  readonly bytes: number;
  readonly things: readonly Thing[];
}

/** Shared and unique bytes of each image and layer. */
export function detailsOf(
  store: DiskStore,
  units: readonly Unit[],
  measured: Measured,
): { readonly images: ImageUsage[]; readonly layers: LayerUsage[] } {
  const images = imagesOf(store);
  const containers = containersOf(store);
  const portions = portionsOf(units, measured);
  const usersOf = (things: readonly Thing[]) =>
    images.filter(({ marks }) => things.some((thing) => marks.keeps(thing)));
  const sizes = new Map(images.map(({ digest }) => [digest, { shared: 0, unique: 0 }]));
  const layers = store.layers.list().map(({ diffId }) => {
    const things: Thing[] = [
      `layer:${diffId}`,
      ...store.layers.blobsOf(diffId).map((digest): Thing => `blob:${digest}`),
    ];
    return { diffId, things: new Set(things), shared: 0, unique: 0 };
  });
  const layersByThing = new Map(
    layers.flatMap((layer) => [...layer.things].map((thing) => [thing, layer] as const)),
  );
  for (const { bytes, things } of portions) {
    const users = usersOf(things);
    const part = users.length > 1 ? "shared" : "unique";
    for (const { digest } of users) {
      const size = sizes.get(digest);
      if (size !== undefined) size[part] += bytes;
    }
    for (const layer of new Set(things.map((thing) => layersByThing.get(thing)))) {
      if (layer !== undefined) layer[part] += bytes;
    }
  }
  const bySize = (a: { readonly size: number }, b: { readonly size: number }) => b.size - a.size;
  return {
    images: images.map(({ digest, names, marks }) => {
      const { shared = 0, unique = 0 } = sizes.get(digest) ?? {};
      const own = containers.filter(({ image, manifest }) =>
        names.includes(image) || manifest !== undefined && marks.keeps(`blob:${manifest}`)
      );
      return { names, digest, size: shared + unique, shared, unique, containers: own.length };
    }).sort(bySize),
    layers: layers.map(({ diffId, shared, unique }) => ({
      diffId,
      size: shared + unique,
      shared,
      unique,
      images: usersOf([`layer:${diffId}`]).length,
    })).sort(bySize),
  };
}

function imagesOf(store: DiskStore): Image[] {
  const images = new Map<Digest, Image>();
  for (const { name, target: { digest } } of store.images.list()) {
    const known = images.get(digest);
    if (known !== undefined) known.names.push(name);
    else images.set(digest, { digest, names: [name], marks: reachedFrom(store, `image:${name}`) });
  }
  return [...images.values()];
}

function containersOf(store: DiskStore) {
  return store.snapshots.read((table) => table.list()).flatMap(({ kind, labels }) => {
    const image = labels[CONTAINER_LABELS.image];
    if (kind !== "active" || image === undefined) return [];
    return [{ image, manifest: labels[IMAGE_MANIFEST_LABEL] as Digest | undefined }];
  });
}

function portionsOf(units: readonly Unit[], { own, shared }: Measured): Portion[] {
  const portions: Portion[] = [];
  for (const [at, { thing }] of units.entries()) {
    if (thing !== null) portions.push({ bytes: own[at] ?? 0, things: [thing] });
  }
  for (const { bytes, names } of shared.values()) {
    const things = [...names.keys()].map((at) => units[at]?.thing ?? null);
    portions.push({ bytes, things: things.filter((thing) => thing !== null) });
  }
  return portions;
}
