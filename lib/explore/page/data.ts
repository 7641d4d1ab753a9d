/** The data in a page. `html/html_page.ts` writes it. */

/** A number of things and their bytes. */
export type PageSum = readonly [count: number, bytes: number];

/** A layer. */
export interface PageLayer {
  readonly id: string;
  readonly created: string;
  readonly command: string;
  readonly bytes: number;
  /** By kind of change. */
  readonly changes: readonly PageSum[];
}

/** An image. */
export interface PageImage {
  readonly name: string;
  readonly about: string;
  readonly layers: readonly PageLayer[];
  readonly layerBytes: number;
  readonly image: PageSum;
  readonly store:
    | { readonly size: number; readonly shared: number; readonly unique: number }
    | null;
  /** By cause. */
  readonly waste: readonly PageSum[];
  readonly wasted: readonly (readonly [
    path: string,
    cause: number,
    layer: number,
    by: number,
    bytes: number,
  ])[];
  readonly duplicates: PageSum;
  /** Equal files: the size of one, how many they are, and the paths of the first ones. */
  readonly duplicateFiles: readonly (readonly [
    size: number,
    count: number,
    paths: readonly string[],
  ])[];
  readonly efficiency: number;
  readonly dive: {
    readonly score: number;
    readonly wasted: number;
    readonly paths: readonly (readonly [path: string, count: number, bytes: number])[];
  };
  /** Directories whose entries were left out, and the paths in them. */
  readonly folded: PageSum;
  /**
   * All paths in the order of a walk, the root first: depth, then name. Of `changes` each has pairs of
   * `5 × layer + kind` and bytes.
   */
  readonly depths: readonly number[];
  readonly names: readonly string[];
  /** One letter for each path, as `ls` has it; `+` for a directory whose entries were left out. */
  readonly types: string;
  readonly changes: readonly (readonly number[])[];
}

/** What a page shows. */
export interface PageData {
  /** Whether a server answers for the files of the image. */
  readonly live: boolean;
  readonly kinds: readonly string[];
  readonly causes: readonly string[];
  readonly images: readonly PageImage[];
  /** From the first image to the second; `null` for one image. */
  readonly diff: {
    readonly entries: readonly (readonly [
      kind: string,
      path: string,
      before: number,
      after: number,
    ])[];
    /** How many more there are. */
    readonly more: number;
  } | null;
}
