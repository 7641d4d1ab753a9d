/**
 * The layer job: compressed bytes come in, a proved layer comes out, in one pass and in bounded
 * memory. *Proved* means that the digests were computed from the bytes of the layer and are equal
 * to any expected digests.
 *
 * **Two stages.** Each chunk of the source passes both.
 *
 * 1. The *inflate stage* (`InflateStage`) counts and hashes the compressed bytes, compares the
 *    compression with the media type, and inflates.
 * 2. The *scan stage* (`ScanStage`) hashes the uncompressed tar (the diffID), writes it, parses it,
 *    hashes each file, and builds the layer tree (`LayerScanner`).
 *
 * At the end the scan stage checks the layer from the outside in: size, digest, compression,
 * diffID, archive. Until then an error of bad data is deferred where possible (`isDeferrable`
 * decides). If a check further outside fails, the job fails with the error of that check, and the
 * deferred error becomes its `cause`.
 *
 * `LayerOutputs` opens the files of the target, or keeps the results in memory.
 *
 * **One thread or two.** A small layer runs both stages on one thread (`LayerPipeline`). A large
 * layer runs in two *halves*, each in a worker: the *front* half has the inflate stage, the *back*
 * half the scan stage. Between them is a *ring* of slots in shared memory: the inflater writes into
 * a slot, and the scanner reads the bytes from there without a copy. The front half sends its
 * result (size, digest, errors) as the ring's last message, and the back half makes all checks.
 * Output and errors do not depend on the number of threads.
 *
 * **What is sent to a worker and back.** Only the job's input (paths, expected digests, rules) and
 * its output (digests, sizes, warnings). The bytes of a layer are sent only if the source is a
 * stream of the caller. The worker itself reads a file or a directory, and downloads from a
 * registry. It writes tar and tree to files and does not send them back.
 *
 * Two other rooms define jobs that run this job on a stream of their own: `registry` downloads a
 * layer, and `directory` makes a tar from files, both in the worker. The *compression job*
 * (`compressInPool`) works in the other direction: it compresses a tar in pieces of a fixed size,
 * on all workers.
 *
 * @module
 */
export type { LayerJobOutput, LayerTarget } from "./contract.ts";
export type { InflaterName } from "./inflater_choice.ts";
export type { LayerRules } from "./rules.ts";
