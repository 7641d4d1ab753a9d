import type { InflaterName } from "../layer_job/mod.ts";

/** Names of what decompresses gzip. They are repeated here because parsing a name should not load what decompresses. */
const INFLATERS: Readonly<Record<InflaterName, null>> = { auto: null, isal: null, zlib: null };

/** Values of the setting `inflate`, the default first. */
export const INFLATER_CHOICES = Object.keys(INFLATERS) as readonly InflaterName[];
