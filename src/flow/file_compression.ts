/** How finished IPFIX files can be compressed: shared by settings, writer and reader. */
export const compressions = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof compressions)[number];
/** Appended to the file's name. */
export const suffixes: Readonly<Record<Compression, string>> = { none: '', gzip: '.gz', zstd: '.zst' };
