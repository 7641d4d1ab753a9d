/**
 * The layer job: compressed bytes come in, a proved layer comes out, in one pass and in bounded memory.
 *
 * **Two stages.** Each chunk of the source passes both.
 *
 * 1. The *inflate stage* (`InflateStage`) counts and hashes the compressed bytes, compares the
 *    compression with the media type, and inflates.
 * 2. The *scan stage* (`ScanStage`) hashes the uncompressed tar (the diffID), writes it, parses it,
 *    hashes each file, and builds the layer tree (`LayerScanner`).
 *
 * At the end the scan stage checks the layer from the outside in: size, digest, compression,
 * diffID, archive. So an error names the outermost thing that is wrong, and an error that was found
 * further inside is its `cause` (`isDeferrable` decides which errors are deferred for this).
 * `LayerOutputs` opens the files of the target, or keeps the results in memory.
 *
 * **One thread or two.** A small layer runs both stages on one thread (`LayerPipeline`). A large
 * layer runs in two *halves*, each in a worker: the *front* half has the inflate stage, the *back*
 * half the scan stage. Between them is a *ring* of slots in shared memory: the inflater writes
 * where the scanner reads. The front half sends its result (size, digest, errors) as the ring's
 * last message, and the back half makes all checks. Output and errors do not depend on the number
 * of threads.
 *
 * **What crosses threads.** Only values: the job's input (paths, expected digests, rules) and its
 * output (digests, sizes, warnings). The bytes of a layer cross threads only if the source is a
 * stream of the caller. From a file, a registry or a directory the worker reads them itself. Tar
 * and tree are written to files, not sent in messages.
 *
 * Two other rooms give the job a source of their own and reuse its front half: a registry's layer
 * is fetched in the worker, and a directory's files are read there. The *compression job*
 * (`compressInPool`) goes the other way: it compresses a tar in pieces of a fixed size, on all
 * workers.
 *
 * @module
 */
export type { LayerJobOutput, LayerTarget } from "./contract.ts";
export type { InflaterName } from "./inflater_choice.ts";
export type { LayerRules } from "./rules.ts";
