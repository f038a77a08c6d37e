// Key pairs of workloads: ECDSA P-256, new for every certificate request.
// Called by certificate-book.ts and authority.ts; 50 microseconds each, so never kept in stock.
// Private keys stay in memory; nothing here writes or prints one.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export const newKeyPair = (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** PKCS#8 PEM. */
export const privatePem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
