// Which compression an HTTP client wants (RFC 9110 §12.5.3), and doing it off the event loop.
import { promisify } from 'node:util';
import { brotliCompress, constants, deflate, gzip, zstdCompress } from 'node:zlib';

type Compress = (body: Uint8Array) => Promise<Uint8Array>;

const deflateAsync = promisify(deflate);
const gzipAsync = promisify(gzip);
const zstdAsync = promisify(zstdCompress);
const brotliAsync = promisify(brotliCompress);

/** In the order of our preference among codings that the client likes equally: cheapest for the bytes saved first. */
const codings: Readonly<Record<string, Compress>> = {
  zstd: (body) => zstdAsync(body),
  gzip: (body) => gzipAsync(body),
  br: (body) => brotliAsync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  deflate: (body) => deflateAsync(body),
};

/** The coding to use for this `Accept-Encoding`, or undefined to send the body as it is. */
export function chooseCoding(acceptEncoding: string): string | undefined {
  const weights = new Map(acceptEncoding.split(',').map(weighted));
  let best: string | undefined;
  let bestWeight = 0;
  for (const coding of Object.keys(codings)) {
    const weight = weights.get(coding) ?? weights.get('*') ?? 0;
    if (weight > bestWeight) [best, bestWeight] = [coding, weight];
  }
  return best;
}

export function compress(coding: string, body: Uint8Array): Promise<Uint8Array> {
  return codings[coding]?.(body) ?? Promise.resolve(body);
}

function weighted(element: string): [coding: string, weight: number] {
  const [coding = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase());
  const given = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = given === undefined ? 1 : Number(given.slice(2));
  return [coding, weight >= 0 && weight <= 1 ? weight : 0];
}
